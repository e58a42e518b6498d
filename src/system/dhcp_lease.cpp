#include "system/dhcp_lease.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <system_error>

namespace mpquic::system {
namespace {

constexpr std::uintmax_t largest_file = 1 << 20;

struct Lease {
  std::string interface;
  std::optional<packet::Address> address, router;
  std::vector<packet::Address> name_servers;
};

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || std::filesystem::file_size(path, error) > largest_file)
    return {};
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Of "192.0.2.1 192.0.2.2" or "192.0.2.1,192.0.2.2;", without what is none.
std::vector<packet::Address> all_addresses(std::string_view list) {
  std::vector<packet::Address> addresses;
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(" ,;"), list.size());
    if (const auto address = packet::Address::parse(list.substr(0, end))) addresses.push_back(*address);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return addresses;
}

std::optional<packet::Address> first_address(std::string_view list) {
  return packet::Address::parse(list.substr(0, list.find_first_of(" ,;")));
}

// "ADDRESS=192.0.2.5", "ROUTER=192.0.2.1 192.0.2.2", "DNS=192.0.2.3"
Lease parse_networkd(const std::string& text) {
  Lease lease;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("ADDRESS=")) lease.address = first_address(line.substr(8));
    if (line.starts_with("ROUTER=")) lease.router = first_address(line.substr(7));
    if (line.starts_with("DNS=")) lease.name_servers = all_addresses(line.substr(4));
  }
  return lease;
}

// dhclient.leases(5): `lease { interface "eth0"; fixed-address 192.0.2.5; option routers 192.0.2.1; option
// domain-name-servers 192.0.2.3,192.0.2.4; ... }`, newest last.
std::vector<Lease> parse_dhclient(const std::string& text) {
  std::vector<Lease> leases;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == "lease") leases.emplace_back();
    if (leases.empty()) continue;
    Lease& lease = leases.back();
    std::string value;
    if (word == "interface" && words >> value) {
      std::erase_if(value, [](char c) { return c == '"' || c == ';'; });
      lease.interface = value;
    } else if (word == "fixed-address" && words >> value) {
      lease.address = first_address(value);
    } else if (word == "routers" && words >> value) {
      lease.router = first_address(value);
    } else if (word == "domain-name-servers" && words >> value) {
      lease.name_servers = all_addresses(value);
    }
  }
  return leases;
}

/// The lease that counts, of those that are useful for what is wanted.
template <class Useful>
std::optional<Lease> lease_of(std::string_view interface, const LinkState& state, const LeaseFiles& files,
                              Useful useful) {
  const auto holds = [&](const Lease& lease) {
    return useful(lease) && lease.address &&
           std::ranges::find(state.addresses, *lease.address) != state.addresses.end();
  };
  const Lease networkd = parse_networkd(read_file(files.networkd / std::to_string(state.ifindex)));
  if (holds(networkd)) return networkd;
  std::optional<Lease> found;
  std::error_code error;
  std::set<std::filesystem::path> names;
  for (const auto& entry : std::filesystem::directory_iterator(files.dhclient, error)) {
    if (entry.path().extension() == ".leases") names.insert(entry.path());
  }
  for (const auto& name : names) {
    for (const Lease& lease : parse_dhclient(read_file(name))) {
      if (lease.interface == interface && holds(lease)) found = lease;
    }
  }
  return found;
}

}  // namespace

std::optional<packet::Address> lease_gateway(std::string_view interface, const LinkState& state,
                                             const LeaseFiles& files) {
  const auto lease =
      lease_of(interface, state, files, [](const Lease& one) { return one.router && one.router->is_ipv4(); });
  return lease ? lease->router : std::nullopt;
}

std::vector<packet::Address> lease_name_servers(std::string_view interface, const LinkState& state,
                                                const LeaseFiles& files) {
  const auto lease = lease_of(interface, state, files, [](const Lease& one) { return !one.name_servers.empty(); });
  return lease ? lease->name_servers : std::vector<packet::Address>();
}

}  // namespace mpquic::system
