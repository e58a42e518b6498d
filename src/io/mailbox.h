#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace mpquic::io {

/// How threads talk: anyone posts closures, the owner runs them in order in its event loop. The lock is held to append
/// or to take the whole list, never while a closure runs.
class Mailbox {
 public:
  using Letter = std::function<void()>;

  static Result<std::unique_ptr<Mailbox>> create();

  /// From any thread. Wakes the owner if it sleeps.
  void post(Letter letter);
  /// Readable when letters wait.
  int fd() const { return wake_.get(); }
  /// By the owner: runs what has been posted.
  void run();

 private:
  Mailbox() = default;

  Fd wake_;
  std::mutex lock_;
  std::vector<Letter> letters_;
  std::vector<Letter> running_;
};

}  // namespace mpquic::io
