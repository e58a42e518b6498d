#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "packet/buffer_pool.h"
#include "packet/split.h"
#include "tunnel/queue.h"

namespace mpquic::tunnel {

using CopyId = std::uint32_t;
inline constexpr CopyId no_copy = 0xffffffff;

/// A packet that was sent, as it may have to be sent again.
struct Copy {
  packet::Buffer memory;
  std::uint16_t size = 0;
  FlowId queue_flow = 0;   ///< whose packet it is
  std::uint16_t flow = 0;  ///< on the wire, as the next two
  std::uint32_t sequence = 0;
  bool ordered = false;
  bool delivered = false;  ///< the other end has it; the memory is given back
  std::uint16_t uses = 0;  ///< transmissions that are in flight, and a place in the line of repairs
  Instant first_sent{};

  Bytes bytes() const { return Bytes(memory.bytes()).first(size); }
};

/// Packets of a session that were sent and are not acknowledged, bounded in number and by what the pool still has for
/// others: no session may take more of it than it leaves.
class Copies {
 public:
  /// `pool` outlives it.
  Copies(packet::BufferPool& pool, std::size_t most) : pool_(pool), most_(most) {}

  /// Remembers a packet, with one use. no_copy: there is no room; it goes without.
  CopyId remember(const packet::Pieces& packet, const Copy& as);
  Copy& operator[](CopyId id) { return copies_[id]; }
  void use(CopyId id) { ++copies_[id].uses; }
  /// A use has ended. What nobody uses is forgotten.
  void release(CopyId id);
  /// It has arrived: there is no need for its bytes any more.
  void delivered(CopyId id);
  std::size_t held() const { return held_; }

 private:
  packet::BufferPool& pool_;
  std::size_t most_;
  std::size_t held_ = 0;  ///< with memory
  std::vector<Copy> copies_;
  std::vector<CopyId> free_;
};

}  // namespace mpquic::tunnel
