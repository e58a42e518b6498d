#include "tunnel/sender_fixture.h"

namespace mpquic::tunnel {
namespace {

using Kind = Given::Kind;

std::set<std::uint32_t> packets_of(const std::vector<Given>& given, bool copies) {
  std::set<std::uint32_t> packets;
  for (const Given& each : given) {
    if (each.kind != Kind::probe && each.copy == copies) packets.insert(each.packet);
  }
  return packets;
}

class OnePath : public SenderTest {
 protected:
  void SetUp() override {
    start(Policy::bonded);
    session_.open(now_);
    path_ = add(milliseconds(20));
    settle({path_});
    // Enough that it counts as clean.
    for (std::uint32_t packet = 0; packet < 10'000; packet += 100) {
      push_many(9, packet, packet + 100);
      const auto given = take_all(path_);
      now_ += milliseconds(20);
      acknowledge(path_, given);
    }
    now_ += seconds(10);
    take_all(path_);
    now_ += milliseconds(20);
    acknowledge_numbers(path_, {sent_[path_]});
  }
  PathId path_ = 0;
};

TEST_F(OnePath, SendsWholePacketsWhileNothingIsLost) {
  push_many(1, 0, 10);
  const auto given = take_all(path_);
  ASSERT_EQ(given.size(), 10U);
  for (const Given& each : given) EXPECT_EQ(each.kind, Kind::plain);
  EXPECT_EQ(pool_.available(), blocks) << "nothing is kept";
}

TEST_F(OnePath, RepairsWhatItLosesOnceItIsKnownToLose) {
  // Of packets that were not numbered, none can be sent again; but they show that the path loses.
  push_many(1, 0, 100);
  auto given = take_all(path_);
  given.erase(given.begin() + 50);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(3));
  EXPECT_FALSE(take(path_));

  push_many(1, 100, 200);
  given = take_all(path_);
  ASSERT_EQ(given.size(), 100U);
  for (const Given& each : given) EXPECT_TRUE(each.kind == Kind::sequenced && each.ordered && !each.copy);
  const Given lost = given[50];
  given.erase(given.begin() + 50);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(3));
  const auto repaired = take(path_);
  ASSERT_TRUE(repaired);
  EXPECT_TRUE(repaired->copy);
  EXPECT_EQ(repaired->packet, lost.packet);
  EXPECT_EQ(repaired->sequence, lost.sequence);
  EXPECT_EQ(repaired->flow, lost.flow);
  EXPECT_FALSE(take(path_)) << "once";
  acknowledge(path_, {*repaired});
}

TEST_F(OnePath, SendsARepairTwiceWhereItMayBeLostAsWell) {
  // One of fifty, all the time.
  std::vector<Given> given;
  for (std::uint32_t round = 0; round < 20; ++round) {
    push_many(1, 50 * round, 50 * (round + 1));
    given = take_all(path_);
    const Given lost = given[25];
    given.erase(given.begin() + 25);
    now_ += milliseconds(20);
    acknowledge(path_, given);
    wait(milliseconds(3));
    given = take_all(path_);
    if (round == 0) continue;  // packets that were not numbered yet
    ASSERT_EQ(given.size(), 1U);
    EXPECT_EQ(given[0].packet, lost.packet);
    EXPECT_FALSE(take(path_)) << "not at once: what is lost together was sent together";
    wait(milliseconds(3));
    auto again = take_all(path_);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].sequence, lost.sequence);
    EXPECT_TRUE(again[0].copy);
    wait(milliseconds(17));
    acknowledge(path_, round % 2 == 0 ? given : again);
    wait(milliseconds(100));
    EXPECT_TRUE(take_all(path_).empty()) << "one of them has arrived";
  }
  EXPECT_LT(sender_->statistics(path_).repairs, 40U);
}

TEST_F(OnePath, TheLastOnesOfABurstAreSentAgainThoughNothingComesAfterThem) {
  push_many(1, 0, 100);
  auto given = take_all(path_);
  given.erase(given.begin() + 50);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(3));

  push_many(1, 100, 120);
  given = take_all(path_);
  const std::vector<Given> lost(given.end() - 3, given.end());
  given.resize(17);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(30));
  EXPECT_FALSE(sender_->statistics(path_).works) << "an answer is overdue";
  const auto again = take_all(path_);
  ASSERT_EQ(again.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(again[i].sequence, lost[i].sequence);
  now_ += milliseconds(20);
  acknowledge(path_, again);
  EXPECT_TRUE(sender_->statistics(path_).works);
}

TEST_F(OnePath, IsNotFilledAgainWhenItFallsSilent) {
  push_many(1, 0, 100);
  auto given = take_all(path_);
  given.erase(given.begin() + 50);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(3));
  push_many(1, 100, 1100);
  EXPECT_EQ(take_all(path_).size(), 1000U);
  wait(milliseconds(100));
  EXPECT_EQ(take_all(path_).size(), 8U) << "perhaps it is only slow";
}

TEST_F(OnePath, WhatWasSentWellBeforeIsOvertakenByOne) {
  push_many(1, 0, 100);
  auto given = take_all(path_);
  given.erase(given.begin() + 50);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(3));

  push(1, 100);
  const auto lost = take(path_);
  ASSERT_TRUE(lost);
  now_ += milliseconds(5);
  push(1, 101);
  const auto next = take(path_);
  ASSERT_TRUE(next);
  now_ += milliseconds(20);
  acknowledge(path_, {*next});
  wait(milliseconds(3));
  const auto repaired = take(path_);
  ASSERT_TRUE(repaired);
  EXPECT_EQ(repaired->sequence, lost->sequence);
}

TEST_F(OnePath, FlowsThatDoNotCareForOrderAreNotHeldUpByIt) {
  push_many(1, 0, 100, false);
  auto given = take_all(path_);
  given.erase(given.begin() + 50);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(3));
  push_many(1, 100, 110, false);
  given = take_all(path_);
  ASSERT_EQ(given.size(), 10U);
  for (const Given& each : given) EXPECT_TRUE(each.kind == Kind::sequenced && !each.ordered);
  acknowledge(path_, given);
}

TEST_F(OnePath, AnAcknowledgementThatIsLateIsNoLoss) {
  push_many(1, 0, 20);
  auto given = take_all(path_);
  const Given late = given[5];
  given.erase(given.begin() + 5);
  now_ += milliseconds(20);
  acknowledge(path_, given);
  wait(milliseconds(3));
  EXPECT_GT(sender_->statistics(path_).loss, 0);
  now_ += milliseconds(1);
  acknowledge(path_, {late});
  EXPECT_EQ(sender_->statistics(path_).loss, 0);
}

class TwoPaths : public SenderTest {
 protected:
  void begin(Policy policy, const PathTraits& slow = {}) {
    start(policy);
    session_.open(now_);
    fast_ = add(milliseconds(20));
    slow_ = add(milliseconds(60), slow);
    settle({fast_, slow_});
  }
  PathId fast_ = 0, slow_ = 0;
};

TEST_F(TwoPaths, AreNumberedAsOne) {
  begin(Policy::failover);
  push_many(1, 0, 3, false);
  push_many(2, 0, 3, false);
  const auto given = take_all(fast_);
  ASSERT_EQ(given.size(), 6U);
  std::set<std::uint32_t> sequences;
  for (const Given& each : given) {
    EXPECT_FALSE(each.ordered);
    EXPECT_EQ(each.flow, 0);
    sequences.insert(each.sequence);
  }
  EXPECT_EQ(sequences.size(), 6U);
  EXPECT_FALSE(take(slow_));
  acknowledge(fast_, given);
}

TEST_F(TwoPaths, AFlowThatPausesGetsANumberOfItsOwnAgain) {
  begin(Policy::failover);
  push_many(7, 0, 3);
  const auto before = take_all(fast_);
  ASSERT_EQ(before.size(), 3U);
  acknowledge(fast_, before);
  wait(milliseconds(4900));
  push(7, 3);
  const auto soon = take_all(fast_);
  ASSERT_EQ(soon.size(), 1U);
  EXPECT_EQ(soon[0].flow, before[0].flow);
  EXPECT_EQ(soon[0].sequence, 3U);
  acknowledge(fast_, soon);
  wait(milliseconds(5100));
  push_many(7, 4, 6);
  const auto after = take_all(fast_);
  ASSERT_EQ(after.size(), 2U);
  EXPECT_NE(after[0].flow, before[0].flow) << "the receiver may have forgotten it";
  EXPECT_EQ(after[0].sequence, 0U);
  EXPECT_EQ(after[1].flow, after[0].flow);
  EXPECT_EQ(after[1].sequence, 1U);
  acknowledge(fast_, after);
}

TEST_F(TwoPaths, ASilentOneOwesToTheOther) {
  begin(Policy::failover);
  push_many(1, 0, 5);
  const auto lost = take_all(fast_);
  ASSERT_EQ(lost.size(), 5U);
  const Instant sent = now_;
  std::vector<Given> again;
  while (again.empty() && now_ < sent + seconds(1)) {
    wait(milliseconds(1));
    again = take_all(slow_);
  }
  EXPECT_LE(now_ - sent, milliseconds(45)) << "two round trips";
  EXPECT_EQ(packets_of(again, true), (std::set<std::uint32_t>{0, 1, 2, 3, 4}));
  push(1, 5);
  const auto next = take(slow_);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->packet, 5U);
  acknowledge(slow_, again);
}

TEST_F(TwoPaths, WhoSendsLittleDoesNotWaitForWhatALargeFlowLost) {
  begin(Policy::bonded);
  push_many(1, 0, 200);
  push_many(2, 200, 202, false);
  ASSERT_EQ(take_all(fast_).size(), 202U);
  sender_->down(fast_, now_);
  push_many(2, 202, 204, false);
  push_many(1, 204, 205);
  std::vector<std::uint32_t> packets;
  for (const Given& each : take_all(slow_)) packets.push_back(each.packet);
  ASSERT_EQ(packets.size(), 205U);
  EXPECT_EQ(std::vector(packets.begin(), packets.begin() + 4), (std::vector<std::uint32_t>{200, 201, 202, 203}));
}

TEST_F(TwoPaths, AFlowThatNeverPausesTakesABetterPathThatHasComeBack) {
  begin(Policy::bonded);
  sender_->down(fast_, now_);
  Carrier fast{fast_, 10}, slow{slow_, 10};
  carry({&fast, &slow}, 1, 1, 1000, milliseconds(1400));
  EXPECT_TRUE(fast.carried.empty()) << "it is not steady yet";
  carry({&fast, &slow}, 1, 1, 1000, milliseconds(3000));
  slow.carried.clear();
  fast.carried.clear();
  carry({&fast, &slow}, 1, 1, 1000, milliseconds(1000));
  EXPECT_TRUE(slow.carried.empty());
  EXPECT_GE(fast.carried.size(), 990U);
}

TEST_F(TwoPaths, WhatArrivedAfterAllIsNotSentAgain) {
  begin(Policy::failover);
  push_many(1, 0, 5);
  const auto late = take_all(fast_);
  wait(milliseconds(100));
  acknowledge(fast_, late);
  EXPECT_TRUE(take_all(slow_).empty());
}

TEST_F(TwoPaths, OneThatIsDownOwesAtOnce) {
  begin(Policy::failover);
  push_many(1, 0, 5);
  take_all(fast_);
  sender_->down(fast_, now_);
  EXPECT_EQ(take_all(slow_).size(), 5U);
}

TEST_F(TwoPaths, OneThatIsRemovedOwesAtOnce) {
  begin(Policy::failover);
  push_many(1, 0, 5);
  take_all(fast_);
  sender_->remove_path(fast_, now_);
  EXPECT_EQ(take_all(slow_).size(), 5U);
}

TEST_F(TwoPaths, WhileOnePausesNothingWaitsTooLong) {
  begin(Policy::failover);
  const auto trickle = [&](Duration span) {
    for (const Instant end = now_ + span; now_ < end;) {
      wait(milliseconds(5));
      const auto given = take(fast_);
      ASSERT_TRUE(given);
      acknowledge(fast_, {*given});
    }
  };
  push_many(1, 0, 400);
  for (const PathId path : {fast_, slow_}) sender_->source(path).pause(true);
  trickle(milliseconds(400));
  sender_->source(fast_).pause(false);
  trickle(milliseconds(400));
  EXPECT_EQ(drops_[Drop::queue_delay], 0U) << "the other one still does";
  sender_->remove_path(slow_, now_);
  trickle(milliseconds(400));
  EXPECT_GT(drops_[Drop::queue_delay], 0U);
}

TEST_F(TwoPaths, OneThatJoinsDoesNotDecideWhatIsTooBig) {
  begin(Policy::bonded);
  sender_->remove_path(fast_, now_);
  const PathId late = add(milliseconds(20));
  acknowledge(late, {*take(late)});
  push(1, 0);
  // If somebody was told, the test would fail.
  EXPECT_EQ(sender_->source(late).front(size - 100, now_), nullptr);
  EXPECT_EQ(take_all(late).size(), 1U) << "its MTU is known by now";
}

TEST_F(TwoPaths, WhatNoneHasRoomForTakesTheOtherWayOfThatWhichIsAsked) {
  struct Stream final : Overflow {
    bool take(const packet::Pieces& packet) override {
      if (full) return false;
      taken.push_back(load_be32(&packet.head[28]));
      return true;
    }
    bool full = false;
    std::vector<std::uint32_t> taken;
  };
  begin(Policy::bonded);
  Stream stream;
  sender_->set_overflow(fast_, stream, size);
  sender_->set_overflow(slow_, stream, size);
  largest_[fast_] = largest_[slow_] = size - 10;
  now_ += seconds(2);
  for (const PathId path : {fast_, slow_}) {
    const auto due = take(path);
    ASSERT_TRUE(due && due->kind == Kind::probe);
    acknowledge(path, {*due});
    EXPECT_FALSE(take(path));
  }
  push_many(1, 0, 3);
  stream.full = true;
  EXPECT_FALSE(take(fast_));
  EXPECT_EQ(session_.queued_bytes(), 3 * size) << "they wait";
  stream.full = false;
  const auto probe = take(fast_);
  EXPECT_TRUE(probe && probe->kind == Kind::probe) << "if nobody answers, the stream is stuck";
  EXPECT_FALSE(take(fast_)) << "one is enough";
  EXPECT_EQ(stream.taken, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(sender_->statistics(fast_).packets, 3U);
  EXPECT_TRUE(listener_.refused.empty());

  largest_[slow_] = size + 100;
  EXPECT_FALSE(take(slow_));
  push(1, 3);
  EXPECT_FALSE(take(fast_));
  EXPECT_TRUE(take(slow_));
  EXPECT_EQ(stream.taken.size(), 3U) << "a datagram of the other one has room";
}

TEST_F(TwoPaths, OneThatComesBackIsUsedAgainWithinTwoSeconds) {
  begin(Policy::failover, {.priority = 2});
  sender_->down(fast_, now_);
  push(1, 0);
  EXPECT_TRUE(take_all(fast_).empty());
  const auto first = take_all(slow_);
  acknowledge(slow_, first);
  // It answers probes from now on.
  const Instant healed = now_;
  bool back = false;
  for (std::uint32_t packet = 1; !back && now_ < healed + seconds(3); ++packet) {
    wait(milliseconds(10));
    push(1, packet);
    const auto fast = take_all(fast_);
    const auto slow = take_all(slow_);
    ASSERT_EQ(session_.queued_bytes(), 0U) << "the other goes on until then";
    back = !packets_of(fast, false).empty();
    wait(milliseconds(1));
    acknowledge_numbers(fast_, {sent_[fast_]});
    acknowledge_numbers(slow_, {sent_[slow_]});
  }
  EXPECT_TRUE(back);
  EXPECT_GE(now_ - healed, seconds(1)) << "a path that flaps is not to be trusted at once";
  EXPECT_LE(now_ - healed, milliseconds(2300));
}

TEST_F(TwoPaths, WhileABetterOneProvesItselfTheOtherOneCarriesOn) {
  begin(Policy::failover, {.priority = 2});
  sender_->down(fast_, now_);
  push(1, 0);
  acknowledge(slow_, take_all(slow_));
  std::size_t kept = 0, back = 0;
  for (std::uint32_t i = 1; i < 500; ++i) {
    wait(milliseconds(10));
    push(1, i);
    for (const PathId path : {fast_, slow_}) {
      auto given = take(path);
      while (given && given->kind == Kind::probe) {
        acknowledge(path, {*given});
        given = take(path);
      }
      if (!given) continue;
      EXPECT_EQ(given->packet, i) << "it waited";
      acknowledge(path, {*given});
      (path == slow_ ? kept : back) += 1;
    }
  }
  EXPECT_EQ(kept + back, 499U);
  EXPECT_GT(kept, 150U);
  EXPECT_GT(back, 200U);
}

/// A link that loses its carrier: its path ends, and the next one of it has no past of its own.
class LinkThatFlaps : public SenderTest {
 protected:
  void SetUp() override {
    start(Policy::redundant);
    session_.open(now_);
    other_ = add(milliseconds(60), {.name = "lte"});
  }
  /// How long a path of the link goes unused though every packet is to go over two.
  Duration unused(PathId path) {
    const Instant since = now_;
    for (; now_ < since + seconds(5); wait(milliseconds(10))) {
      push(1, packet_++);
      std::map<PathId, std::vector<Given>> given;
      for (const PathId each : {other_, path}) {
        while (const auto one = take(each)) given[each].push_back(*one);
      }
      for (const auto& [each, what] : given) acknowledge(each, what);
      if (!packets_of(given[path], true).empty() || !packets_of(given[path], false).empty()) return now_ - since;
    }
    return Duration::max();
  }
  Duration unused(const PathTraits& traits) {
    const PathId path = add(milliseconds(20), traits);
    const Duration duration = unused(path);
    sender_->remove_path(path, now_);
    return duration;
  }
  PathId other_ = 0;
  std::uint32_t packet_ = 0;
};

TEST_F(LinkThatFlaps, ItsNextPathIsOnProbationLongerEachTime) {
  EXPECT_EQ(unused({.name = "starlink"}), Duration::zero()) << "the first has done nothing wrong";
  EXPECT_EQ(unused({.name = "starlink"}), milliseconds(100));
  EXPECT_EQ(unused({.name = "starlink"}), milliseconds(200));
  EXPECT_EQ(unused({.name = "starlink"}), milliseconds(400));
  EXPECT_EQ(unused({.name = "starlink"}), milliseconds(800));
  EXPECT_EQ(unused({.name = "starlink"}), milliseconds(800)) << "in full use within a second, all the same";
  EXPECT_EQ(unused({.name = "fibre"}), Duration::zero()) << "of another link";
  EXPECT_EQ(unused({}), Duration::zero());
  EXPECT_EQ(unused({}), Duration::zero()) << "of nobody knows which";
  now_ += seconds(31);
  EXPECT_EQ(unused({.name = "starlink"}), Duration::zero()) << "forgotten";
}

TEST_F(LinkThatFlaps, TheNameMayComeLater) {
  sender_->remove_path(add(milliseconds(20), {.name = "starlink"}), now_);
  const PathId path = add(milliseconds(20));
  sender_->describe(path, {.name = "starlink"}, now_);
  EXPECT_TRUE(sender_->statistics(path).probation);
  EXPECT_EQ(unused(path), milliseconds(100));
  sender_->describe(path, {.name = "starlink", .weight = 2}, now_);
  EXPECT_FALSE(sender_->statistics(path).probation) << "it is the same one";
}

TEST_F(LinkThatFlaps, IsUsedWhenThereIsNoOther) {
  sender_->remove_path(add(milliseconds(20), {.name = "starlink"}), now_);
  sender_->remove_path(other_, now_);
  const PathId path = add(milliseconds(20), {.name = "starlink"});
  push(1, 0);
  EXPECT_EQ(take_all(path).size(), 1U);
}

TEST_F(TwoPaths, AMeteredOneWaitsUntilNothingElseWorks) {
  begin(Policy::balanced, {.metered = true});
  for (std::uint16_t port = 1; port < 20; ++port) push(port, 0);
  EXPECT_TRUE(packets_of(take_all(slow_), false).empty());
  EXPECT_EQ(take_all(fast_).size(), 19U);
  sender_->down(fast_, now_);
  push(30, 7);
  EXPECT_EQ(packets_of(take_all(slow_), false), (std::set<std::uint32_t>{7}));
}

TEST_F(TwoPaths, EveryPacketGoesTwiceWhenRedundant) {
  begin(Policy::redundant);
  push_many(1, 0, 5);
  const auto first = take_all(fast_);
  const auto second = take_all(slow_);
  EXPECT_EQ(packets_of(first, false), (std::set<std::uint32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(packets_of(second, true), (std::set<std::uint32_t>{0, 1, 2, 3, 4}));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(first[i].sequence, second[i].sequence);
}

TEST_F(TwoPaths, FlowsAreBalancedByWeight) {
  begin(Policy::balanced, {.weight = 3});
  std::size_t fast = 0, slow = 0;
  for (std::uint16_t port = 1; port <= 400; ++port) {
    push(port, 0);
    wait(milliseconds(6));
    fast += packets_of(take_all(fast_), false).size();
    slow += packets_of(take_all(slow_), false).size();
    acknowledge_numbers(fast_, {sent_[fast_]});
    acknowledge_numbers(slow_, {sent_[slow_]});
  }
  EXPECT_NEAR(static_cast<double>(slow) / static_cast<double>(fast), 3, 1);
}

TEST_F(TwoPaths, AFlowThatFitsOnePathStaysThere) {
  begin(Policy::bonded);
  Carrier fast{fast_, 10}, slow{slow_, 10};
  carry({&fast, &slow}, 1, 5, 1000, seconds(3));
  EXPECT_GT(fast.carried.size(), 14'000U);
  EXPECT_TRUE(slow.carried.empty());
}

TEST_F(TwoPaths, AFlowThatWantsMoreIsSpread) {
  begin(Policy::bonded);
  Carrier fast{fast_, 10}, slow{slow_, 10};
  carry({&fast, &slow}, 1, 30, 2000, seconds(5));
  EXPECT_GT(fast.carried.size(), 49'000U);
  EXPECT_GT(slow.carried.size(), 45'000U);
  // Its packets are numbered one by one, as one flow.
  std::set<std::uint32_t> sequences;
  std::set<std::uint16_t> flows;
  for (const auto* carried : {&fast.carried, &slow.carried}) {
    for (const Given& each : *carried) {
      if (!each.ordered) continue;
      EXPECT_TRUE(sequences.insert(each.sequence).second);
      flows.insert(each.flow);
    }
  }
  EXPECT_EQ(flows.size(), 1U);
  EXPECT_EQ(*sequences.rbegin() + 1, sequences.size());
}

TEST_F(TwoPaths, ManyFlowsThatWantMoreShareThePathsAsAWhole) {
  begin(Policy::bonded);
  Carrier fast{fast_, 15}, slow{slow_, 5};
  carry({&fast, &slow}, 1, 30, 1000, seconds(3), 8);
  fast.carried.clear();
  slow.carried.clear();
  carry({&fast, &slow}, 1, 30, 1000, seconds(1), 8);
  EXPECT_GT(fast.carried.size(), 14'000U);
  EXPECT_GT(slow.carried.size(), 4'500U);
  std::set<std::uint16_t> on_fast, on_slow;
  for (const Given& each : fast.carried) on_fast.insert(each.port);
  for (const Given& each : slow.carried) on_slow.insert(each.port);
  EXPECT_EQ(on_fast.size(), 6U);
  EXPECT_EQ(on_slow.size(), 2U);
}

TEST_F(TwoPaths, OnePathMoreIsNotWorthEveryDelay) {
  begin(Policy::bonded);
  Carrier fast{fast_, 20}, slow{slow_, 1};
  carry({&fast, &slow}, 1, 30, 2000, seconds(3));
  EXPECT_LT(slow.carried.size(), 600U) << "a twentieth more, for three times the delay";
}

TEST_F(TwoPaths, AFlowThatSlowsDownGoesBackToOnePath) {
  begin(Policy::bonded);
  Carrier fast{fast_, 10}, slow{slow_, 10};
  carry({&fast, &slow}, 1, 30, 2000, seconds(2));
  ASSERT_GT(slow.carried.size(), 1'000U);
  // Its sender has lost heart: it now sends less than one path alone has carried.
  carry({&fast, &slow}, 1, 8, 2000, seconds(6));
  slow.carried.clear();
  fast.carried.clear();
  carry({&fast, &slow}, 1, 8, 2000, seconds(2));
  EXPECT_TRUE(slow.carried.empty() || fast.carried.empty());
  EXPECT_GT(slow.carried.size() + fast.carried.size(), 15'000U);
}

TEST_F(TwoPaths, AFlowThatPacesItselfGetsMoreThanOnePathWithoutAQueue) {
  begin(Policy::bonded);
  Carrier fast{fast_, 10}, slow{slow_, 10};
  carry({&fast, &slow}, 1, 30, 2000, seconds(2));
  // A queue as long as the difference in delay would take 200 packets, besides those on the way.
  constexpr std::size_t window = 350;
  carry({&fast, &slow}, 1, 12, window, seconds(1));
  fast.carried.clear();
  slow.carried.clear();
  carry({&fast, &slow}, 1, 12, window, seconds(2));
  EXPECT_GT(slow.carried.size() + fast.carried.size(), 23'000U);
}

TEST_F(TwoPaths, SmallFlowsAreLeftAloneByALargeOne) {
  begin(Policy::bonded);
  Carrier fast{fast_, 10}, slow{slow_, 10};
  carry({&fast, &slow}, 1, 30, 2000, seconds(2));
  push(2, 77, false);
  wait(milliseconds(1));
  const auto given = take(fast_);
  ASSERT_TRUE(given);
  EXPECT_EQ(given->port, 2) << "ahead of all that waits, over the fastest path";
  EXPECT_FALSE(given->ordered);
}

}  // namespace
}  // namespace mpquic::tunnel
