#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "quic/streams.h"

namespace mpquic::masque {

/// Reads along on a server's control stream (RFC 9114, 6.2.1) for SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 9220), which
/// nghttp3 1.8 does not tell clients. All checks are nghttp3's.
class SettingsReader {
 public:
  /// The next bytes of a one-way stream of the server's.
  void read(quic::StreamId stream, Bytes bytes);
  bool extended_connect() const { return extended_connect_; }

 private:
  void look_for_settings();

  std::optional<quic::StreamId> control_;
  std::set<quic::StreamId> others_;  ///< one-way streams that have begun and are not it
  std::vector<std::uint8_t> begun_;  ///< the stream so far, until its first frame is whole
  bool done_ = false;
  bool extended_connect_ = false;
};

}  // namespace mpquic::masque
