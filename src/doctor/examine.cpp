#include "doctor/examine.h"

namespace mpquic::doctor {

Findings examine(const config::Configuration& configuration, const Observations& seen) {
  Findings findings;
  for (const std::string& unseen : seen.unseen) {
    findings.push_back({Severity::warning, "not looked at: " + unseen, "as root, mpquic doctor sees more"});
  }
  examine_node(configuration, seen, findings);
  examine_certificates(configuration, seen, findings);
  if (const auto* client = configuration.client()) {
    examine_links(*client, seen, findings);
    examine_names(seen, findings);
    examine_reachability(*client, seen, findings);
    examine_path_mtu(seen, findings);
  }
  examine_listening(seen, findings);
  examine_firewall(configuration, seen, findings);
  examine_sysctls(configuration, seen, findings);
  examine_routing(seen, findings);
  examine_kernel(seen, findings);
  put_worst_first(findings);
  return findings;
}

}  // namespace mpquic::doctor
