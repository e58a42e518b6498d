#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace linkem {

/// An 802.1Q or 802.1ad tag that the kernel has taken out of a frame.
struct VlanTag {
  std::uint16_t tpid = 0;
  std::uint16_t tci = 0;
};

inline constexpr std::size_t address_bytes = 12;  ///< both MAC addresses, before the tags
inline constexpr std::size_t tag_bytes = 4;

/// Length of the IP packet in an Ethernet frame, tags or not; 0 if the frame carries something else.
std::uint32_t ip_bytes(mpquic::Bytes frame);

/// Writes the frame with its tag put back in place and returns its length. `to` has room for both.
std::size_t assemble(mpquic::Bytes frame, const std::optional<VlanTag>& tag, std::uint8_t* to);

/// Memory of the frames on their way. A slot is free again once it has been released as often as it was kept.
class FramePool {
 public:
  /// `slot_bytes`: room for the largest frame. Memory grows on demand up to `most_slots`.
  FramePool(std::size_t slot_bytes, std::uint32_t most_slots) : slot_bytes_(slot_bytes), most_slots_(most_slots) {}

  /// A free slot, which stays free until it is kept; nothing when all are in use.
  std::optional<std::uint32_t> vacant();
  void keep(std::uint32_t slot, std::size_t bytes, unsigned copies);
  void release(std::uint32_t slot);

  std::uint8_t* data(std::uint32_t slot);
  mpquic::MutableBytes frame(std::uint32_t slot) { return {data(slot), slots_[slot].bytes}; }
  std::size_t slot_bytes() const { return slot_bytes_; }

 private:
  static constexpr std::uint32_t chunk_slots = 1024;
  struct Slot {
    std::uint32_t bytes = 0;
    std::uint32_t copies = 0;
  };

  std::size_t slot_bytes_;
  std::uint32_t most_slots_;
  std::vector<std::vector<std::uint8_t>> chunks_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace linkem
