#pragma once

#include <filesystem>
#include <span>

#include "base/result.h"
#include "config/model.h"

namespace mpquic::config {

/// A flat instance as it was loaded.
struct Instance {
  std::filesystem::path file;
  Configuration configuration;
};

/// One node that does what these (at least one) do together: all their tunnels, each link once. An error names the two
/// files that can't be one node.
Result<Configuration> merge(std::span<const Instance> instances);

}  // namespace mpquic::config
