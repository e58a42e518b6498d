#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "tunnel/sequence_header.h"

namespace mpquic::tunnel {

/// A bit for each of `size` sequences in a row; which ones, its owner knows. Whole words at a time: a peer that jumps
/// about must not make this expensive.
template <std::uint32_t size>
class SequenceBits {
 public:
  bool test(std::uint32_t sequence) const { return (word(sequence) & mask(sequence)) != 0; }
  void set(std::uint32_t sequence) { word(sequence) |= mask(sequence); }
  void reset(std::uint32_t sequence) { word(sequence) &= ~mask(sequence); }
  /// Of `count` sequences from `first` on.
  void set(std::uint32_t first, std::uint32_t count) {
    each_word(first, count, [](std::uint64_t& bits, std::uint64_t those) { bits |= those; });
  }
  void reset(std::uint32_t first, std::uint32_t count) {
    each_word(first, count, [](std::uint64_t& bits, std::uint64_t those) { bits &= ~those; });
  }
  /// The first one that is set, among `count` from `first` on.
  std::optional<std::uint32_t> find(std::uint32_t first, std::uint32_t count) const {
    for (std::uint32_t passed = 0; passed < count; passed += bits_per_word - (first + passed) % bits_per_word) {
      const std::uint32_t sequence = first + passed;
      const std::uint64_t rest = word(sequence) >> sequence % bits_per_word;
      if (rest == 0) continue;
      const std::uint32_t found = passed + static_cast<std::uint32_t>(std::countr_zero(rest));
      return found < count ? std::optional(first + found) : std::nullopt;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint32_t bits_per_word = 64;
  static_assert(std::has_single_bit(size) && size >= bits_per_word, "numbers wrap at a power of two");

  static std::uint64_t mask(std::uint32_t sequence) { return std::uint64_t{1} << sequence % bits_per_word; }
  std::uint64_t& word(std::uint32_t sequence) { return words_[sequence % size / bits_per_word]; }
  const std::uint64_t& word(std::uint32_t sequence) const { return words_[sequence % size / bits_per_word]; }
  template <typename Change>
  void each_word(std::uint32_t first, std::uint32_t count, Change change) {
    count = std::min(count, size);
    const auto part = [&](std::uint32_t bits) {
      if (bits == 0) return;
      change(word(first), (~std::uint64_t{0} >> (bits_per_word - bits)) << first % bits_per_word);
      first += bits;
      count -= bits;
    };
    part(std::min(count, (bits_per_word - first % bits_per_word) % bits_per_word));
    // Whole words, up to the end and from the beginning on.
    while (count >= bits_per_word) {
      const std::uint32_t index = first % size / bits_per_word;
      const std::uint32_t end = std::min(index + count / bits_per_word, size / bits_per_word);
      for (std::uint32_t each = index; each < end; ++each) change(words_[each], ~std::uint64_t{0});
      first += (end - index) * bits_per_word;
      count -= (end - index) * bits_per_word;
    }
    part(count);
  }

  std::array<std::uint64_t, size / bits_per_word> words_{};
};

/// Which of the last `size` sequences have been seen (RFC 4303, 3.4.3, of another size).
template <std::uint32_t size>
class SequenceWindow {
 public:
  /// False: it was seen before, or is too old to say.
  bool insert(std::uint32_t sequence) {
    if (!begun_) {
      begun_ = true;
      newest_ = sequence;
    }
    const std::int32_t ahead = distance(sequence, newest_);
    if (ahead <= -static_cast<std::int32_t>(size)) return false;
    if (ahead > 0) {
      seen_.reset(newest_ + 1, static_cast<std::uint32_t>(ahead));
      newest_ = sequence;
    }
    if (seen_.test(sequence)) return false;
    seen_.set(sequence);
    return true;
  }

 private:
  SequenceBits<size> seen_;
  std::uint32_t newest_ = 0;
  bool begun_ = false;
};

}  // namespace mpquic::tunnel
