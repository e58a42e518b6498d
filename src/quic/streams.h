#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace mpquic::quic {

/// RFC 9000, 2.1.
using StreamId = std::int64_t;

/// What a protocol wants to send next over one of its streams.
struct StreamData {
  static constexpr std::size_t most_pieces = 8;

  StreamId stream = -1;  ///< -1: there is nothing
  std::array<Bytes, most_pieces> pieces;
  std::size_t piece_count = 0;
  bool end = false;  ///< nothing comes after it
};

/// The protocol that a connection's streams carry (RFC 9000, 2 and 3). Called from within Connection::receive(),
/// on_deadline() and write(); it must not destroy the connection there, but may close it.
class StreamProtocol {
 public:
  /// Bytes of a stream, in order, valid during the call. `end`: the last ones. Connection::consumed() lets more come.
  virtual void on_stream_data(StreamId stream, Bytes data, bool end) = 0;
  /// The next `bytes` of what was sent have arrived: their memory is no longer needed.
  virtual void on_stream_acknowledged(StreamId stream, std::size_t bytes) = 0;
  /// The other end has given up sending (RESET_STREAM).
  virtual void on_stream_reset(StreamId stream) = 0;
  /// Both directions have ended. `error`: the application's code, 0 if there was none.
  virtual void on_stream_closed(StreamId stream, std::uint64_t error) = 0;

  virtual StreamData next_data() = 0;
  /// So many bytes of what next_data() gave are on their way; the memory must stay until they are acknowledged.
  virtual void on_stream_sent(StreamId stream, std::size_t bytes) = 0;
  /// The stream's flow control lets nothing more through, and again does.
  virtual void on_stream_blocked(StreamId stream) = 0;
  virtual void on_stream_unblocked(StreamId stream) = 0;
  /// What next_data() gave can't go: the stream was reset, or the other end does not want it (STOP_SENDING), which
  /// ngtcp2 does not tell before something is to be sent.
  virtual void on_stream_unwritable(StreamId stream) = 0;

 protected:
  ~StreamProtocol() = default;
};

}  // namespace mpquic::quic
