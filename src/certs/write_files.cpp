#include "certs/write_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace mpquic::certs {
namespace {

/// A file on its way to its true name:
///
///   staged --put_in_place--> in place, undone by the destructor --keep--> in place for good
class StagedFile {
 public:
  static Result<StagedFile> write(const NewFile& file);

  StagedFile(StagedFile&& other) noexcept
      : path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, {})),
        former_(std::exchange(other.former_, {})),
        in_place_(std::exchange(other.in_place_, false)) {}
  StagedFile& operator=(StagedFile&&) = delete;
  ~StagedFile();

  Result<void> put_in_place(bool replace);
  void keep() { in_place_ = false; }

 private:
  StagedFile(std::filesystem::path path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}

  std::filesystem::path path_;
  std::string temporary_;
  std::string former_;     ///< second name of what path_ named before; empty if that was nothing
  bool in_place_ = false;  ///< and not yet kept
};

Result<void> write_all(int fd, Bytes contents) {
  while (!contents.empty()) {
    const ssize_t written = ::write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return os_failure("write");
    contents = contents.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<StagedFile> StagedFile::write(const NewFile& file) {
  std::string name = (file.path.parent_path() / ("." + file.path.filename().string() + ".XXXXXX")).string();
  const Fd fd(::mkostemp(name.data(), O_CLOEXEC));  // O_CREAT | O_EXCL with mode 0600
  if (!fd) return os_failure("can't make {}", file.path.string());
  StagedFile staged(file.path, std::move(name));
  if (const auto written = write_all(fd.get(), file.contents); !written) {
    return failure("{}: {}", file.path.string(), written.error().message);
  }
  if (::fchmod(fd.get(), file.mode) < 0) return os_failure("{}: mode", file.path.string());
  if (::fsync(fd.get()) < 0) return os_failure("{}: sync", file.path.string());
  return staged;
}

// Names are given with link(2), which unlike rename(2) fails when the name is taken, and works on every file system
// that keeps modes and owners.
Result<void> StagedFile::put_in_place(bool replace) {
  if (replace) {
    const std::string former = temporary_ + ".old";
    if (::link(path_.c_str(), former.c_str()) == 0) {
      former_ = former;
    } else if (errno != ENOENT) {
      return os_failure("can't replace {}", path_.string());
    }
    if (::rename(temporary_.c_str(), path_.c_str()) < 0) return os_failure("can't replace {}", path_.string());
    temporary_.clear();
  } else if (::link(temporary_.c_str(), path_.c_str()) < 0) {
    return os_failure("can't make {}", path_.string());
  }
  in_place_ = true;
  return {};
}

StagedFile::~StagedFile() {
  if (in_place_ && former_.empty()) ::unlink(path_.c_str());
  if (in_place_ && !former_.empty()) ::rename(former_.c_str(), path_.c_str());
  if (!in_place_ && !former_.empty()) ::unlink(former_.c_str());
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

// Makes the names, not only the contents, survive a power cut.
Result<void> sync_directory(const std::filesystem::path& directory) {
  const Fd fd(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return os_failure("{}: sync", directory.string());
  if (::fsync(fd.get()) == 0 || errno == EINVAL) return {};  // EINVAL: a file system that can't, fsync(2)
  return os_failure("{}: sync", directory.string());
}

}  // namespace

Result<void> write_files(std::span<const NewFile> files, bool replace) {
  std::vector<StagedFile> staged;
  for (const NewFile& file : files) {
    auto one = StagedFile::write(file);
    if (!one) return std::unexpected(one.error());
    staged.push_back(std::move(*one));
  }
  for (StagedFile& file : staged) {
    if (const auto placed = file.put_in_place(replace); !placed) return placed;
  }
  for (const NewFile& file : files) {
    if (const auto synced = sync_directory(file.path.parent_path()); !synced) return synced;
  }
  for (StagedFile& file : staged) file.keep();
  return {};
}

}  // namespace mpquic::certs
