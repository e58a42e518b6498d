#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "control.h"
#include "direction.h"
#include "port.h"

namespace linkem {

struct Setup {
  std::string left, right;        ///< interfaces
  std::string to_right, to_left;  ///< parameters, as text
  std::uint64_t seed = 1;
  std::string control;  ///< path of the control socket; empty: none
};

/// Both directions, the control socket and the loop that drives them.
class Emulator {
 public:
  static mpquic::Result<std::unique_ptr<Emulator>> open(const Setup& setup);

  /// Until SIGINT or SIGTERM.
  mpquic::Result<void> run();
  /// JSON.
  std::string statistics();

 private:
  Emulator(Port left, Port right, const Parameters& to_right, const Parameters& to_left, std::uint64_t seed);

  std::string answer(std::string_view command);
  mpquic::Result<std::string> obey(std::string_view command);
  mpquic::Result<void> wait(Instant until, bool for_packets);

  Port left_, right_;
  Direction to_right_, to_left_;
  ControlSocket control_;
  mpquic::Fd signals_;
  bool has_control_ = false;
  bool stopping_ = false;
};

}  // namespace linkem
