#include "control/status.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace mpquic::control {
namespace {

using nlohmann::json;

/// One member under one name: written into, or read from, the JSON object. A struct lists its members once for both.
class Writer {
 public:
  explicit Writer(json& to) : to_(to) { to_ = json::object(); }
  template <class Value>
  void operator()(const char* key, const Value& value) {
    to_[key] = value;
  }
  template <class Value>
  void operator()(const char* key, const std::optional<Value>& value) {
    if (value) to_[key] = *value;
  }
  void operator()(const char* key, const DropCounters& drops) {
    json& object = to_[key] = json::object();
    for (std::size_t i = 0; i < drop_count; ++i) {
      const auto reason = static_cast<Drop>(i);
      object[std::string(name(reason))] = drops[reason];
    }
  }

 private:
  json& to_;
};

class Reader {
 public:
  explicit Reader(const json& from) : from_(from) {}
  template <class Value>
  void operator()(const char* key, Value& value) {
    if (const auto found = from_.find(key); found != from_.end() && !found->is_null()) found->get_to(value);
  }
  template <class Value>
  void operator()(const char* key, std::optional<Value>& value) {
    if (const auto found = from_.find(key); found != from_.end() && !found->is_null()) found->get_to(value.emplace());
  }
  void operator()(const char* key, DropCounters& drops) {
    const auto found = from_.find(key);
    if (found == from_.end()) return;
    for (std::size_t i = 0; i < drop_count; ++i) {
      const auto reason = static_cast<Drop>(i);
      drops.count(reason, found->value(std::string(name(reason)), std::uint64_t{0}));
    }
  }

 private:
  const json& from_;
};

void each_of_traffic(auto& member, auto& traffic) {
  member("tx_packets", traffic.tx_packets);
  member("tx_bytes", traffic.tx_bytes);
  member("rx_packets", traffic.rx_packets);
  member("rx_bytes", traffic.rx_bytes);
}

void each_of_path(auto member, auto& path) {
  member("priority", path.priority);
  member("weight", path.weight);
  member("metered", path.metered);
  member("health", path.health);
  member("in_use", path.in_use);
  member("bit_rate", path.bit_rate);
  member("loss_ratio_recent", path.loss_ratio_recent);
  member("repairs", path.repairs);
  member("duplicates", path.duplicates);
  member("probes", path.probes);
  member("silences", path.silences);
  member("rx_copies", path.rx_copies);
  member("rx_missing", path.rx_missing);
  member("rx_delay_us", path.rx_delay_us);
}

void each_of_connection(auto member, auto& connection) {
  member("id", connection.id);
  member("peer", connection.peer);
  member("remote_address", connection.remote_address);
  member("local_address", connection.local_address);
  member("link", connection.link);
  member("state", connection.state);
  member("detail", connection.detail);
  member("since_seconds", connection.since_seconds);
  member("rtt_us", connection.rtt_us);
  member("rtt_min_us", connection.rtt_min_us);
  member("loss_ratio", connection.loss_ratio);
  member("loss_ratio_recent", connection.loss_ratio_recent);
  member("mtu", connection.mtu);
  member("congestion_window", connection.congestion_window);
  member("bytes_in_flight", connection.bytes_in_flight);
  each_of_traffic(member, connection.traffic);
  member("queue_bytes", connection.queue_bytes);
  member("reconnects", connection.reconnects);
  member("drops", connection.drops);
  member("session", connection.session);
  member("path", connection.path);
}

void each_of_session(auto member, auto& session) {
  member("id", session.id);
  member("peer", session.peer);
  member("policy", session.policy);
  member("filled", session.filled);
  member("repaired", session.repaired);
  member("given_up", session.given_up);
  member("late", session.late);
  member("duplicates", session.duplicates);
  member("held_packets", session.held_packets);
}

void each_of_route(auto member, auto& route) {
  member("prefix", route.prefix);
  member("peer", route.peer);
  member("kind", route.kind);
  member("age_seconds", route.age_seconds);
  member("connection", route.connection);
}

void each_of_tunnel(auto member, auto& tunnel) {
  member("name", tunnel.name);
  member("state", tunnel.state);
  member("detail", tunnel.detail);
  member("class", tunnel.traffic_class);
  member("addresses", tunnel.addresses);
  member("mtu", tunnel.mtu);
  member("link", tunnel.link);
  member("server", tunnel.server);
  each_of_traffic(member, tunnel.traffic);
  member("connections", tunnel.connections);
  member("sessions", tunnel.sessions);
  member("routes", tunnel.routes);
}

void each_of_node(auto member, auto& node) {
  member("instance", node.instance);
  member("role", node.role);
  member("version", node.version);
  member("pid", node.pid);
  member("started", node.started);
  member("workers", node.workers);
  member("tunnels", node.tunnels);
  member("drops", node.total);
}

}  // namespace

std::size_t client_count(const TunnelStatus& tunnel) {
  const auto alone = std::ranges::count(tunnel.connections, std::uint64_t{0}, &ConnectionStatus::session);
  return tunnel.sessions.size() + static_cast<std::size_t>(alone);
}

Traffic& Traffic::operator+=(const Traffic& other) {
  tx_packets += other.tx_packets;
  tx_bytes += other.tx_bytes;
  rx_packets += other.rx_packets;
  rx_bytes += other.rx_bytes;
  return *this;
}

void to_json(json& json, const NodeStatus& status) { each_of_node(Writer(json), status); }
void to_json(json& json, const TunnelStatus& status) { each_of_tunnel(Writer(json), status); }
void to_json(json& json, const ConnectionStatus& status) { each_of_connection(Writer(json), status); }
void to_json(json& json, const PathStatus& status) { each_of_path(Writer(json), status); }
void to_json(json& json, const SessionStatus& status) { each_of_session(Writer(json), status); }
void to_json(json& json, const PeerRoute& route) { each_of_route(Writer(json), route); }

void from_json(const json& json, NodeStatus& status) { each_of_node(Reader(json), status); }
void from_json(const json& json, TunnelStatus& status) { each_of_tunnel(Reader(json), status); }
void from_json(const json& json, ConnectionStatus& status) { each_of_connection(Reader(json), status); }
void from_json(const json& json, PathStatus& status) { each_of_path(Reader(json), status); }
void from_json(const json& json, SessionStatus& status) { each_of_session(Reader(json), status); }
void from_json(const json& json, PeerRoute& route) { each_of_route(Reader(json), route); }

std::string to_text(const NodeStatus& status) {
  return json(status).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<NodeStatus> parse_status(std::string_view text) {
  try {
    const json parsed = json::parse(text);
    if (!parsed.is_object()) return failure("a status that is no JSON object");
    if (const auto error = parsed.find("error"); error != parsed.end()) return failure("{}", error->get<std::string>());
    return parsed.get<NodeStatus>();
  } catch (const json::exception& exception) {
    return failure("a status that can't be understood: {}", exception.what());
  }
}

}  // namespace mpquic::control
