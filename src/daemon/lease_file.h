#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/time.h"

namespace mpquic::daemon {

/// The file that a server keeps its leases in (peers::AddressPool), so that clients have their addresses again when it
/// has been restarted. Where it can't be written, that is said once, and the server goes on without. On the control
/// thread.
class LeaseFile {
 public:
  /// `text`: what is to stand in the file, asked for when it is written.
  LeaseFile(std::filesystem::path file, std::function<std::string()> text)
      : file_(std::move(file)), text_(std::move(text)) {}

  /// What the run before has left; empty if there is no such file.
  std::string read() const;

  /// What is to stand in it is another now.
  void changed(Instant now);
  /// When on_deadline() is to write the file.
  Instant deadline() const { return write_at_; }
  void on_deadline(Instant now);
  /// Writes what is still to be written: the server stops.
  void finish();

 private:
  void write();

  std::filesystem::path file_;
  std::function<std::string()> text_;
  Instant write_at_ = never;
  Instant written_at_{};
  bool failed_ = false;
};

}  // namespace mpquic::daemon
