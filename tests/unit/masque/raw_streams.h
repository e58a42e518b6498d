#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "masque/tunnels_fixture.h"

/// A client below HTTP/3: whatever bytes a test wants, over streams.
namespace mpquic::masque {

class RawStreams final : public quic::StreamProtocol {
 public:
  explicit RawStreams(quic::Connection& connection) : connection_(connection) { connection.set_streams(this); }
  ~RawStreams() { connection_.set_streams(nullptr); }

  StreamId open() { return *connection_.open_stream(); }
  StreamId open_one_way() { return *connection_.open_one_way_stream(); }
  void send(StreamId stream, Packet bytes) { sent_[stream].waiting.push_back(std::move(bytes)); }
  void finish(StreamId stream) { sent_[stream].ended = true; }

  std::map<StreamId, Packet> received;
  std::map<StreamId, bool> reset;

  void on_stream_data(StreamId stream, Bytes data, bool) override {
    Packet& all = received[stream];
    all.insert(all.end(), data.begin(), data.end());
    connection_.consumed(stream, data.size());
  }
  void on_stream_acknowledged(StreamId, std::size_t) override {}
  void on_stream_reset(StreamId stream) override { reset[stream] = true; }
  void on_stream_closed(StreamId stream, std::uint64_t) override { sent_.erase(stream); }
  quic::StreamData next_data() override {
    quic::StreamData next;
    for (auto& [stream, sending] : sent_) {
      if (sending.all_taken() && (!sending.ended || sending.end_taken)) continue;
      next.stream = stream;
      if (!sending.all_taken()) {
        next.pieces[next.piece_count++] = Bytes(sending.waiting[sending.taken]).subspan(sending.taken_of_next);
      }
      next.end = sending.ended && sending.taken + next.piece_count == sending.waiting.size();
      break;
    }
    return next;
  }
  void on_stream_sent(StreamId stream, std::size_t bytes) override {
    Sending& sending = sent_[stream];
    sending.taken_of_next += bytes;
    if (!sending.all_taken() && sending.taken_of_next == sending.waiting[sending.taken].size()) {
      ++sending.taken;
      sending.taken_of_next = 0;
    }
    sending.end_taken = sending.ended && sending.all_taken();
  }
  void on_stream_blocked(StreamId) override {}
  void on_stream_unblocked(StreamId) override {}
  void on_stream_unwritable(StreamId stream) override { sent_.erase(stream); }

 private:
  struct Sending {
    std::deque<Packet> waiting;  ///< stays until the stream is closed
    std::size_t taken = 0, taken_of_next = 0;
    bool ended = false, end_taken = false;
    bool all_taken() const { return taken == waiting.size(); }
  };

  quic::Connection& connection_;
  std::map<StreamId, Sending> sent_;
};

class RawStreamsTest : public TunnelsTest {
 protected:
  /// The client has its three one-way streams, and has sent SETTINGS.
  void connect_raw() {
    begin();
    quic::Client& end = client();
    end.user.begin_protocol = [this, &end] {
      raw_ = std::make_unique<RawStreams>(end.connection());
      control_ = raw_->open_one_way();
      encoder_ = raw_->open_one_way();
      decoder_ = raw_->open_one_way();
      raw_->send(control_, {0x00, 0x04, 0x02, 0x33, 0x01});  // SETTINGS_H3_DATAGRAM (RFC 9297, 2.1.1)
      raw_->send(encoder_, {0x02});
      raw_->send(decoder_, {0x03});
    };
    run(200ms);
    ASSERT_NE(raw_, nullptr);
    ASSERT_EQ(client()->state(), quic::ConnectionState::established);
  }
  static Packet frame(std::uint64_t type, const Packet& payload) {
    Packet bytes;
    append_varint(bytes, type);
    append_varint(bytes, payload.size());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
  }
  /// Field lines with literal names (RFC 9204, 4.5.6), without the prefix of the section.
  static Packet literals(const std::vector<Header>& headers) {
    Packet bytes;
    for (const auto& [name, value] : headers) {
      append_length(bytes, 0x20, 7, name.size());
      bytes.insert(bytes.end(), name.begin(), name.end());
      append_length(bytes, 0, 127, value.size());
      bytes.insert(bytes.end(), value.begin(), value.end());
    }
    return bytes;
  }

  /// RFC 7541, 5.1, of less than 128 more than the prefix holds.
  static void append_length(Packet& to, std::uint8_t flags, std::size_t prefix, std::size_t length) {
    to.push_back(static_cast<std::uint8_t>(flags | std::min(prefix, length)));
    if (length >= prefix) to.push_back(static_cast<std::uint8_t>(length - prefix));
  }

  std::unique_ptr<RawStreams> raw_;
  StreamId control_ = 0, encoder_ = 0, decoder_ = 0;
};

}  // namespace mpquic::masque
