#include "policy/networkd.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "policy/destinations.h"
#include "system/kernel_slot.h"

namespace mpquic::policy {
namespace {

// Of the default routes in the main table; lower comes first. The links in the order of the file.
constexpr unsigned first_link_metric = 1010;
constexpr unsigned metric_step = 10;
constexpr unsigned management_metric = 2000;
static_assert(first_link_metric + metric_step * config::most_routing_tables < management_metric);

// What users name may have anything in it; what stands in these files has one line and no blanks.
std::string plain(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
    if (!fits) c = '_';
  }
  return result;
}

// [Match] takes patterns: what would be more than itself stands for any one character.
std::string as_pattern(std::string interface) {
  std::ranges::replace_if(interface, [](char c) { return c == '?' || c == '[' || c == '!'; }, '?');
  return interface;
}

std::string_view yes_or_no(bool yes) { return yes ? "yes" : "no"; }

/// What a .network file says of an interface.
struct Network {
  std::vector<std::string> purposes;  ///< "link wan5"; none: only tunnels or VLANs
  bool dhcp = false;
  bool router_advertisements = false;
  bool local = false;  ///< a LAN: configured whether somebody is there or not
  std::vector<packet::InterfaceAddress> addresses;
  std::vector<packet::Address> gateways;
  unsigned metric = 0;
  std::set<std::string> vlans;  ///< devices that it carries
};

class Writer {
 public:
  explicit Writer(const config::Configuration& configuration) : configuration_(configuration) {}

  std::map<std::string, std::string> write() {
    if (const auto* client = configuration_.client()) {
      for (std::size_t i = 0; i < client->links.size(); ++i) add_link(client->links[i], i);
      for (const config::Lan& lan : client->lans) add_lan(lan);
      for (const config::Tunnel& tunnel : client->tunnels) write_tunnel(tunnel);
    }
    if (const auto* server = configuration_.server()) {
      for (const config::Tunnel& tunnel : server->tunnels) write_tunnel(tunnel);
    }
    if (configuration_.management) add_management(*configuration_.management);
    for (const auto& [interface, network] : networks_) write_network(interface, network);
    write_daemon();
    write_tables();
    return std::move(files_);
  }

 private:
  Network& network(const std::string& interface, const std::optional<config::Vlan>& vlan, std::string purpose) {
    if (vlan) {
      networks_[vlan->parent].vlans.insert(interface);
      put("systemd/network/10-mpquic-" + interface + ".netdev",
          fmt::format("[NetDev]\nName={}\nKind=vlan\n\n[VLAN]\nId={}\n", interface, vlan->id));
    }
    Network& found = networks_[interface];
    found.purposes.push_back(std::move(purpose));
    return found;
  }

  // Several links may share an interface; the first decides its metric.
  void add_link(const config::Link& link, std::size_t index) {
    Network& wan = network(link.interface, link.vlan, "link " + plain(link.name));
    if (wan.metric == 0) wan.metric = first_link_metric + metric_step * static_cast<unsigned>(index);
    if (link.source_length) {
      wan.addresses.push_back({link.source->value, *link.source_length});
    } else {
      wan.dhcp = true;
    }
    if (link.gateway) wan.gateways.push_back(link.gateway->value);
    wan.router_advertisements =
        std::ranges::all_of(wan.addresses, [](const auto& one) { return one.address.is_ipv4(); });
  }

  void add_lan(const config::Lan& lan) {
    Network& local = network(lan.interface, lan.vlan, "lan " + plain(lan.name));
    local.local = true;
    for (const auto& address : lan.addresses) local.addresses.push_back(address.value);
  }

  // Its default route comes last: what the box sends of its own accord leaves by a link while there is one.
  void add_management(const config::Management& management) {
    Network& own = network(management.interface, management.vlan, "management");
    own.metric = management_metric;
    own.dhcp = own.router_advertisements = management.addresses.empty();
    for (const auto& address : management.addresses) own.addresses.push_back(address.value);
    if (management.gateway) own.gateways.push_back(management.gateway->value);
  }

  void write_network(const std::string& interface, const Network& network) {
    // What only carries VLANs has no addresses either.
    const bool local = network.local || network.purposes.empty();
    const bool any_ipv6 =
        std::ranges::any_of(network.addresses, [](const auto& one) { return !one.address.is_ipv4(); });
    // RequiredForOnline: neither a WAN that is down nor a LAN that nobody uses holds up the machine's start.
    std::string text =
        fmt::format("[Match]\nName={}\n\n[Link]\nRequiredForOnline=no\n\n[Network]\n", as_pattern(interface));
    text +=
        fmt::format("Description=mpquic: {}\n",
                    network.purposes.empty() ? "carries VLANs" : fmt::format("{}", fmt::join(network.purposes, ", ")));
    text +=
        fmt::format("DHCP={}\nIPv6AcceptRA={}\n", yes_or_no(network.dhcp), yes_or_no(network.router_advertisements));
    if (local) text += fmt::format("LinkLocalAddressing={}\nConfigureWithoutCarrier=yes\n", any_ipv6 ? "ipv6" : "no");
    for (const auto& address : network.addresses) text += "Address=" + address.to_string() + "\n";
    for (const std::string& vlan : network.vlans) text += "VLAN=" + vlan + "\n";
    for (const auto& gateway : network.gateways) text += route(gateway, network);
    if (network.dhcp) text += fmt::format("\n[DHCPv4]\nRouteMetric={}\n", network.metric);
    if (network.router_advertisements) text += fmt::format("\n[IPv6AcceptRA]\nRouteMetric={}\n", network.metric);
    put("systemd/network/10-mpquic-" + interface + ".network", text);
  }

  static std::string route(const packet::Address& gateway, const Network& network) {
    const bool near =
        std::ranges::any_of(network.addresses, [&](const auto& one) { return one.network().contains(gateway); });
    return fmt::format("\n[Route]\nGateway={}\n{}Metric={}\n", gateway.to_string(), near ? "" : "GatewayOnLink=yes\n",
                       network.metric);
  }

  void write_tunnel(const config::Tunnel& tunnel) {
    put("systemd/network/10-mpquic-" + tunnel.name + ".network",
        fmt::format("[Match]\nName={}\n\n[Link]\nUnmanaged=yes\n", as_pattern(tunnel.name)));
  }

  void write_daemon() {
    put("systemd/networkd.conf.d/10-mpquic-" + plain(configuration_.name) + ".conf",
        "# Otherwise networkd deletes routes and rules that it has not made.\n"
        "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n");
  }

  void write_tables() {
    const auto purposes = table_purposes(configuration_);
    if (purposes.empty()) return;
    std::string text =
        "# Names for the node's routing tables: ip route show table NAME. These are the numbers of the first node on "
        "a\n"
        "# machine; mpquic net status says which ones a node has.\n";
    unsigned number = system::KernelSlot(0, configuration_.name).first();
    for (const std::string& purpose : purposes) {
      text += fmt::format("{} {}.{}\n", number++, plain(configuration_.name), plain(purpose));
    }
    put("iproute2/rt_tables.d/mpquic-" + plain(configuration_.name) + ".conf", text);
  }

  void put(const std::string& name, const std::string& text) {
    files_[name] = network_file_mark(configuration_) + "\n" + text;
  }

  const config::Configuration& configuration_;
  std::map<std::string, Network> networks_;  ///< by interface
  std::map<std::string, std::string> files_;
};

}  // namespace

std::string network_file_mark(const config::Configuration& configuration) {
  return fmt::format("# Written by mpquic net networkd for {}: what is changed here is lost when it is run again.",
                     plain(configuration.name));
}

std::map<std::string, std::string> network_files(const config::Configuration& configuration) {
  return Writer(configuration).write();
}

}  // namespace mpquic::policy
