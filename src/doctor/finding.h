#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mpquic::doctor {

enum class Severity : std::uint8_t {
  ok,       ///< looked at, and as it should be; or good to know
  warning,  ///< may stand in the way, or soon will
  problem,  ///< stands in the way
};

std::string_view name(Severity severity);

/// One thing that was found, each text a line without full stop.
struct Finding {
  Severity severity = Severity::ok;
  std::string what;
  std::string mend;  ///< a command, a line of configuration, or where to look; empty where nothing is to be done

  bool operator==(const Finding&) const = default;
};

using Findings = std::vector<Finding>;

void put_worst_first(Findings& findings);

/// For people: a line for each, with the mend indented below.
std::string to_text(const Findings& findings);
/// `{"findings": [{"severity", "what", "mend"}], "problems": 1, "warnings": 0}`
std::string to_json_text(const Findings& findings);

}  // namespace mpquic::doctor
