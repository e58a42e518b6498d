#include "config/values.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "config/problems.h"
#include "config/suggest.h"

namespace mpquic::config {
namespace {

template <class T>
using Choices = std::span<const std::pair<std::string_view, T>>;

template <class T>
Result<T> choose(std::string_view text, Choices<T> choices) {
  std::vector<std::string_view> words;
  for (const auto& [word, value] : choices) {
    if (word == text) return value;
    words.push_back(word);
  }
  return failure("{} is none of {}{}", in_quotes(text), fmt::join(words, ", "), did_you_mean(text, words));
}

std::optional<unsigned> parse_number(std::string_view digits) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Result<std::optional<unsigned>> parse_number_or_auto(std::string_view text, unsigned least, unsigned most) {
  if (text == "auto") return std::nullopt;
  const auto number = parse_number(text);
  if (!number) return failure("{} is neither a number nor auto", in_quotes(text));
  if (*number < least || *number > most) return failure("{} is out of range ({} to {}, or auto)", text, least, most);
  return number;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<Role> parse_role(std::string_view text) {
  static constexpr std::pair<std::string_view, Role> roles[] = {{"client", Role::client}, {"server", Role::server}};
  return choose<Role>(text, roles);
}

Result<Alpn> parse_alpn(std::string_view text) {
  static constexpr std::pair<std::string_view, Alpn> alpns[] = {{"h3", Alpn::h3}, {"mpquic-ip", Alpn::mpquic_ip}};
  return choose<Alpn>(text, alpns);
}

Result<CongestionControl> parse_congestion(std::string_view text) {
  static constexpr std::pair<std::string_view, CongestionControl> controls[] = {{"bbr", CongestionControl::bbr},
                                                                                {"cubic", CongestionControl::cubic}};
  return choose<CongestionControl>(text, controls);
}

Result<TrafficClass> parse_class(std::string_view text) {
  static constexpr std::pair<std::string_view, TrafficClass> classes[] = {
      {"critical", TrafficClass::critical}, {"default", TrafficClass::default_}, {"bulk", TrafficClass::bulk}};
  return choose<TrafficClass>(text, classes);
}

Result<PathPolicy> parse_policy(std::string_view text) {
  static constexpr std::pair<std::string_view, PathPolicy> policies[] = {{"failover", PathPolicy::failover},
                                                                         {"balanced", PathPolicy::balanced},
                                                                         {"bonded", PathPolicy::bonded},
                                                                         {"redundant", PathPolicy::redundant}};
  return choose<PathPolicy>(text, policies);
}

Result<ClientAuth> parse_client_auth(std::string_view text) {
  static constexpr std::pair<std::string_view, ClientAuth> choices[] = {{"none", ClientAuth::none},
                                                                        {"require", ClientAuth::require}};
  return choose<ClientAuth>(text, choices);
}

Result<LogLevel> parse_level(std::string_view text) {
  static constexpr std::pair<std::string_view, LogLevel> levels[] = {
      {"error", LogLevel::error}, {"warning", LogLevel::warning}, {"info", LogLevel::info}, {"debug", LogLevel::debug}};
  return choose<LogLevel>(text, levels);
}

Result<bool> parse_bool(std::string_view text) {
  static constexpr std::pair<std::string_view, bool> choices[] = {{"true", true}, {"false", false}};
  return choose<bool>(text, choices);
}

// 1280 is what IPv6 asks of every link (RFC 8200, section 5).
Result<std::optional<unsigned>> parse_mtu(std::string_view text) { return parse_number_or_auto(text, 1280, 9000); }

Result<std::optional<unsigned>> parse_workers(std::string_view text) { return parse_number_or_auto(text, 1, 64); }

Result<unsigned> parse_rank(std::string_view text) {
  constexpr unsigned most = 65'535;
  const auto number = parse_number(text);
  if (!number || *number < 1 || *number > most) return failure("{} is no number from 1 to {}", in_quotes(text), most);
  return *number;
}

Result<std::string> parse_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return failure("a name has 1 to 64 characters");
  if (text.find_first_of(" \t") != std::string_view::npos)
    return failure("the name {} has a space in it", in_quotes(text));
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::ranges::any_of(text, is_control)) return failure("the name {} can't be shown", in_quotes(text));
  return std::string(text);
}

Result<std::string> parse_interface(std::string_view text) {
  constexpr std::size_t longest = 15;  // IFNAMSIZ less the NUL
  if (text.empty() || text.size() > longest) {
    return failure("{} is no interface name: those have 1 to {} characters", in_quotes(text), longest);
  }
  // The kernel refuses the first two and blanks; it would take a '%' as "number me".
  // nftables takes a '*' for "and all that begin so", and a '"' for the name's end.
  const auto bad = text.find_first_of("/:% \t*\"\\");
  if (bad != std::string_view::npos || text == "." || text == "..") {
    return failure(
        "{} is no interface name: '/', ':', '%', '*', '\\', quotes, blanks, \".\" and \"..\" are not allowed",
        in_quotes(text));
  }
  return std::string(text);
}

Result<std::filesystem::path> parse_file(std::string_view text, const std::filesystem::path& folder) {
  if (text.empty()) return failure("a file name is missing");
  return folder / text;
}

Result<HostPort> split_host_port(std::string_view text, std::string_view shape) {
  const auto wrong = [&] { return failure("{} is no {}", in_quotes(text), shape); };
  if (packet::Address::parse(text)) {
    const std::string host = text.contains(':') ? fmt::format("[{}]", text) : std::string(text);
    return failure("{} has no port (did you mean {}:45010?)", in_quotes(text), host);
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const auto port = parse_number(digits);
  if (is_digits(digits) && (!port || *port < 1 || *port > 65535)) {
    return failure("port {} is out of range (1 to 65535)", in_quotes(digits));
  }
  if (!port) return wrong();
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = packet::Address::parse(host);
  const bool is_ipv6 = address && !address->is_ipv4();
  if (is_ipv6 && !bracketed) {
    return failure("an IPv6 address with a port needs brackets (did you mean [{}]:{}?)", host, *port);
  }
  if (bracketed != is_ipv6 || host.empty() || (host.contains(':') && !is_ipv6)) return wrong();
  return HostPort{host, static_cast<std::uint16_t>(*port)};
}

Result<packet::SocketAddress> parse_listen(std::string_view text) {
  constexpr std::string_view shape = "ADDRESS:PORT, such as 0.0.0.0:45010 or [::]:45010";
  const auto parts = split_host_port(text, shape);
  if (!parts) return std::unexpected(parts.error());
  const auto address = packet::Address::parse(parts->host);
  if (!address && is_host_name(parts->host)) {
    return failure("{} is a name; here an address of this machine must stand, such as 0.0.0.0 or [::] for all",
                   in_quotes(parts->host));
  }
  if (!address) return failure("{} is no {}", in_quotes(text), shape);
  if (address->is_multicast()) return failure("{} is a multicast address", in_quotes(parts->host));
  return packet::SocketAddress{*address, parts->port};
}

Result<packet::Address> parse_source(std::string_view text) {
  const auto address = packet::Address::parse(text);
  if (!address) return failure("{} is no IP address", in_quotes(text));
  if (address->is_unspecified() || address->is_multicast())
    return failure("{} is no address to send from", in_quotes(text));
  return *address;
}

Result<LinkAddress> parse_link_address(std::string_view text) {
  if (text.contains('/')) {
    const auto whole = parse_tunnel_address(text);
    return whole ? Result<LinkAddress>({whole->address, whole->length}) : std::unexpected(whole.error());
  }
  const auto bare = parse_source(text);
  return bare ? Result<LinkAddress>({*bare, std::nullopt}) : std::unexpected(bare.error());
}

Result<packet::InterfaceAddress> parse_tunnel_address(std::string_view text) {
  const auto parsed = packet::InterfaceAddress::parse(text);
  if (!parsed) {
    const auto slash = text.find('/');
    const auto address = packet::Address::parse(text.substr(0, slash));
    if (!address) return failure("{} is no address with a network length, such as 10.200.15.1/24", in_quotes(text));
    const unsigned usual = address->is_ipv4() ? 24 : 64;
    if (slash == std::string_view::npos) {
      return failure("{} has no network length (did you mean {}/{}?)", in_quotes(text), text, usual);
    }
    return failure("{} is no network length (0 to {})", in_quotes(text.substr(slash)), address->bits());
  }
  const packet::Address& address = parsed->address;
  if (address.is_unspecified() || address.is_multicast() || address.is_loopback()) {
    return failure("{} is no address that an interface can have", in_quotes(text));
  }
  const packet::Prefix network = parsed->network();
  if (!network.reserves(address)) return *parsed;
  if (network.address() == address) {
    return failure("{} is the address of the network itself, not of a host in it", in_quotes(text));
  }
  return failure("{} is the broadcast address of its network", in_quotes(text));
}

Result<std::optional<packet::InterfaceAddress>> parse_address_or_auto(std::string_view text) {
  if (text == "auto") return std::nullopt;
  return parse_tunnel_address(text);
}

Result<std::variant<bool, packet::Prefix>> parse_accepted(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  const auto prefix = parse_prefix(text);
  if (prefix) return *prefix;
  if (text.find_first_of(".:/") != std::string_view::npos) return std::unexpected(prefix.error());
  return failure("{} is neither true nor false nor a prefix", in_quotes(text));
}

Result<packet::Prefix> parse_prefix(std::string_view text) {
  if (const auto prefix = packet::Prefix::parse(text)) return *prefix;
  const auto with_host_bits = packet::InterfaceAddress::parse(text);
  if (!with_host_bits) {
    return failure("{} is no prefix, such as 10.200.15.0/28 or 2001:db8::/64", in_quotes(text));
  }
  return failure("{} has host bits set (did you mean {}, or the one host {}?)", in_quotes(text),
                 with_host_bits->network().to_string(), packet::Prefix(with_host_bits->address).to_string());
}

Result<packet::Address> parse_host(std::string_view text) {
  if (const auto address = packet::Address::parse(text)) return *address;
  return failure("{} is no IP address", in_quotes(text));
}

Result<packet::Address> parse_name_server(std::string_view text) {
  auto address = parse_host(text);
  if (!address) return address;
  if (address->is_unspecified() || address->is_multicast() || address->is_loopback() || address->is_link_local()) {
    return failure("{} is no address at which a DNS server can be asked from elsewhere", in_quotes(text));
  }
  return address;
}

Result<HandedOutDns> parse_handed_out_dns(std::string_view text) {
  static constexpr std::pair<std::string_view, HandedOutDns> choices[] = {{"off", HandedOutDns::ignored},
                                                                          {"resolved", HandedOutDns::resolved}};
  return choose<HandedOutDns>(text, choices);
}

Result<unsigned> parse_vlan(std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return failure("{} is no VLAN id", in_quotes(text));
  if (*number < 1 || *number > 4094) return failure("VLAN {} is out of range (1 to 4094)", text);
  return *number;
}

Result<std::uint8_t> parse_protocol(std::string_view text) {
  static constexpr std::pair<std::string_view, std::uint8_t> protocols[] = {
      {"tcp", 6},  {"udp", 17}, {"icmp", 1},   {"icmpv6", 58}, {"gre", 47},
      {"esp", 50}, {"ah", 51},  {"sctp", 132}, {"dccp", 33}};
  const auto number = parse_number(text);
  if (number && *number <= 255) return static_cast<std::uint8_t>(*number);
  return choose<std::uint8_t>(text, protocols);
}

Result<PortRange> parse_ports(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_number(text.substr(dash + 1));
  if (!first || !last || *first < 1 || *last > 65535 || *first > *last) {
    return failure("{} is no port or range of ports, such as 5060 or 10000-20000", in_quotes(text));
  }
  return PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

Result<std::uint8_t> parse_dscp(std::string_view text) {
  static constexpr std::pair<std::string_view, std::uint8_t> names[] = {
      {"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},  {"cs4", 32},  {"cs5", 40},  {"cs6", 48},  {"cs7", 56},
      {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18}, {"af22", 20}, {"af23", 22}, {"af31", 26}, {"af32", 28},
      {"af33", 30}, {"af41", 34}, {"af42", 36}, {"af43", 38}, {"ef", 46},   {"le", 1},    {"va", 44}};
  const auto number = parse_number(text);
  if (number && *number <= 63) return static_cast<std::uint8_t>(*number);
  if (number) return failure("DSCP {} is out of range (0 to 63)", text);
  return choose<std::uint8_t>(text, names);
}

bool has_ports(std::uint8_t protocol) { return protocol == 6 || protocol == 17 || protocol == 132 || protocol == 33; }

}  // namespace mpquic::config
