#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quic/connection.h"
#include "tunnel/overflow.h"
#include "tunnel/session.h"

namespace mpquic::tunnel {

/// A session's packets as one connection sends them: each datagram begins with the same bytes, and what is too large
/// for one takes another way, if there is one.
class PathSource final : public quic::DatagramSource {
 public:
  static constexpr std::size_t longest_prefix = 16;

  explicit PathSource(Session& session) : session_(session) {}

  void set_prefix(Bytes prefix);
  /// Packets up to `smallest_mtu` that no datagram has room for go there; the session lets them through.
  void set_overflow(Overflow& overflow, std::size_t smallest_mtu);
  /// Without datagrams: everything goes over the other way, as far as it takes it.
  void overflow_all(Instant now);

  const packet::Pieces* front(std::size_t max_size, Instant now) override;
  bool more() const override { return session_.more(); }
  void pop() override;
  void pause(bool pauses) override { session_.pause(pauses); }
  Bytes prefix() const override { return Bytes(prefix_).first(prefix_size_); }

  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void count_and_pop(std::size_t size);

  Session& session_;
  Overflow* overflow_ = nullptr;
  std::array<std::uint8_t, longest_prefix> prefix_{};
  std::size_t prefix_size_ = 0;
  std::size_t front_size_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace mpquic::tunnel
