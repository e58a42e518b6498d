// What HTTP/3 lets another end do that no sane one does.
#include "base/bytes.h"
#include "masque/error_codes.h"
#include "masque/raw_ends.h"
#include "masque/raw_streams.h"
#include "masque/route_capsule.h"
#include "masque/settings_reader.h"
#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using wire::prefix;

Address ipv4(std::uint32_t number) {
  Packet bytes(4);
  store_be32(bytes.data(), number);
  return Address::from_bytes(bytes);
}

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

TEST_F(RawStreamsTest, ARequestThatEndsUnansweredIsReset) {
  accepts_ = false;
  connect_raw();
  Packet section = literals(write_request(request_));
  section.insert(section.begin(), {0x00, 0x00});
  const StreamId request = raw_->open();
  raw_->send(request, frame(0x01, section));
  raw_->finish(request);
  run(200ms);
  EXPECT_EQ(theirs().heard.closed.size(), 1U);
  EXPECT_TRUE(raw_->reset[request]) << "it would keep its place among the streams for good";
}

TEST_F(RawRequestTest, SoMuchOfWhatComesEarlyIsKept) {
  accepts_ = false;
  Packet content;
  for (int i = 0; i < 20; ++i) append_capsule(content, CapsuleType::datagram, Packet(10'000));
  ask(good(), content);
  ASSERT_EQ(theirs().asked.size(), 1U);
  theirs().tunnels.accept(0);
  EXPECT_EQ(theirs().heard.packets.size(), 4U);
  EXPECT_EQ(theirs().drops[Drop::not_registered], 16U);
}

TEST_F(RawAnswerTest, WithHeadersWithoutEndIsNotRead) {
  auto headers = write_acceptance();
  headers.push_back({"x-long", std::string(20'000, 'x')});
  answer(headers);
  EXPECT_FALSE(mine().open);
  EXPECT_EQ(mine().heard.closed.size(), 1U);
  EXPECT_EQ(client()->state(), quic::ConnectionState::established);
}

TEST_F(TunnelsTest, WhoTakesNothingOfWhatHeIsSentIsLeft) {
  ASSERT_TRUE(comes_up());
  const std::vector<AddressEntry> all(10'000, {0, prefix("192.0.2.1/32")});
  for (int i = 0; i < 40; ++i) theirs().tunnels.send_addresses(0, all);
  run(1s);
  EXPECT_EQ(mine().heard.addresses.size(), all.size()) << "that is what a slow link has to carry";
  EXPECT_EQ(accepted()->state(), quic::ConnectionState::established);
  for (int i = 0; i < 80; ++i) theirs().tunnels.send_addresses(0, all);
  EXPECT_EQ(accepted()->state(), quic::ConnectionState::closed);
}

TEST_F(RawRequestTest, ALargeCapsuleIsNotKeptForAStranger) {
  accepts_ = false;
  std::vector<AddressRange> many;
  for (std::uint32_t i = 0; i < 2'000; ++i) many.push_back({ipv4(2 * i), ipv4(2 * i), 0});
  Packet content;
  append_route_advertisement(content, std::span(many).first(1'600));
  ask(good(), content);
  EXPECT_EQ(theirs().heard.routes.size(), 1'600U);
  content.clear();
  append_route_advertisement(content, many);
  ask(good(), content);
  EXPECT_EQ(theirs().heard.closed.size(), 1U);
  EXPECT_TRUE(raw_->broken);

  accepts_ = true;
  ask(good(), content);
  EXPECT_EQ(theirs().heard.routes.size(), 2'000U) << "from somebody who has a tunnel";
}

TEST(SettingsReader, TheControlStreamNeedNotBeTheFirstThatComes) {
  SettingsReader reader;
  reader.read(3, Packet{0x21});
  reader.read(3, Packet{0x00, 0x04, 0x00});  // goes on like the beginning of a control stream
  reader.read(7, Packet{0x00, 0x04, 0x02});
  EXPECT_FALSE(reader.extended_connect());
  reader.read(3, Packet{0x00});
  reader.read(7, Packet{0x08, 0x01});
  EXPECT_TRUE(reader.extended_connect());
}

}  // namespace
}  // namespace mpquic::masque
