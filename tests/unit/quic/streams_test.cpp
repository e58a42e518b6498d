#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

/// Sends without end over a few streams, and takes nothing.
class Flood final : public StreamProtocol {
 public:
  Flood(Connection& connection, unsigned streams) : connection_(connection) {
    connection.set_streams(this);
    for (; streams > 0; --streams) writable_.push_back(*connection.open_one_way_stream());
  }
  ~Flood() { connection_.set_streams(nullptr); }

  std::size_t sent = 0, received = 0;

  void on_stream_data(StreamId, Bytes data, bool) override { received += data.size(); }
  void on_stream_acknowledged(StreamId, std::size_t) override {}
  void on_stream_reset(StreamId) override {}
  void on_stream_closed(StreamId, std::uint64_t) override {}
  StreamData next_data() override {
    StreamData next;
    if (writable_.empty()) return next;
    next.stream = writable_.front();
    next.pieces[next.piece_count++] = bytes_;
    return next;
  }
  void on_stream_sent(StreamId, std::size_t bytes) override { sent += bytes; }
  void on_stream_blocked(StreamId stream) override { std::erase(writable_, stream); }
  void on_stream_unblocked(StreamId) override {}
  void on_stream_unwritable(StreamId stream) override { std::erase(writable_, stream); }

 private:
  Connection& connection_;
  std::vector<StreamId> writable_;
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(4096);
};

class StreamsTest : public ConnectionTest {
 protected:
  StreamsTest() { transport_.streams = server_settings_.transport.streams = true; }
};

TEST_F(StreamsTest, DatagramsGoOnWhenTheOtherEndTakesNothingOfAnyStream) {
  connect();
  Flood ours(client().connection(), 8);
  Flood theirs(accepted().connection(), 0);
  run(5s);
  EXPECT_EQ(theirs.received, std::size_t{1} << 20) << "docs/connect-ip.md: initial_max_data";
  EXPECT_EQ(ours.sent, theirs.received);
  client().user.send(datagram(100));
  run(100ms);
  EXPECT_EQ(accepted().user.received.size(), 1U);
}

}  // namespace
}  // namespace mpquic::quic
