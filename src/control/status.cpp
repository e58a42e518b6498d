#include "control/status.h"

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

void each_of_connection(auto member, auto& connection) {
  member("id", connection.id);
  member("peer", connection.peer);
  member("remote_address", connection.remote_address);
  member("local_address", connection.local_address);
  member("link", connection.link);
  member("state", connection.state);
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

void to_json(json& json, const NodeStatus& status) { each_of_node(Writer(json), status); }
void to_json(json& json, const TunnelStatus& status) { each_of_tunnel(Writer(json), status); }
void to_json(json& json, const ConnectionStatus& status) { each_of_connection(Writer(json), status); }
void to_json(json& json, const PeerRoute& route) { each_of_route(Writer(json), route); }

void from_json(const json& json, NodeStatus& status) { each_of_node(Reader(json), status); }
void from_json(const json& json, TunnelStatus& status) { each_of_tunnel(Reader(json), status); }
void from_json(const json& json, ConnectionStatus& status) { each_of_connection(Reader(json), status); }
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
