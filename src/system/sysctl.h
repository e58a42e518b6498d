#pragma once

#include <string>

#include "base/result.h"

namespace mpquic::system {

/// A kernel setting by its name with slashes, "net/ipv4/ip_forward", in the network namespace of the calling thread.
/// Empty when there is none of that name, as those of interfaces that do not exist.
std::string read_sysctl(const std::string& name);
Result<void> write_sysctl(const std::string& name, const std::string& value);

}  // namespace mpquic::system
