#include "quic/round_trip_probe.h"

#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

class RoundTripProbeTest : public testing::Test {
 protected:
  bool after(Duration time, std::uint64_t window) {
    now_ += time;
    return probe_.follow(window, now_);
  }
  RoundTripProbe probe_;
  Instant now_ = Instant() + 1h;
};

TEST_F(RoundTripProbeTest, IsWhatTakesAQuarterOfTheWindowForAMoment) {
  EXPECT_FALSE(after(0ms, 13'000)) << "the first that there is";
  EXPECT_FALSE(after(10ms, 500'000));
  EXPECT_TRUE(after(1ms, 125'000));
  EXPECT_TRUE(after(200ms, 130'000));
  EXPECT_FALSE(after(20ms, 480'000));
  EXPECT_TRUE(after(5s, 120'000)) << "and again";
}

TEST_F(RoundTripProbeTest, IsNoLossAndNoLinkThatBecomesSlower) {
  EXPECT_FALSE(after(0ms, 500'000));
  EXPECT_FALSE(after(10ms, 350'000));
  for (std::uint64_t window = 350'000; window > 10'000; window = window * 7 / 10) EXPECT_FALSE(after(20ms, window));
}

TEST_F(RoundTripProbeTest, WhatStaysIsNone) {
  EXPECT_FALSE(after(0ms, 500'000));
  EXPECT_TRUE(after(10ms, 100'000));
  EXPECT_TRUE(after(900ms, 100'000));
  EXPECT_FALSE(after(200ms, 100'000));
  EXPECT_FALSE(after(200ms, 100'000));
}

TEST_F(ConnectionTest, TellsItsSourceWhileItLooksForTheLeastRoundTrip) {
  connect();
  const Instant began = network_.now;
  bool pauses = false;
  Instant since{};
  std::vector<Duration> lasted;
  client().user.on_pause = [&](bool now_pauses) {
    if (now_pauses && !pauses) since = network_.now;
    if (!now_pauses && pauses) lasted.push_back(network_.now - since);
    pauses = now_pauses;
  };
  while (network_.now < began + 18s) {
    client().user.send_largest(1);
    run(1ms);
  }
  EXPECT_GE(lasted.size(), 2U);
  EXPECT_LE(lasted.size(), 4U);
  for (const Duration each : lasted) {
    EXPECT_GE(each, 200ms);
    EXPECT_LE(each, 500ms);
  }
}

}  // namespace
}  // namespace mpquic::quic
