#include "daemon/lease_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"

namespace mpquic::daemon {
namespace {

// The first lease is written down at once, those of a stampede together.
constexpr Duration settle = std::chrono::milliseconds(5);
constexpr Duration between_writes = std::chrono::seconds(1);

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0) return os_failure("write");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// Whoever reads it finds either what was there or all of what is new, also after the machine has lost its power.
Result<void> replace(const std::filesystem::path& file, std::string_view text) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) return failure("make {}: {}", file.parent_path().string(), error.message());
  const std::filesystem::path fresh = file.string() + ".new";
  {
    const Fd out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!out) return os_failure("open {}", fresh.string());
    if (auto written = write_all(out.get(), text); !written) return written;
    if (::fdatasync(out.get()) != 0) return os_failure("fdatasync");
  }
  std::filesystem::rename(fresh, file, error);
  if (error) return failure("rename {}: {}", fresh.string(), error.message());
  return {};
}

}  // namespace

std::string LeaseFile::read() const {
  const std::ifstream in(file_, std::ios::binary);
  std::error_code ignored;
  if (!in && std::filesystem::exists(file_, ignored)) {
    log::warning("{}: can't be read: which client had which address is forgotten", file_.string());
  }
  std::ostringstream text;
  if (in) text << in.rdbuf();
  return text.str();
}

void LeaseFile::changed(Instant now) {
  if (write_at_ == never) write_at_ = std::max(now + settle, written_at_ + between_writes);
}

void LeaseFile::on_deadline(Instant now) {
  if (now < write_at_) return;
  written_at_ = now;
  write();
}

void LeaseFile::finish() {
  if (write_at_ != never) write();
}

void LeaseFile::write() {
  write_at_ = never;
  const auto done = replace(file_, text_());
  if (!done && !failed_) {
    log::warning("{}: addresses given to clients are forgotten at the next start: {}", file_.string(),
                 done.error().message);
  }
  failed_ = !done;
}

}  // namespace mpquic::daemon
