#include "system/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "base/fd.h"

namespace mpquic::system {
namespace {

std::string path_of(const std::string& name) { return "/proc/sys/" + name; }

}  // namespace

std::string read_sysctl(const std::string& name) {
  std::ifstream file(path_of(name));
  std::string value;
  std::getline(file, value);
  return value;
}

Result<void> write_sysctl(const std::string& name, const std::string& value) {
  const Fd file(::open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return os_failure("set {} to {}", path_of(name), value);
  }
  return {};
}

}  // namespace mpquic::system
