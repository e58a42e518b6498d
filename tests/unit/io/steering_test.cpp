#include "io/steering.h"

#include "io/sockets.h"
#include "system/own_network.h"

namespace mpquic::io {
namespace {

class SteeringTest : public system::OwnNetwork, public testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    run("ip link set lo up");
    for (unsigned i = 0; i < 2 * workers(); ++i) {
      group_.push_back(open({.bind = server_, .share_port = true, .receive_buffer = 100'000}));
    }
    const auto steered = steer_by_connection_id(group_.front().fd(), workers());
    ASSERT_TRUE(steered) << steered.error().message;
  }
  static unsigned workers() { return GetParam(); }

  /// Which socket of the group a payload gets to, sent from a port of its own.
  std::size_t destination(const std::vector<std::uint8_t>& payload) {
    auto client = open({.bind = address("127.0.0.1:0")});
    packet::UdpBatch batch(2000, true);
    DropCounters drops;
    put(batch, payload, {.remote = server_});
    EXPECT_EQ(client.send(batch, 0, drops), 1U);
    std::vector<pollfd> entries;
    for (const UdpSocket& socket : group_) entries.push_back({socket.fd(), POLLIN, 0});
    EXPECT_EQ(poll(entries.data(), entries.size(), 5000), 1) << "nobody, or more than one";
    const auto found = std::ranges::find_if(entries, [](const pollfd& entry) { return entry.revents != 0; });
    const auto index = static_cast<std::size_t>(found - entries.begin());
    if (index < group_.size()) receive(group_[index], 1);
    return index;
  }

  const packet::SocketAddress server_ = address("127.0.0.1:45010");
  std::vector<UdpSocket> group_;
};

TEST_P(SteeringTest, AShortHeaderGoesToTheWorkerThatItsConnectionIdNames) {
  for (unsigned byte = 0; byte < 256; byte += 5) {
    const std::vector<std::uint8_t> payload = {0x41, static_cast<std::uint8_t>(byte), 2, 3, 4, 5, 6, 7, 8, 9};
    EXPECT_EQ(destination(payload), byte % workers()) << byte;
  }
}

TEST_P(SteeringTest, ALongHeaderGoesToTheHandshakeSocketOfTheWorkerThatItsConnectionIdNames) {
  for (unsigned byte = 0; byte < 256; byte += 5) {
    const std::vector<std::uint8_t> payload = {0xc3, 0, 0, 0, 1, 8, static_cast<std::uint8_t>(byte), 9, 9, 9, 9};
    EXPECT_EQ(destination(payload), workers() + byte % workers()) << byte;
  }
}

TEST_P(SteeringTest, WhatIsTooShortToHaveAnIdGetsSomewhere) {
  EXPECT_LT(destination({0x41}), group_.size());
  EXPECT_LT(destination({0xc3, 0, 0, 0, 1, 8}), group_.size());
}

INSTANTIATE_TEST_SUITE_P(Workers, SteeringTest, testing::Values(1, 2, 3, 8));

TEST(SteeringErrorTest, OfASocketThatSharesNoPortIsAnError) { EXPECT_FALSE(steer_by_connection_id(-1, 2)); }

}  // namespace
}  // namespace mpquic::io
