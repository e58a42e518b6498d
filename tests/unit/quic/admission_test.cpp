#include "quic/admission.h"

#include <gtest/gtest.h>

namespace mpquic::quic {
namespace {

using namespace std::chrono_literals;
using Verdict = Admission::Verdict;

const Instant start = Instant() + 1h;

packet::Address address(std::string_view text) { return packet::Address::parse(text).value(); }
packet::Address ipv4(unsigned n) {
  const std::array<std::uint8_t, 4> bytes = {10, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)};
  return packet::Address::from_bytes(bytes);
}

/// How many of `tries` handshakes that one source begins at once are accepted.
int accepted(Admission& admission, const packet::Address& source, bool proved, Instant now, int tries = 1000) {
  int count = 0;
  for (int i = 0; i < tries; ++i) {
    if (admission.decide(source, proved, now) != Verdict::accept) continue;
    ++count;
    admission.finished();
  }
  return count;
}

TEST(AdmissionTest, TakesInWhoeverComesWhileThereAreFew) {
  Admission admission({});
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(admission.decide(ipv4(i), false, start), Verdict::accept);
  EXPECT_EQ(admission.half_open(), 64U);
}

TEST(AdmissionTest, AsksForAProofOfTheAddressWhenManyAreUnderWay) {
  Admission admission({.retry_above = 2});
  EXPECT_EQ(admission.decide(ipv4(1), false, start), Verdict::accept);
  EXPECT_EQ(admission.decide(ipv4(2), false, start), Verdict::accept);
  EXPECT_EQ(admission.decide(ipv4(3), false, start), Verdict::retry);
  EXPECT_EQ(admission.decide(ipv4(3), true, start), Verdict::accept);
  EXPECT_EQ(admission.half_open(), 3U);
  admission.finished();
  admission.finished();
  EXPECT_EQ(admission.decide(ipv4(4), false, start), Verdict::accept);
}

TEST(AdmissionTest, AsksForAProofWhenUnprovedHandshakesComeTooFastHoweverSoonTheyAreOver) {
  Admission admission({.unproved_rate = 10, .unproved_burst = 5});
  EXPECT_EQ(accepted(admission, ipv4(1), false, start), 5);
  EXPECT_EQ(admission.decide(ipv4(1), false, start), Verdict::retry);
  EXPECT_EQ(accepted(admission, ipv4(1), true, start, 100), 100);
  EXPECT_EQ(accepted(admission, ipv4(2), false, start + 1s), 5);
}

TEST(AdmissionTest, SendsRetriesNoFasterThanItsRate) {
  Admission admission({.retry_above = 0, .retry_rate = 3});
  int retries = 0, refused = 0;
  for (unsigned i = 0; i < 10; ++i) {
    const Verdict verdict = admission.decide(ipv4(i), false, start);
    retries += verdict == Verdict::retry;
    refused += verdict == Verdict::over_half_open_limit;
  }
  EXPECT_EQ(retries, 3);
  EXPECT_EQ(refused, 7);
}

TEST(AdmissionTest, HasALimitThatNoProofLifts) {
  Admission admission({.half_open = 2, .retry_above = 1});
  EXPECT_EQ(admission.decide(ipv4(1), true, start), Verdict::accept);
  EXPECT_EQ(admission.decide(ipv4(2), true, start), Verdict::accept);
  EXPECT_EQ(admission.decide(ipv4(3), true, start), Verdict::over_half_open_limit);
  EXPECT_EQ(admission.decide(ipv4(3), false, start), Verdict::over_half_open_limit);
  admission.finished();
  EXPECT_EQ(admission.decide(ipv4(3), true, start), Verdict::accept);
}

TEST(AdmissionTest, LimitsEachSourceByItself) {
  Admission admission({.source_rate = 10, .source_burst = 4});
  EXPECT_EQ(accepted(admission, ipv4(1), true, start), 4);
  EXPECT_EQ(admission.decide(ipv4(1), true, start), Verdict::over_source_limit);
  EXPECT_EQ(accepted(admission, ipv4(2), true, start), 4);
  EXPECT_EQ(accepted(admission, ipv4(1), true, start + 101ms), 1);
  EXPECT_EQ(accepted(admission, ipv4(1), true, start + 1h), 4);
  EXPECT_EQ(admission.half_open(), 0U) << "what is refused is not half open";
}

TEST(AdmissionTest, TakesAnIpv6NetworkOf64BitsForOneSource) {
  Admission admission({.source_rate = 10, .source_burst = 4});
  EXPECT_EQ(accepted(admission, address("2001:db8:0:1::1"), true, start, 3), 3);
  EXPECT_EQ(accepted(admission, address("2001:db8:0:1:ffff::2"), true, start), 1);
  EXPECT_EQ(accepted(admission, address("2001:db8:0:2::1"), true, start), 4);
}

TEST(AdmissionTest, RemembersABoundedNumberOfSourcesAndForgetsThoseThatRested) {
  Admission admission({.source_rate = 10, .source_burst = 4, .sources = 3});
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(accepted(admission, ipv4(i), true, start, 1), 1);
  EXPECT_EQ(admission.decide(ipv4(9), true, start), Verdict::over_source_limit);
  EXPECT_EQ(accepted(admission, ipv4(1), true, start + 101ms, 2), 2) << "the others are rested by now, this one not";
  EXPECT_EQ(accepted(admission, ipv4(9), true, start + 101ms), 4);
  EXPECT_EQ(accepted(admission, ipv4(8), true, start + 101ms), 4);
  EXPECT_EQ(admission.decide(ipv4(7), true, start + 101ms), Verdict::over_source_limit);
}

}  // namespace
}  // namespace mpquic::quic
