#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/log.h"
#include "config/place.h"
#include "config/server_address.h"
#include "packet/address.h"
#include "packet/socket_address.h"

namespace mpquic::config {

// What one node is to do: read, validated, and with every "the nearer one wins" already decided. Defaults stand here
// and nowhere else. Never changed after loading; threads share it as an immutable snapshot. What is equal here may
// still have stood elsewhere in its file, but for the `place` of a whole entry.

enum class Role : std::uint8_t { client, server };
enum class Alpn : std::uint8_t { mpquic_ip, h3 };
enum class CongestionControl : std::uint8_t { bbr, cubic };
enum class TrafficClass : std::uint8_t { critical, default_, bulk };
/// How a tunnel uses its paths.
enum class PathPolicy : std::uint8_t {
  failover,   ///< the best priority that works carries everything
  balanced,   ///< each flow has one path, by what the paths carry and their weights
  bonded,     ///< a flow that wants more than one path has is spread over several; h3 alone
  redundant,  ///< every packet goes over the two best paths; h3 alone
};
enum class ClientAuth : std::uint8_t { none, require };
/// What a client does with the DNS servers that its server hands out: nothing, or set them with systemd-resolved.
enum class HandedOutDns : std::uint8_t { ignored, resolved };

std::string_view name(Role role);
std::string_view name(Alpn alpn);  ///< as it goes over the wire
std::string_view name(CongestionControl control);
std::string_view name(TrafficClass traffic_class);
std::string_view name(PathPolicy policy);

/// The default has survived lossy WANs; loss-based control collapses on them.
inline constexpr CongestionControl default_congestion = CongestionControl::bbr;

/// A file that the configuration names; relative names are already resolved against the configuration's folder.
using File = Located<std::filesystem::path>;

struct ClientTls {
  std::optional<File> ca;                     ///< absent only with insecure_skip_verify
  std::string server_name = "mpquic-server";  ///< what the server's certificate must be made out to
  std::optional<File> certificate;            ///< either both of these or none
  std::optional<File> key;
  bool insecure_skip_verify = false;

  bool operator==(const ClientTls&) const = default;
};

struct ServerTls {
  std::optional<File> certificate;  ///< always there once loaded
  std::optional<File> key;          ///< always there once loaded
  std::optional<File> client_ca;    ///< there unless client_auth is none or all clients have tokens
  std::optional<File> crl;          ///< lists of revoked certificates, signed by one of client_ca
  ClientAuth client_auth = ClientAuth::require;

  bool operator==(const ServerTls&) const = default;
};

/// An 802.1Q VLAN on a network interface.
struct Vlan {
  std::string parent;
  unsigned id = 0;

  std::string device() const { return parent + "." + std::to_string(id); }
  bool operator==(const Vlan&) const = default;
};

/// A WAN of the box. At least one of `interface` and `source` is there.
struct Link {
  std::string name;
  Place place;
  /// What packets leave by: the VLAN's device if it is on one. Empty: whichever has `source` at the moment.
  std::string interface;
  std::optional<Located<packet::Address>> source;  ///< else the first of the interface that can be used
  std::optional<Vlan> vlan;
  std::optional<unsigned> source_length;  ///< of the source's network, where the address is not had by DHCP
  std::optional<Located<packet::Address>> gateway;
  std::vector<Located<packet::Address>> dns;  ///< servers to ask over it; empty: those of its lease, or the machine's
  bool metered = false;                       ///< what goes over it is paid for: only when it must

  bool operator==(const Link&) const = default;
};

/// A network of the box that mpquic gives its addresses.
struct Lan {
  std::string name;
  Place place;
  std::string interface;  ///< as in Link
  std::optional<Vlan> vlan;
  std::vector<Located<packet::InterfaceAddress>> addresses;

  bool operator==(const Lan&) const = default;
};

/// The interface that the machine is managed by. mpquic leaves it alone; it stands in the network files.
struct Management {
  Place place;
  std::string interface;
  std::optional<Vlan> vlan;
  std::vector<Located<packet::InterfaceAddress>> addresses;  ///< empty: by DHCP
  std::optional<Located<packet::Address>> gateway;

  bool operator==(const Management&) const = default;
};

/// One QUIC connection of a tunnel, over one link.
struct Path {
  Located<std::string> link;
  Located<ServerAddress> server;
  Alpn alpn = Alpn::mpquic_ip;
  unsigned priority = 1;  ///< 1 is the best
  unsigned weight = 1;    ///< share of the flows, in relation to what the path carries

  bool operator==(const Path&) const = default;
};

/// Of a tunnel; as many as tunnel::most_paths.
inline constexpr std::size_t most_paths = 8;

/// What a tunnel is at either end. Its name is also that of its TUN device.
struct Tunnel {
  std::string name;
  Place place;
  /// Of the TUN device; never empty, unless the server gives them (ClientTunnel::auto_address). With mpquic-ip at least
  /// one is of IPv4.
  std::vector<Located<packet::InterfaceAddress>> addresses;
  std::optional<unsigned> mtu;  ///< bytes; none: what the path turns out to carry
  CongestionControl congestion = default_congestion;

  /// The first IPv4 address: what an mpquic-ip client registers.
  const packet::InterfaceAddress& ipv4() const;

  bool operator==(const Tunnel&) const = default;
};

/// First to last, both included.
struct PortRange {
  std::uint16_t first = 0, last = 0;

  bool contains(const PortRange& other) const { return first <= other.first && other.last <= last; }
  std::string to_string() const;

  bool operator==(const PortRange&) const = default;
};

/// Packets as a rule of `classify` picks them. A list means any of its values, an empty one any at all.
struct Traffic {
  std::vector<Located<std::string>> interfaces;  ///< that they come in by
  std::vector<Located<unsigned>> vlans;          ///< 802.1Q id
  std::vector<Located<packet::Prefix>> sources, destinations;
  std::optional<Located<std::uint8_t>> protocol;  ///< IP protocol number
  std::vector<Located<PortRange>> source_ports, destination_ports;
  std::vector<Located<std::uint8_t>> dscp;  ///< RFC 2474: 0 to 63

  bool operator==(const Traffic&) const = default;
};

/// Which tunnel traffic from the LAN takes. The first rule that matches decides.
struct ClassRule {
  Place place;
  Traffic traffic;
  Located<std::string> tunnel;
  std::optional<Located<std::string>> fallback;  ///< tunnel to take while the other is down; none: no way at all
  std::optional<Located<PathPolicy>> policy;     ///< how `tunnel` uses its paths for it; none: as for all else

  bool operator==(const ClassRule&) const = default;
};

struct ClientTunnel : Tunnel {
  std::vector<Path> paths;  ///< at least one, over a link each; all speak one protocol
  /// How it uses them; with several paths there always is one. With a single one: none, unless the file says so.
  std::optional<Located<PathPolicy>> policy;
  TrafficClass traffic_class = TrafficClass::default_;
  bool masquerade = false;    ///< hosts behind the box appear as the tunnel address
  bool auto_address = false;  ///< the server gives the addresses; h3 alone. Otherwise h3 asks for `addresses`
  /// Of the routes that the server advertises (h3 alone), what lies in these is taken. Empty: none.
  std::vector<packet::Prefix> accept_routes = {packet::Prefix::everything(packet::Address::Family::ipv4),
                                               packet::Prefix::everything(packet::Address::Family::ipv6)};
  HandedOutDns dns = HandedOutDns::ignored;

  bool speaks(Alpn alpn) const;

  bool operator==(const ClientTunnel&) const = default;
};

struct ServerTunnel : Tunnel {
  Located<packet::SocketAddress> listen;                  ///< `[::]` takes in IPv4 as well
  std::vector<Alpn> alpns = {Alpn::h3, Alpn::mpquic_ip};  ///< that clients may speak, the preferred one first
  /// What addresses are handed out from (h3): inside the networks of `addresses`, which it is by default.
  std::vector<Located<packet::Prefix>> pool;
  /// What clients are told that they reach through the tunnel (h3); none lies in another.
  std::vector<packet::Prefix> routes;
  std::vector<Located<packet::Address>> dns;  ///< servers that clients are told of
  /// How the paths of a client are used on the way to it; none: as it asks.
  std::optional<Located<PathPolicy>> policy;

  bool speaks(Alpn alpn) const;

  bool operator==(const ServerTunnel&) const = default;
};

/// A peer as the configuration knows it: the common name of its certificate, or its token, and what it owns.
struct Client {
  std::string name;  ///< "*": everybody without an entry; with client_auth none, whoever comes
  Place place;
  std::optional<std::vector<Located<std::string>>> tunnels;  ///< none: all
  std::vector<Located<packet::Prefix>> prefixes;             ///< inner source addresses it may use
  /// Tunnel addresses that are handed out to it and to nobody else: it owns them as it does `prefixes`.
  std::vector<Located<packet::Address>> addresses{};
  std::optional<Located<std::string>> token{};  ///< hash of its bearer token (certs/token.h)

  bool may_use(std::string_view tunnel) const;
  /// Its prefixes, and its addresses as host prefixes.
  std::vector<packet::Prefix> owned() const;

  bool operator==(const Client&) const = default;
};

/// Name of the entry under `clients` for peers that have none of their own.
inline constexpr std::string_view anybody = "*";

/// Links, tunnels, and tunnels with a fallback together: each has a routing table, and a node has so many.
inline constexpr std::size_t most_routing_tables = 64;

/// Less so many, where a client's tunnel speaks h3: routes that servers advertise have a table, and three rules.
inline constexpr std::size_t tables_for_advertised_routes = 3;

struct ClientConfig {
  ClientTls tls;
  std::optional<File> token;  ///< bearer token, for servers that are spoken to over h3
  std::vector<Link> links;    ///< in the order of the file, as all lists here
  std::vector<Lan> lans;
  std::vector<ClientTunnel> tunnels;
  std::vector<ClassRule> classify;

  const Link* find_link(std::string_view name) const;
  /// Whether any tunnel does.
  bool speaks(Alpn alpn) const;

  bool operator==(const ClientConfig&) const = default;
};

/// Where the server's tunnels lead out.
struct Egress {
  std::string interface;
  bool masquerade = false;  ///< clients appear as the interface's address

  bool operator==(const Egress&) const = default;
};

/// What arrives at the egress interface for this port goes to a host behind a client.
struct PortForward {
  Place place;
  std::uint8_t protocol = 0;
  PortRange ports;
  Located<packet::Address> to;
  std::optional<std::uint16_t> to_port;  ///< none: the same

  bool operator==(const PortForward&) const = default;
};

struct ServerConfig {
  ServerTls tls;
  std::vector<ServerTunnel> tunnels;
  std::vector<Client> clients;
  std::optional<Egress> egress;
  std::vector<PortForward> forwards;
  bool between_clients = false;  ///< packets of one client may go to another
  /// Where the node keeps what is to outlive it: who has which address.
  std::filesystem::path state = "/var/lib/mpquic/nodes";

  /// Whether a client may prove with a token who it is.
  bool knows_tokens() const;
  /// Each listen address once.
  std::vector<packet::SocketAddress> listen_addresses() const;

  bool operator==(const ServerConfig&) const = default;
};

struct Configuration {
  std::filesystem::path file;  ///< that it was read from
  std::string name;            ///< of the file, without its ending
  std::filesystem::path control;
  std::optional<unsigned> workers;  ///< none: as many as are useful
  LogLevel log_level = LogLevel::info;
  std::optional<Management> management;
  std::variant<ClientConfig, ServerConfig> node;

  const ClientConfig* client() const { return std::get_if<ClientConfig>(&node); }
  const ServerConfig* server() const { return std::get_if<ServerConfig>(&node); }

  bool operator==(const Configuration&) const = default;
};

}  // namespace mpquic::config
