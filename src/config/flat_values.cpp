#include "config/flat_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "config/problems.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

constexpr std::string_view by_interface = "if:";

// Where the LANs behind boxes lie: RFC 1918 and RFC 6598.
constexpr std::array<std::string_view, 4> private_networks = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                                              "100.64.0.0/10"};

Result<std::uint16_t> parse_number(std::string_view text, std::uint16_t least) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least) {
    return failure("{} is no number from {} to 65535", in_quotes(text), least);
  }
  return number;
}

}  // namespace

Result<Exit> parse_exit(std::string_view text) {
  if (text.starts_with(by_interface)) {
    auto interface = parse_interface(text.substr(by_interface.size()));
    if (!interface) return std::unexpected(interface.error());
    return Exit{std::move(*interface), {}};
  }
  const auto source = parse_source(text);
  if (!source) return failure("{} (an address of this box, or if:NAME for an interface)", source.error().message);
  return Exit{{}, *source};
}

Result<packet::Address> parse_listening_address(std::string_view text) {
  if (text.starts_with(by_interface)) {
    return failure("{} is for clients: a server listens on an address (0.0.0.0 is all)", in_quotes(text));
  }
  auto address = parse_host(text);
  if (address && address->is_multicast()) return failure("{} is a multicast address", in_quotes(text));
  return address;
}

Result<std::uint16_t> parse_port(std::string_view text) { return parse_number(text, 1); }

Result<unsigned> parse_flat_priority(std::string_view text) { return parse_number(text, 0); }

Result<PathPolicy> parse_flat_policy(std::string_view text) {
  if (text == "priority" || text == "failover") return PathPolicy::failover;
  if (text == "balanced") return PathPolicy::balanced;
  return failure("{} is none of priority, failover, balanced", in_quotes(text));
}

Result<LogLevel> parse_flat_level(std::string_view text) {
  return text == "warn" ? Result<LogLevel>(LogLevel::warning) : parse_level(text);
}

Client everybody_behind(const ServerTunnel& tunnel) {
  std::vector<packet::Prefix> networks;
  for (const std::string_view text : private_networks) networks.push_back(*packet::Prefix::parse(text));
  for (const auto& address : tunnel.addresses) networks.push_back(address->network());
  // Of those that lie in one another only the widest.
  std::ranges::sort(networks, {}, [](const auto& network) { return std::pair(network.length(), network); });
  Client client{std::string(anybody), tunnel.place, {}, {}};
  for (const packet::Prefix& network : networks) {
    const bool covered =
        std::ranges::any_of(client.prefixes, [&](const auto& wide) { return wide->contains(network); });
    if (!covered) client.prefixes.emplace_back(network, tunnel.place);
  }
  return client;
}

}  // namespace mpquic::config
