#include "config/flat.h"

#include <algorithm>
#include <array>
#include <set>

#include "config/environment.h"
#include "config/fields.h"
#include "config/flat_values.h"
#include "config/role_reader.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

constexpr std::array<std::string_view, 17> flat_keys = {"bind_ip",
                                                        "remote_addr",
                                                        "remote_port",
                                                        "tun_name",
                                                        "tun_cidr",
                                                        "tun_mtu",
                                                        "metrics_listen",
                                                        "multi_conn_enabled",
                                                        "tls_cert_file",
                                                        "tls_key_file",
                                                        "tls_ca_file",
                                                        "tls_server_name",
                                                        "congestion_algorithm",
                                                        "tls_insecure_skip_verify",
                                                        "multipath_enabled",
                                                        "multipath_policy",
                                                        "multipath_paths"};
constexpr std::array<std::string_view, 6> native_keys = {"tls", "tunnels", "links", "server", "listen", "clients"};

// Stands for the address of the server, which all instances of a box share.
constexpr std::string_view public_address = "VPS_PUBLIC_IP";

// What deployed boxes count on when their file does not say it.
constexpr unsigned default_mtu = 1300;

// Empty values count as absent; what is put in for a variable must be something.
void substitute(Node& node, const Environment& environment, Problems& problems) {
  std::erase_if(node.entries, [](const Entry& entry) {
    return entry.value.kind == Node::Kind::null || (entry.value.kind == Node::Kind::scalar && entry.value.text.empty());
  });
  for (Entry& entry : node.entries) substitute(entry.value, environment, problems);
  for (Node& item : node.items) substitute(item, environment, problems);
  if (node.kind != Node::Kind::scalar || node.text.empty()) return;
  auto expanded = environment.expand(node.text);
  if (expanded && expanded->empty()) expanded = failure("{} is empty", in_quotes(node.text));
  if (expanded) {
    node.text = std::move(*expanded);
  } else {
    problems.error(node.place, "{}", expanded.error().message);
    node.kind = Node::Kind::refused;
  }
}

class FlatReader {
 public:
  FlatReader(const Node& root, const std::filesystem::path& file, const Environment& environment, Problems& problems)
      : folder_(file.parent_path()),
        environment_(environment),
        problems_(problems),
        top_(root, {1, 1}, "the instance", problems) {}

  void read(Configuration& configuration) {
    Role role = top_.has("multi_conn_enabled") && !top_.has("remote_addr") ? Role::server : Role::client;
    top_.require("role");
    top_.read("role", role, parse_role);
    top_.read("log_level", configuration.log_level, lower(parse_flat_level));
    std::optional<Located<packet::SocketAddress>> metrics;
    top_.read("metrics_listen", metrics, parse_listen);
    if (metrics) problems_.warning(metrics->place, "metrics are not served by this version");
    if (role == Role::client) {
      configuration.node = read_client();
    } else {
      configuration.node = read_server();
    }
    top_.finish();
  }

 private:
  /// What a path may say for itself; what it does not say, the top does.
  struct Ends {
    std::optional<Located<Exit>> exit;
    std::optional<Located<ServerAddress>> remote;
    std::optional<Located<std::uint16_t>> port;
  };

  auto file_name() const {
    return [this](std::string_view text) { return parse_file(text, folder_); };
  }

  void read_tunnel(Tunnel& tunnel) {
    Located<std::string> name;
    top_.require("tun_name");
    top_.read("tun_name", name, parse_interface);
    tunnel.name = name.value;
    tunnel.place = name.place;
    top_.require("tun_cidr");
    top_.read_list("tun_cidr", tunnel.addresses, parse_tunnel_address);
    tunnel.mtu = default_mtu;
    top_.read("tun_mtu", tunnel.mtu, parse_mtu);
    top_.read("congestion_algorithm", tunnel.congestion, lower(parse_congestion));
    bool many_clients = true;  // as any server of ours lets in
    top_.read("multi_conn_enabled", many_clients, lower(parse_bool));
  }

  ClientConfig read_client() {
    ClientConfig client;
    client.tls = read_client_tls();
    ClientTunnel tunnel;
    read_tunnel(tunnel);

    bool several = false;
    top_.read("multipath_enabled", several, lower(parse_bool));
    const Ends top = read_top_ends();
    if (several) {
      read_paths(client, tunnel, top);
    } else {
      static constexpr std::array<std::string_view, 2> idle = {"multipath_policy", "multipath_paths"};
      top_.ignore(idle, without_several);
      require_ends(top_, top);
      const Located<Exit> exit = top.exit.value_or(Located<Exit>());
      add_path(client, tunnel, Located<std::string>({}, exit.place), top);
    }
    client.tunnels.push_back(std::move(tunnel));
    return client;
  }

  ClientTls read_client_tls() {
    ClientTls tls;
    top_.read("tls_ca_file", tls.ca, file_name());
    top_.read("tls_server_name", tls.server_name, parse_name);
    top_.read("tls_cert_file", tls.certificate, file_name());
    top_.read("tls_key_file", tls.key, file_name());
    Located<bool> insecure;
    top_.read("tls_insecure_skip_verify", insecure, lower(parse_bool));
    tls.insecure_skip_verify = insecure.value;
    if (insecure.value) {
      problems_.warning(insecure.place,
                        "the server's certificate is not verified: whoever is on the way can read and change all");
    } else {
      top_.require("tls_ca_file", "tls_insecure_skip_verify: true");
    }
    if (tls.certificate) top_.require("tls_key_file");
    if (tls.key) top_.require("tls_cert_file");
    return tls;
  }

  Ends read_ends(Fields& fields) {
    Ends ends;
    fields.read("bind_ip", ends.exit, parse_exit);
    fields.read("remote_addr", ends.remote, [this](std::string_view text) -> Result<ServerAddress> {
      if (text != public_address) return parse_server_host(text);
      const auto value = environment_.expand(fmt::format("${{{}}}", text));
      return value ? parse_server_host(*value) : std::unexpected(value.error());
    });
    fields.read("remote_port", ends.port, parse_port);
    return ends;
  }

  Ends read_top_ends() {
    Ends ends = read_ends(top_);
    const std::string* shared = environment_.find(public_address);
    if (ends.remote || shared == nullptr) return ends;
    const auto address = parse_server_host(*shared);
    if (!address) problems_.error(top_.place(), "{}: {}", public_address, address.error().message);
    ends.remote = address.value_or(ServerAddress());
    return ends;
  }

  void require_ends(Fields& fields, const Ends& ends) {
    if (!ends.exit) fields.require("bind_ip");
    if (!ends.remote) fields.require("remote_addr", fmt::format("{} beside the file", public_address));
    if (!ends.port) fields.require("remote_port");
  }

  void read_paths(ClientConfig& client, ClientTunnel& tunnel, const Ends& top) {
    Located<PathPolicy> policy;
    top_.read("multipath_policy", policy, lower(parse_flat_policy));
    top_.require("multipath_paths");
    std::set<std::string> names;
    for (const Node* node : top_.read_maps("multipath_paths")) {
      Fields fields(*node, node->place, "the path", problems_);
      Located<std::string> name({}, node->place);
      fields.require("name");
      fields.read("name", name, parse_name);
      if (!name->empty() && !names.insert(name.value).second) {
        problems_.error(name.place, "path {} is doubled", in_quotes(name.value));
      }
      const Ends own = read_ends(fields);
      const Ends ends{own.exit ? own.exit : top.exit, own.remote ? own.remote : top.remote,
                      own.port ? own.port : top.port};
      require_ends(fields, ends);
      Path& path = add_path(client, tunnel, name, ends);
      fields.read("priority", path.priority, parse_flat_priority);
      fields.read("weight", path.weight, parse_rank);
      fields.finish();
    }
    if (tunnel.paths.size() > 1) tunnel.policy = policy;
    rank_from_one(tunnel.paths);
  }

  /// Flat files may begin at 0. It is the order that counts.
  static void rank_from_one(std::vector<Path>& paths) {
    if (std::ranges::none_of(paths, [](const Path& path) { return path.priority == 0; })) return;
    for (Path& path : paths) path.priority = std::min(path.priority + 1, 65'535U);
  }

  /// A path without a name is called as where it leaves.
  static Path& add_path(ClientConfig& client, ClientTunnel& tunnel, Located<std::string> name, const Ends& ends) {
    const Located<Exit> exit = ends.exit.value_or(Located<Exit>());
    if (name->empty()) name.value = exit->source ? exit->source->to_string() : exit->interface;
    Link link{name.value, name.place, exit->interface, {}};
    if (exit->source) link.source = Located(*exit->source, exit.place);
    client.links.push_back(std::move(link));

    ServerAddress server;
    if (ends.remote && ends.port) {
      server = ends.remote->value;
      server.port = ends.port->value;
    }
    return tunnel.paths.emplace_back(std::move(name), Located(server, ends.port ? ends.port->place : Place()), Alpn());
  }

  ServerConfig read_server() {
    ServerConfig server;
    top_.read("tls_cert_file", server.tls.certificate, file_name());
    top_.read("tls_key_file", server.tls.key, file_name());
    top_.read("tls_ca_file", server.tls.client_ca, file_name());
    top_.require("tls_cert_file");
    top_.require("tls_key_file");
    if (!server.tls.client_ca) {
      server.tls.client_auth = ClientAuth::none;
      problems_.warning({1, 1}, "without tls_ca_file anybody gets into the tunnel");
    }

    ServerTunnel tunnel;
    read_tunnel(tunnel);
    packet::Address address;
    Located<std::uint16_t> port;
    top_.read("bind_ip", address, parse_listening_address);
    top_.require("remote_port");
    top_.read("remote_port", port, parse_port);
    tunnel.listen = Located(packet::SocketAddress{address, port.value}, port.place);

    bool several = false;
    top_.read("multipath_enabled", several, lower(parse_bool));
    if (several) {
      top_.read("multipath_policy", tunnel.policy.emplace(), lower(parse_flat_policy));
    } else {
      static constexpr std::array<std::string_view, 1> idle = {"multipath_policy"};
      top_.ignore(idle, without_several);
    }
    static constexpr std::array<std::string_view, 4> of_clients = {"remote_addr", "tls_server_name", "multipath_paths",
                                                                   "tls_insecure_skip_verify"};
    top_.ignore(of_clients, "has no effect on a server");
    server.clients.push_back(everybody_behind(tunnel));
    server.between_clients = true;  // as boxes have it that were deployed before there was a choice
    complete(tunnel, false);
    server.tunnels.push_back(std::move(tunnel));
    return server;
  }

  static constexpr std::string_view without_several = "has no effect without multipath_enabled: true";

  std::filesystem::path folder_;
  const Environment& environment_;
  Problems& problems_;
  Fields top_;
};

}  // namespace

bool is_flat(const Node& root) {
  const auto has = [&](std::string_view key) { return root.find(key) != nullptr; };
  return std::ranges::any_of(flat_keys, has) && std::ranges::none_of(native_keys, has);
}

void read_flat(Configuration& configuration, const Node& root, const std::filesystem::path& file, Problems& problems) {
  const Environment environment = Environment::beside(file, problems);
  Node substituted = root;
  substitute(substituted, environment, problems);
  FlatReader(substituted, file, environment, problems).read(configuration);
}

}  // namespace mpquic::config
