#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace mpquic::sim {

/// Told of everything that is not as it must be. Aborting is up to it.
using Complain = std::function<void(const std::string&)>;

/// What becomes of the inner packets of one direction. Each carries its number in its last bytes, so nothing has to be
/// guessed from what it says.
class Watch {
 public:
  /// Bytes at the end of each packet.
  static constexpr std::size_t mark_size = 8;
  /// No packet waits longer for others at the receiver.
  static constexpr Duration longest_hold = std::chrono::milliseconds(155);

  explicit Watch(Complain complain) : complain_(std::move(complain)) {}

  /// Who sends does not tell the truth: what comes late, twice or never is no wonder; what was never
  /// sent is.
  void expect_lies() { lies_ = true; }
  bool expects_lies() const { return lies_; }

  /// Before it goes into the tunnel: writes the mark. `in_order`: its flow is to come out as it went in.
  void enter(MutableBytes packet, std::uint32_t flow, bool in_order, Instant now);
  /// It, or a copy, has come over a path.
  void arrive(Bytes packet, Instant now);
  /// It came out of the tunnel.
  void leave(Bytes packet, Instant now);

  std::uint64_t entered() const { return packets_.size(); }
  /// At the other end, over one path at least.
  std::uint64_t arrived() const { return arrived_; }
  std::uint64_t left() const { return left_; }
  /// Of flows to be kept in order: those that came out behind a later one.
  std::uint64_t overtaken() const { return overtaken_; }
  Duration longest_held() const { return longest_held_; }
  /// Of all that came out, and when: the same for the same run.
  std::uint64_t digest() const { return digest_; }

 private:
  struct Packet {
    Instant entered;
    Instant arrived = never;
    std::uint32_t flow;
    bool in_order;
    bool left = false;
  };
  std::optional<std::uint64_t> mark_of(Bytes packet);
  void add_to_digest(std::uint64_t number);

  Complain complain_;
  bool lies_ = false;
  std::vector<Packet> packets_;
  std::unordered_map<std::uint32_t, std::uint64_t> newest_;  ///< that left, by flow
  std::uint64_t arrived_ = 0, left_ = 0, overtaken_ = 0;
  Duration longest_held_{};
  std::uint64_t digest_ = 0xcbf29ce484222325;
};

}  // namespace mpquic::sim
