#pragma once

namespace mpquic {

/// Owns a C handle in one line: `using Conn = std::unique_ptr<ngtcp2_conn, Deleter<ngtcp2_conn_del>>;`
template <auto Free>
struct Deleter {
  void operator()(auto* handle) const noexcept { Free(handle); }
};

}  // namespace mpquic
