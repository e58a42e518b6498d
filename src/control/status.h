#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/drop.h"
#include "base/result.h"

namespace mpquic::control {

// A node's state at one instant, as plain values. docs/status.md describes the JSON form, whose names are those of the
// members unless it says otherwise. Counters begin at zero with what they belong to and never go back.

struct Traffic {
  std::uint64_t tx_packets = 0;  ///< inner packets
  std::uint64_t tx_bytes = 0;
  std::uint64_t rx_packets = 0;
  std::uint64_t rx_bytes = 0;
};

struct ConnectionStatus {
  std::uint64_t id = 0;        ///< this node's own number for it, unique while the node runs
  std::string peer;            ///< the authenticated name; of a client, empty
  std::string remote_address;  ///< "192.0.2.1:45010"
  std::string local_address;
  std::string link;
  std::string state;
  std::uint64_t since_seconds = 0;  ///< in this state
  std::uint64_t rtt_us = 0;         ///< smoothed, RFC 9002 5.3
  std::uint64_t rtt_min_us = 0;
  double loss_ratio = 0;                ///< datagrams lost / sent since the connection began: 0..1
  double loss_ratio_recent = 0;         ///< the same over the last seconds
  std::uint64_t mtu = 0;                ///< the largest inner packet that fits, bytes
  std::uint64_t congestion_window = 0;  ///< bytes
  std::uint64_t bytes_in_flight = 0;
  Traffic traffic;
  std::uint64_t queue_bytes = 0;
  std::uint64_t reconnects = 0;
  DropCounters drops;
};

struct PeerRoute {
  std::string prefix;
  std::string peer;
  std::string kind;  ///< "registered", "learned", "configured"
  std::uint64_t age_seconds = 0;
  std::uint64_t connection = 0;  ///< ConnectionStatus::id, 0 when there is none
};

struct TunnelStatus {
  std::string name;
  std::string state;          ///< "up", "connecting", "waiting for link", "backing off" ...
  std::string detail;         ///< of the state: what is missing, why the last try failed; often empty
  std::string traffic_class;  ///< "class" in JSON
  std::vector<std::string> addresses;
  std::uint64_t mtu = 0;  ///< of the TUN device
  std::string link;
  std::string server;  ///< "vps.example.net:45010"; of a server, empty
  Traffic traffic;
  std::vector<ConnectionStatus> connections;  ///< of a client none or one, of a server all
  std::vector<PeerRoute> routes;
};

struct NodeStatus {
  std::string instance;
  std::string role;  ///< "client", "server"
  std::string version;
  std::int64_t pid = 0;
  std::int64_t started = 0;  ///< Unix time, seconds
  std::uint64_t workers = 0;
  std::vector<TunnelStatus> tunnels;
  DropCounters total;  ///< everything dropped since the start; "drops" in JSON
};

void to_json(nlohmann::json& json, const NodeStatus& status);
void to_json(nlohmann::json& json, const TunnelStatus& status);
void to_json(nlohmann::json& json, const ConnectionStatus& status);
void to_json(nlohmann::json& json, const PeerRoute& route);

// What is missing keeps its default and what is unknown is passed over, so that a node and a reader of different
// versions understand each other. A value of the wrong type throws nlohmann::json::exception.
void from_json(const nlohmann::json& json, NodeStatus& status);
void from_json(const nlohmann::json& json, TunnelStatus& status);
void from_json(const nlohmann::json& json, ConnectionStatus& status);
void from_json(const nlohmann::json& json, PeerRoute& route);

/// The JSON text, on one line without a newline. Bytes that are no UTF-8 are replaced, not an error.
std::string to_text(const NodeStatus& status);
/// Error: no JSON, not of this shape, or an `{"error": ...}`, whose words it then has.
Result<NodeStatus> parse_status(std::string_view text);

}  // namespace mpquic::control
