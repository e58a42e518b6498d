#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "policy/plan.h"

namespace mpquic::policy {

/// Routes that servers advertise to tunnels that are up, for the box's own traffic and all that no rule classifies. In
/// a table of their own, so that they come after what the main table knows better, and before its default routes. What
/// is sent from an address of a link or of the management interface stays where it belongs: answers to those who reach
/// the box there, name servers, DHCP; and what is sent from an address of one of several tunnels goes into that one.
/// What is bound to a link never comes so far. `tables`: of the tunnels, in the order of the file; with rules these
/// have their routes, without they are filled here.
void plan_advertised(const config::ClientConfig& client, const std::optional<config::Management>& management,
                     std::span<const std::uint32_t> tables, const Surroundings& now, Plan& plan);

}  // namespace mpquic::policy
