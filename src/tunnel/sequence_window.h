#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>

#include "tunnel/sequence_header.h"

namespace mpquic::tunnel {

/// Which of the last `size` sequences have been seen (RFC 4303, 3.4.3, of another size).
template <std::size_t size>
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
      if (static_cast<std::size_t>(ahead) >= size) {
        seen_.reset();
      } else {
        for (std::uint32_t passed = newest_ + 1; passed != sequence; ++passed) seen_.reset(passed % size);
        seen_.reset(sequence % size);
      }
      newest_ = sequence;
    }
    if (seen_.test(sequence % size)) return false;
    seen_.set(sequence % size);
    return true;
  }

 private:
  static_assert((size & (size - 1)) == 0, "numbers wrap at a power of two");
  std::bitset<size> seen_;
  std::uint32_t newest_ = 0;
  bool begun_ = false;
};

}  // namespace mpquic::tunnel
