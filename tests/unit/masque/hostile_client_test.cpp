// What HTTP/3 lets a client do that no client does.
#include "masque/error_codes.h"
#include "masque/raw_streams.h"

namespace mpquic::masque {
namespace {

// RFC 9204, 4.3: room for 220 bytes, and an entry with the field x: y.
const Packet an_entry = {0x3f, 0xbd, 0x01, 0x41, 'x', 0x01, 'y'};

TEST_F(RawStreamsTest, HeadersThatCanBeReadOnlyWhenTheirStreamIsClosedAreNotAnswered) {
  connect_raw();
  // RFC 9204, 4.5: one entry is needed; a good request; that entry.
  Packet section = literals(write_request(request_));
  section.insert(section.begin(), {0x02, 0x00});
  section.push_back(0x80);
  for (int i = 0; i < 3; ++i) {
    const StreamId request = raw_->open();
    raw_->send(request, frame(0x01, section));
    raw_->finish(request);
    run(100ms);
    client()->stop_sending(request, h3_request_cancelled);
    run(200ms);
  }
  raw_->send(encoder_, an_entry);
  run(200ms);
  EXPECT_TRUE(theirs().asked.empty()) << "nghttp3 would keep a response to it for a stream that is gone";

  const StreamId another = raw_->open();
  raw_->send(another, frame(0x01, section));
  run(500ms);
  EXPECT_EQ(accepted()->state(), quic::ConnectionState::established) << accepted()->close_reason();
  EXPECT_EQ(theirs().asked.size(), 1U);
  EXPECT_FALSE(raw_->received[another].empty());
}

}  // namespace
}  // namespace mpquic::masque
