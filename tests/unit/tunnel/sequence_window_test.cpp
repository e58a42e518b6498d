#include "tunnel/sequence_window.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace mpquic::tunnel {
namespace {

TEST(SequenceBits, AreWhatASetOfTheSameNumbersIs) {
  constexpr std::uint32_t size = 256;
  std::mt19937 random(1);
  SequenceBits<size> bits;
  std::set<std::uint32_t> set;  // places
  for (int i = 0; i < 20'000; ++i) {
    const auto first = static_cast<std::uint32_t>(random());
    const auto count = static_cast<std::uint32_t>(random() % (size + 1));
    switch (random() % 8) {
      case 0:
        bits.reset(first, count);
        for (std::uint32_t each = 0; each < count; ++each) set.erase((first + each) % size);
        break;
      case 1:
        bits.set(first, count / 8);
        for (std::uint32_t each = 0; each < count / 8; ++each) set.insert((first + each) % size);
        break;
      case 2:
        bits.reset(first);
        set.erase(first % size);
        break;
      default:
        bits.set(first);
        set.insert(first % size);
        break;
    }
    const auto from = static_cast<std::uint32_t>(random());
    std::optional<std::uint32_t> expected;
    for (std::uint32_t each = 0; each < count && !expected; ++each) {
      if (set.contains((from + each) % size)) expected = from + each;
    }
    ASSERT_EQ(bits.find(from, count), expected) << "after " << i;
    ASSERT_EQ(bits.test(from), set.contains(from % size));
  }
}

TEST(SequenceBits, OfMoreThanThereAreAreAll) {
  SequenceBits<64> bits;
  bits.set(3, 64);
  bits.reset(1'000, 0x7fffffff);
  EXPECT_FALSE(bits.find(0, 64));
}

TEST(SequenceWindow, KnowsWhatItHasSeen) {
  SequenceWindow<64> window;
  EXPECT_TRUE(window.insert(100));
  EXPECT_FALSE(window.insert(100));
  EXPECT_TRUE(window.insert(98)) << "it was overtaken";
  EXPECT_FALSE(window.insert(98));
  EXPECT_TRUE(window.insert(163));
  EXPECT_FALSE(window.insert(100)) << "just within";
  EXPECT_TRUE(window.insert(101));
  EXPECT_FALSE(window.insert(99)) << "too old to say";
}

TEST(SequenceWindow, ForgetsWhatItHasLeftBehindWhenItsPlaceIsUsedAgain) {
  SequenceWindow<64> window;
  for (std::uint32_t sequence = 0; sequence < 64; ++sequence) EXPECT_TRUE(window.insert(sequence));
  EXPECT_TRUE(window.insert(70));
  for (std::uint32_t sequence = 64; sequence < 70; ++sequence) EXPECT_TRUE(window.insert(sequence)) << sequence;
  EXPECT_TRUE(window.insert(70 + 1'000));
  for (std::uint32_t sequence = 71 + 1'000 - 64; sequence < 70 + 1'000; ++sequence) {
    EXPECT_TRUE(window.insert(sequence)) << sequence;
  }
}

TEST(SequenceWindow, GoesRound) {
  SequenceWindow<64> window;
  constexpr std::uint32_t first = 0xffffffe0;
  for (std::uint32_t i = 0; i < 64; ++i) {
    EXPECT_TRUE(window.insert(first + i)) << i;
    EXPECT_FALSE(window.insert(first + i / 2)) << i;
  }
  EXPECT_FALSE(window.insert(0x80000020)) << "half of all numbers behind";
}

}  // namespace
}  // namespace mpquic::tunnel
