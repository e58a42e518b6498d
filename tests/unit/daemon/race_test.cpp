#include "daemon/race.h"

#include <gtest/gtest.h>

namespace mpquic::daemon {
namespace {

using namespace std::chrono_literals;

const Instant start = Instant() + 1h;

/// So many servers: [2001:db8::1]:1, ...
Race::Addresses servers(std::size_t count) {
  Race::Addresses result;
  for (std::size_t i = 1; i <= count; ++i) {
    result.push_back({*packet::Address::parse("2001:db8::" + std::to_string(i)), 1});
  }
  return result;
}

TEST(RaceTest, TheFirstAddressIsTriedAtOnceAndTheNextAQuarterOfASecondLater) {
  const auto all = servers(2);
  Race race;
  EXPECT_EQ(race.next(all, 0, start), all[0]);
  EXPECT_EQ(race.next(all, 1, start + 249ms), std::nullopt);
  EXPECT_EQ(race.due(all, 1), start + 250ms);
  EXPECT_EQ(race.next(all, 1, start + 250ms), all[1]);
  EXPECT_EQ(race.due(all, 2), never);
  EXPECT_EQ(race.next(all, 2, start + 1h), std::nullopt);
}

TEST(RaceTest, ASingleAddressIsTriedOnce) {
  Race race;
  EXPECT_EQ(race.next(servers(1), 0, start), servers(1)[0]);
  EXPECT_EQ(race.due(servers(1), 1), never);
  race.failed("no answer", false);
  EXPECT_EQ(race.next(servers(1), 0, start + 5s), std::nullopt);
  EXPECT_EQ(race.reason(), "no answer");
  race.start_over();
  EXPECT_EQ(race.next(servers(1), 0, start + 5s), servers(1)[0]);
}

TEST(RaceTest, AfterAFailureTheNextOneDoesNotWait) {
  const auto all = servers(2);
  Race race;
  race.next(all, 0, start);
  race.failed("refused", true);
  EXPECT_EQ(race.next(all, 0, start + 1ms), all[1]);
}

TEST(RaceTest, FourRunAtATime) {
  const auto all = servers(6);
  Race race;
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(race.next(all, i, start + 250ms * static_cast<int>(i)), all[i]);
  EXPECT_EQ(race.due(all, 4), never);
  EXPECT_EQ(race.next(all, 4, start + 3s), std::nullopt);
  race.failed("no answer", false);
  EXPECT_EQ(race.next(all, 3, start + 5s), all[4]);
}

TEST(RaceTest, AddressesThatComeLaterJoinAndNoneIsTriedTwice) {
  const auto all = servers(3);
  Race race;
  race.next({all[1]}, 0, start);
  EXPECT_EQ(race.next(all, 1, start + 1s), all[0]);
  EXPECT_EQ(race.next(all, 2, start + 2s), all[2]);
  EXPECT_EQ(race.next(all, 0, start + 3s), std::nullopt);
}

TEST(RaceTest, WhatAServerSaysCountsMoreThanSilence) {
  Race race;
  EXPECT_EQ(race.reason(), "the server has no address of a family that the link has");
  race.failed("no answer", false);
  EXPECT_EQ(race.reason(), "no answer");
  race.failed("certificate has expired", true);
  race.failed("no answer", false);
  EXPECT_EQ(race.reason(), "certificate has expired");
  race.failed("the server does not know us", true);
  EXPECT_EQ(race.reason(), "the server does not know us");
}

}  // namespace
}  // namespace mpquic::daemon
