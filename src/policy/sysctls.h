#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mpquic::policy {

/// Kernel settings by name: "net/ipv4/ip_forward" to "1".
using Sysctls = std::map<std::string, std::string>;

/// Whether what the setting was can be remembered: as the name of an nftables chain, which holds less than the name of
/// an interface may.
bool can_be_recorded(std::string_view name);

/// Settings that the kernel changes by itself when this one is written, though they are those of others, and that would
/// not be as now if it were written back: turning forwarding on and off turns it on and off at each interface.
Sysctls side_effects(const std::string& name, const std::string& value);
bool is_side_effect(std::string_view name, std::string_view of);

/// Writes those that differ, and adds to `changed` what they were. One that is gone with its interface is left out.
/// Forwarding comes last: as a router, an interface forgets the routes that were advertised to it, unless told before.
Result<void> write_sysctls(const Sysctls& wanted, Sysctls& changed);
/// Writes them back, forwarding first, since that changes others.
Result<void> restore_sysctls(const Sysctls& originals);

/// The names of the chains that remember these: `restore/net/ipv4/ip_forward/0`.
std::vector<std::string> chains_of(const Sysctls& originals);
/// Takes in what such a name says; of other names nothing.
void read_original(std::string_view chain, Sysctls& originals);

}  // namespace mpquic::policy
