#include "doctor/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace mpquic::doctor {

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::ok: return "ok";
    case Severity::warning: return "warning";
    case Severity::problem: return "problem";
  }
  return {};
}

void put_worst_first(Findings& findings) {
  Findings sorted;
  for (const Severity severity : {Severity::problem, Severity::warning, Severity::ok}) {
    std::ranges::copy_if(findings, std::back_inserter(sorted),
                         [&](const auto& one) { return one.severity == severity; });
  }
  findings = std::move(sorted);
}

std::string to_text(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<8} {}\n", name(finding.severity), finding.what);
    if (!finding.mend.empty()) text += fmt::format("{:<11} {}\n", "", finding.mend);
  }
  return text;
}

std::string to_json_text(const Findings& findings) {
  auto list = nlohmann::json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"severity", name(finding.severity)}, {"what", finding.what}, {"mend", finding.mend}});
  }
  const nlohmann::json all = {{"findings", std::move(list)},
                              {"problems", std::ranges::count(findings, Severity::problem, &Finding::severity)},
                              {"warnings", std::ranges::count(findings, Severity::warning, &Finding::severity)}};
  // What others named (interfaces, certificates) need not be UTF-8.
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace mpquic::doctor
