#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "frame.h"
#include "lateness.h"
#include "model.h"
#include "port.h"

namespace linkem {

/// Moves frames from one port to the other as the model says, and counts.
class Direction {
 public:
  /// Both ports outlive it.
  Direction(Port& from, Port& to, Parameters parameters, std::uint64_t seed);

  /// Takes what has been received, at most a batch, and returns how many frames that were.
  std::size_t receive(Instant now);
  /// Returns how many frames were due.
  std::size_t send_due();
  Instant deadline() const { return model_.deadline(); }

  void cut();
  void heal() { model_.heal(); }
  void set(Parameters parameters, Instant now) { model_.set(std::move(parameters), now); }
  const Parameters& parameters() const { return model_.parameters(); }

  nlohmann::json statistics();

 private:
  struct Count {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
  };

  void take(const Port::Received& received);
  void flush();

  Port& from_;
  Port& to_;
  Model model_;
  FramePool pool_;
  Lateness lateness_;

  std::vector<Model::Delivery> batch_;
  std::vector<mpquic::MutableBytes> frames_;

  Count received_;
  Count sent_;
  std::uint64_t oversize_ = 0;
  std::uint64_t no_memory_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t overruns_ = 0;
  std::uint64_t unfinished_checksums_ = 0;
};

}  // namespace linkem
