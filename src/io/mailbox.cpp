#include "io/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace mpquic::io {

Result<std::unique_ptr<Mailbox>> Mailbox::create() {
  std::unique_ptr<Mailbox> mailbox(new Mailbox);
  mailbox->wake_ = Fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!mailbox->wake_) return os_failure("eventfd");
  return mailbox;
}

void Mailbox::post(Letter letter) {
  bool first = false;
  {
    const std::lock_guard guard(lock_);
    first = letters_.empty();
    letters_.push_back(std::move(letter));
  }
  // Behind the first letter the owner is awake already, or about to be.
  if (!first) return;
  constexpr std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
}

void Mailbox::run() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read_bytes = read(wake_.get(), &count, sizeof count);
  {
    const std::lock_guard guard(lock_);
    running_.swap(letters_);
  }
  for (Letter& letter : running_) letter();
  running_.clear();
}

}  // namespace mpquic::io
