#include "packet/udp_batch.h"

namespace mpquic::packet {

bool UdpBatch::extends_last_run(std::size_t size, const Envelope& envelope) const {
  if (!segmentation_ || runs_.empty()) return false;
  const Run& last = runs_.back();
  const bool closed = last.size % last.segment_size != 0;  // a shorter segment ends a run
  return !closed && size <= last.segment_size && last.size + size <= max_run &&
         last.size / last.segment_size < max_segments && last.envelope == envelope;
}

void UdpBatch::commit(std::size_t size, const Envelope& envelope) {
  if (extends_last_run(size, envelope)) {
    runs_.back().size += size;
  } else {
    runs_.push_back({envelope, used_, size, static_cast<std::uint16_t>(size)});
  }
  used_ += size;
}

}  // namespace mpquic::packet
