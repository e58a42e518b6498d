#include "certs/contents.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace mpquic::certs {
namespace {

// The bundle of all the authorities that a distribution trusts is a quarter of this.
constexpr std::size_t largest_file = 1 << 20;

}  // namespace

Contents::Contents() : buffer_(largest_file + 1) {}

Contents::~Contents() {
  if (!buffer_.empty()) gnutls_memset(buffer_.data(), 0, size_);
}

Result<Contents> Contents::read(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) < 0) return os_failure("{}", path.string());
  Contents contents;
  contents.permissions_ = status.st_mode & 07777;
  while (!contents.room().empty()) {
    const ssize_t got = ::read(file.get(), contents.room().data(), contents.room().size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_failure("{}", path.string());
    if (got == 0) return contents;
    contents.size_ += static_cast<std::size_t>(got);
  }
  return failure("{}: larger than any certificate or key file", path.string());
}

}  // namespace mpquic::certs
