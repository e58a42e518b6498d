#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "config/model.h"

namespace mpquic::config {

/// Of "HOST:PORT"; an IPv6 address without its brackets.
struct HostPort {
  std::string_view host;
  std::uint16_t port = 0;
};

struct LinkAddress {
  packet::Address address;
  std::optional<unsigned> length;
};

// One value each, out of the text that stands in the file. The error quotes the text and says what would be right.

Result<Role> parse_role(std::string_view text);
Result<Alpn> parse_alpn(std::string_view text);
Result<CongestionControl> parse_congestion(std::string_view text);
Result<TrafficClass> parse_class(std::string_view text);
Result<PathPolicy> parse_policy(std::string_view text);
Result<ClientAuth> parse_client_auth(std::string_view text);
Result<LogLevel> parse_level(std::string_view text);
Result<bool> parse_bool(std::string_view text);

Result<std::optional<unsigned>> parse_mtu(std::string_view text);      ///< bytes; none is "auto"
Result<std::optional<unsigned>> parse_workers(std::string_view text);  ///< none is "auto"

/// A priority or a weight of a path: 1 to 65535.
Result<unsigned> parse_rank(std::string_view text);

/// Of a link, tunnel or client: what fits a log line and a metric label.
Result<std::string> parse_name(std::string_view text);
/// Of a network interface, by the kernel's rules.
Result<std::string> parse_interface(std::string_view text);
/// A relative name is taken from `folder`.
Result<std::filesystem::path> parse_file(std::string_view text, const std::filesystem::path& folder);

/// The port is 1 to 65535. `shape`: what should stand there, for the error.
Result<HostPort> split_host_port(std::string_view text, std::string_view shape);
/// Where the server listens: ADDRESS:PORT.
Result<packet::SocketAddress> parse_listen(std::string_view text);
/// An address of this box, to send from.
Result<packet::Address> parse_source(std::string_view text);
/// As above, perhaps with the length of its network.
Result<LinkAddress> parse_link_address(std::string_view text);
/// A host's address with the length of its network.
Result<packet::InterfaceAddress> parse_tunnel_address(std::string_view text);
/// As above, or "auto": none.
Result<std::optional<packet::InterfaceAddress>> parse_address_or_auto(std::string_view text);
/// Of routes: all, none, or those in a prefix.
Result<std::variant<bool, packet::Prefix>> parse_accepted(std::string_view text);
Result<packet::Prefix> parse_prefix(std::string_view text);
Result<packet::Address> parse_host(std::string_view text);
/// A DNS server that others than this machine itself can ask.
Result<packet::Address> parse_name_server(std::string_view text);
Result<HandedOutDns> parse_handed_out_dns(std::string_view text);

Result<unsigned> parse_vlan(std::string_view text);          ///< IEEE 802.1Q: 1 to 4094
Result<std::uint8_t> parse_protocol(std::string_view text);  ///< a name or a number
Result<PortRange> parse_ports(std::string_view text);        ///< "5060" or "10000-20000"
Result<std::uint8_t> parse_dscp(std::string_view text);      ///< a name (RFC 2474, 2597, 3246, 8622) or a number
bool has_ports(std::uint8_t protocol);

}  // namespace mpquic::config
