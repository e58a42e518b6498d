#include "quic/version_probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "quic/certificates.h"
#include "quic/server_endpoint.h"

namespace mpquic::quic {
namespace {

using Packet = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 8> nonce = {1, 2, 3, 4, 5, 6, 7, 8};
const packet::SocketAddress us = packet::SocketAddress::parse("192.0.2.1:40000").value();
const packet::SocketAddress server = packet::SocketAddress::parse("192.0.2.10:45010").value();

class VersionProbeTest : public testing::Test {
 protected:
  VersionProbeTest()
      : endpoint_({.alpn = {"mpquic-ip"}}, {must(TlsContext::load(certificates_.server())), {}}, {}, {}, drops_) {}

  /// What our server says to it; empty: nothing.
  Packet ask(Packet question) {
    packet::UdpBatch replies(65536, false);
    endpoint_.find({question, server, us}, replies, Instant(std::chrono::seconds(1)));
    if (replies.runs().empty()) return {};
    const Bytes bytes = replies.bytes(replies.runs().front());
    return {bytes.begin(), bytes.end()};
  }
  Packet question(std::size_t size) const {
    Packet packet(size);
    probe_.write(packet);
    return packet;
  }

  Certificates certificates_;
  DropCounters drops_;
  ServerEndpoint endpoint_;
  VersionProbe probe_{nonce};
};

TEST_F(VersionProbeTest, OurServerAnswersAndTheAnswerTellsTheSize) {
  for (const std::size_t size : {1200UZ, 1252UZ, 1472UZ}) EXPECT_EQ(probe_.answered(ask(question(size))), size);
  EXPECT_EQ(drops_[Drop::version], 3U);
}

TEST_F(VersionProbeTest, WhatAnswersSomebodyElseIsNoAnswer) {
  Packet other(1200);
  VersionProbe({9, 2, 3, 4, 5, 6, 7, 8}).write(other);
  EXPECT_EQ(probe_.answered(ask(other)), std::nullopt);
}

TEST_F(VersionProbeTest, NothingElseIsAnAnswer) {
  const Packet good = ask(question(1200));
  ASSERT_TRUE(probe_.answered(good));
  for (std::size_t size = 0; size < 23; ++size) {
    EXPECT_EQ(probe_.answered(Bytes(good).first(size)), std::nullopt) << size;
  }
  for (const std::size_t at : {0UZ, 1UZ, 4UZ, 5UZ, 6UZ, 11UZ, 14UZ, 15UZ, 22UZ}) {
    Packet bad = good;
    bad[at] ^= 0x80;
    EXPECT_EQ(probe_.answered(bad), std::nullopt) << "byte " << at;
  }
  EXPECT_EQ(probe_.answered(question(1200)), std::nullopt) << "a question is none";
}

TEST_F(VersionProbeTest, ASmallStrayPacketIsAnsweredByAReset) {
  Packet stray(100);
  probe_.write_stray(stray);
  EXPECT_TRUE(VersionProbe::may_be_reset(ask(stray)));
  EXPECT_FALSE(VersionProbe::may_be_reset(ask(question(1200))));
  EXPECT_FALSE(VersionProbe::may_be_reset(Packet(20, 0x40)));
}

}  // namespace
}  // namespace mpquic::quic
