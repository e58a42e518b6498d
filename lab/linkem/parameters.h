#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "trace.h"

namespace linkem {

using mpquic::Duration;
using mpquic::Instant;
using mpquic::Result;

/// Two-state burst loss (Gilbert-Elliott). Shares are per packet: bursts last 1/to_good packets on average.
struct Gilbert {
  double to_bad = 0;
  double to_good = 1;
  double loss_in_bad = 1;
  double loss_in_good = 0;
};

/// What one direction of the link does to packets. All shares are within 0..1; zero switches a thing off.
struct Parameters {
  Duration delay{};                    ///< propagation, after the queue
  Duration jitter{};                   ///< the delay varies evenly by plus or minus this
  Duration jitter_hold{};              ///< how long one value of the jitter lasts; zero: every packet has its own
  bool keep_order = true;              ///< jitter never lets a packet overtake another
  std::uint64_t rate = 0;              ///< bits a second, counted over whole frames without FCS
  std::uint64_t queue = 0;             ///< bytes before the tail is dropped; zero: 50 ms at the rate, at least 32 KiB
  double loss = 0;                     ///< independent of each other
  Gilbert gilbert;                     ///< on top of `loss`
  double duplicate = 0;                ///< share of packets that are followed by a copy
  double reorder = 0;                  ///< share of packets that leave their place
  Duration reorder_delay{};            ///< by which those come later; zero: they skip queue and delay instead
  std::uint32_t mtu = 0;               ///< larger IP packets vanish, without ICMP
  std::shared_ptr<const Trace> trace;  ///< replaces `rate`
};

/// Changes what `text` names and leaves the rest: "delay=20ms,jitter=2ms,rate=100mbit,queue=256k,loss=1%". The keys are
/// those of README.md. The file that `trace=` names is read here.
Result<Parameters> amend(Parameters parameters, std::string_view text);

}  // namespace linkem
