#pragma once

#include "packet/split.h"

namespace mpquic::tunnel {

/// Takes packets that the datagrams of a connection can't carry.
class Overflow {
 public:
  /// False: not now.
  virtual bool take(const packet::Pieces& packet) = 0;

 protected:
  ~Overflow() = default;
};

}  // namespace mpquic::tunnel
