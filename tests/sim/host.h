#pragma once

#include "base/bytes.h"
#include "base/time.h"

namespace mpquic::sim {

/// Where an application sends its packets.
class Host {
 public:
  /// An IP packet on its way to the other one; its last Watch::mark_size bytes may be overwritten. `in_order`: of TCP.
  virtual void push(MutableBytes packet, bool in_order, Instant now) = 0;

 protected:
  ~Host() = default;
};

}  // namespace mpquic::sim
