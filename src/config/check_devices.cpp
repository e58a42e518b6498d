#include "config/check_devices.h"

#include <algorithm>
#include <map>
#include <string>

#include "config/overlap.h"

namespace mpquic::config {
namespace {

/// Whose an interface is, as errors name it: `link "wan5"`.
struct Owner {
  std::string what;
  Place place;
  bool is_link = false;
};

class DeviceCheck {
 public:
  explicit DeviceCheck(Problems& problems) : problems_(problems) {}

  // Two links may share an interface, and send from different addresses of it.
  void claim(const std::string& interface, const std::optional<Vlan>& vlan, const Owner& owner) {
    if (interface.empty()) return;  // could not be read
    const auto [known, is_first] = owners_.try_emplace(interface, owner);
    if (!is_first && !(owner.is_link && known->second.is_link && !vlan)) {
      problems_.error(owner.place, "interface {} of {} is that of {} already (line {})", interface, owner.what,
                      known->second.what, known->second.place.line);
    }
    if (vlan) parents_.try_emplace(vlan->parent, owner);
  }

  // mpquic brings parents up, which is more than leaving them alone.
  void check_management(const Management& management) {
    const auto other = parents_.find(management.interface);
    if (other == parents_.end()) return;
    problems_.error(other->second.place,
                    "{} has its VLAN on the management interface {} (line {}), which is left alone", other->second.what,
                    management.interface, management.place.line);
  }

 private:
  Problems& problems_;
  std::map<std::string, Owner> owners_;
  std::map<std::string, Owner> parents_;
};

void check_owners(const Configuration& configuration, Problems& problems) {
  DeviceCheck check(problems);
  const auto& management = configuration.management;
  if (management) check.claim(management->interface, std::nullopt, {"the management", management->place});
  if (const auto* client = configuration.client()) {
    for (const Link& link : client->links) {
      check.claim(link.interface, link.vlan, {"link " + in_quotes(link.name), link.place, true});
    }
    for (const Lan& lan : client->lans) {
      check.claim(lan.interface, lan.vlan, {"lan " + in_quotes(lan.name), lan.place});
    }
    for (const Tunnel& tunnel : client->tunnels) {
      check.claim(tunnel.name, std::nullopt, {"tunnel " + in_quotes(tunnel.name), tunnel.place});
    }
  }
  if (const auto* server = configuration.server()) {
    for (const Tunnel& tunnel : server->tunnels) {
      check.claim(tunnel.name, std::nullopt, {"tunnel " + in_quotes(tunnel.name), tunnel.place});
    }
  }
  if (management) check.check_management(*management);
}

void check_gateway(const std::optional<Located<packet::Address>>& gateway,
                   const std::vector<Located<packet::InterfaceAddress>>& addresses, Problems& problems) {
  if (!gateway || addresses.empty()) return;
  const auto of_its_version = [&](const auto& one) { return one->address.family() == gateway->value.family(); };
  if (std::ranges::none_of(addresses, of_its_version)) {
    problems.error(gateway->place, "gateway {} is of another IP version than the address", gateway->value.to_string());
  }
  if (std::ranges::any_of(addresses, [&](const auto& one) { return one->address == gateway->value; })) {
    problems.error(gateway->place, "gateway {} is the interface's own address", gateway->value.to_string());
  }
}

void check_doubled(const Lan& lan, Problems& problems) {
  for (auto one = lan.addresses.begin(); one != lan.addresses.end(); ++one) {
    const auto first = std::find_if(lan.addresses.begin(), one,
                                    [&](const auto& other) { return other->address == one->value.address; });
    if (first == one) continue;
    problems.error(one->place, "address {} of lan {} is doubled", one->value.address.to_string(), in_quotes(lan.name));
  }
}

// What is no LAN may overlap its like: carriers hand out the same private networks.
void check_lan_networks(const Configuration& configuration, const ClientConfig& client, Problems& problems) {
  constexpr std::size_t no_lan = 0;
  std::vector<Claim> claims;
  std::map<Place, std::string> names;
  const auto add = [&](const packet::InterfaceAddress& address, Place place, std::size_t owner, std::string name) {
    claims.push_back({address.network(), place, owner});
    names[place] = std::move(name);
  };
  const auto add_all = [&](const auto& addresses, std::size_t owner, const std::string& name) {
    for (const auto& [address, place] : addresses) add(address, place, owner, name);
  };
  for (std::size_t i = 0; i < client.lans.size(); ++i) {
    check_doubled(client.lans[i], problems);
    add_all(client.lans[i].addresses, i + 1, "lan " + in_quotes(client.lans[i].name));
  }
  for (const Tunnel& tunnel : client.tunnels) add_all(tunnel.addresses, no_lan, "tunnel " + in_quotes(tunnel.name));
  for (const Link& link : client.links) {
    if (!link.source_length) continue;
    add({link.source->value, *link.source_length}, link.source->place, no_lan, "link " + in_quotes(link.name));
  }
  if (configuration.management) add_all(configuration.management->addresses, no_lan, "the management");
  for_each_overlap(std::move(claims), [&](const Claim& claim, const Claim& other) {
    if (claim.owner == other.owner) return;
    problems.error(claim.place, "network {} of {} overlaps {} of {} (line {})", claim.prefix.to_string(),
                   names[claim.place], other.prefix.to_string(), names[other.place], other.place.line);
  });
}

}  // namespace

void check_devices(const Configuration& configuration, Problems& problems) {
  check_owners(configuration, problems);
  if (const auto& management = configuration.management) {
    check_gateway(management->gateway, management->addresses, problems);
  }
  const auto* client = configuration.client();
  if (client == nullptr) return;
  for (const Link& link : client->links) {
    if (!link.source_length) continue;
    check_gateway(link.gateway, {{{link.source->value, *link.source_length}, link.source->place}}, problems);
  }
  check_lan_networks(configuration, *client, problems);
}

}  // namespace mpquic::config
