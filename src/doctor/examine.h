#pragma once

#include <string_view>

#include "config/model.h"
#include "doctor/finding.h"
#include "doctor/observations.h"

namespace mpquic::doctor {

/// What stands between this node and working tunnels: the worst first.
Findings examine(const config::Configuration& configuration, const Observations& seen);

/// Whether packets know where to go: a gateway, or a server in one of the interface's own networks. Otherwise the
/// kernel takes what is bound to an interface for a neighbour there.
bool has_way(const Observations& seen, std::string_view interface, const packet::Address& server);

// By topic; each adds what it finds.

void examine_node(const config::Configuration& configuration, const Observations& seen, Findings& findings);
void examine_links(const config::ClientConfig& client, const Observations& seen, Findings& findings);
void examine_names(const Observations& seen, Findings& findings);
void examine_reachability(const config::ClientConfig& client, const Observations& seen, Findings& findings);
void examine_path_mtu(const Observations& seen, Findings& findings);
void examine_listening(const Observations& seen, Findings& findings);
void examine_certificates(const config::Configuration& configuration, const Observations& seen, Findings& findings);
void examine_sysctls(const config::Configuration& configuration, const Observations& seen, Findings& findings);
void examine_kernel(const Observations& seen, Findings& findings);
void examine_routing(const Observations& seen, Findings& findings);
void examine_firewall(const config::Configuration& configuration, const Observations& seen, Findings& findings);

}  // namespace mpquic::doctor
