#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "control/status.h"

namespace mpquic::control {

/// Asks the node behind a control socket one line, and waits for its answer, without the newline, until `timeout`.
/// Errors name the path: nobody there, no permission, no answer in time.
Result<std::string> query(const std::filesystem::path& path, std::string_view line, Duration timeout);

Result<NodeStatus> query_status(const std::filesystem::path& path, Duration timeout);

/// False: certainly nobody listens on this control socket. True: somebody does, or we may not know.
bool may_be_there(const std::filesystem::path& path);

}  // namespace mpquic::control
