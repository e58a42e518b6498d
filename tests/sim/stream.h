#pragma once

#include <cstdint>
#include <vector>

#include "sim/events.h"
#include "sim/host.h"

namespace mpquic::sim {

/// UDP packets at a constant rate, as of a voice call: what came, when.
class Stream {
 public:
  struct Settings {
    double rate = 200;       ///< packets a second
    std::size_t size = 200;  ///< bytes, with all headers
    std::uint16_t port = 1;  ///< tells flows apart
  };

  Stream(Events& events, Host& sender, Host& receiver, const Settings& settings);

  void start(Instant now);
  void stop() { running_ = false; }
  /// A packet came out of the tunnel at either end; not of this stream: false.
  bool receive(const Host& at, Bytes packet, Instant now);
  /// Forgets the longest gap and delay so far.
  void begin_measuring(Instant now);

  std::uint64_t sent() const { return sent_; }
  std::uint64_t received() const { return received_; }
  std::uint64_t missing() const { return sent_ - received_; }
  std::uint64_t overtaken() const { return overtaken_; }
  /// Between two packets.
  Duration longest_gap(Instant now) const;
  Duration longest_delay() const { return longest_delay_; }

 private:
  void send(Instant now);

  Events& events_;
  Host& sender_;
  Host& receiver_;
  const Settings settings_;
  const Duration interval_;
  bool running_ = false;
  std::vector<Instant> sent_at_;  ///< by number
  std::uint64_t sent_ = 0, received_ = 0, overtaken_ = 0, newest_ = 0;
  Instant last_ = never;
  Duration longest_gap_{}, longest_delay_{};
};

}  // namespace mpquic::sim
