#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
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

  Traffic& operator+=(const Traffic& other);
};

/// What a connection is besides that when it is one of the paths of a session. What this node sends over it, unless it
/// is said otherwise.
struct PathStatus {
  std::uint64_t priority = 1;
  std::uint64_t weight = 1;
  bool metered = false;
  std::string health;            ///< "works", "silent", "on probation"
  bool in_use = false;           ///< by the policy; a standby otherwise
  std::uint64_t bit_rate = 0;    ///< the most that it has carried lately, bit/s
  double loss_ratio_recent = 0;  ///< as inferred within a round trip: 0..1
  std::uint64_t repairs = 0;     ///< packets sent again
  std::uint64_t duplicates = 0;  ///< packets sent twice on purpose
  std::uint64_t probes = 0;
  std::uint64_t silences = 0;     ///< times that it was taken for dead
  std::uint64_t rx_copies = 0;    ///< packets that the other end had sent before
  std::uint64_t rx_missing = 0;   ///< that have not come, or not yet
  std::uint64_t rx_delay_us = 0;  ///< more than over the fastest path
};

struct ConnectionStatus {
  std::uint64_t id = 0;        ///< this node's own number for it, unique while the node runs
  std::string peer;            ///< the authenticated name; of a client, empty
  std::string remote_address;  ///< "192.0.2.1:45010"
  std::string local_address;
  std::string link;
  std::string state;
  std::string detail;               ///< of the state: what is missing, why the last try failed; often empty
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
  std::uint64_t session = 0;  ///< SessionStatus::id, 0 when it is of none
  std::optional<PathStatus> path;
};

/// One tunnel of one client, over several connections: what it does for what comes in.
struct SessionStatus {
  std::uint64_t id = 0;
  std::string peer;                ///< as ConnectionStatus::peer
  std::string policy;              ///< "failover", "balanced", "bonded", "redundant"
  std::uint64_t filled = 0;        ///< packets that were missing and came in time
  std::uint64_t repaired = 0;      ///< of these: sent again
  std::uint64_t given_up = 0;      ///< gaps that were waited for in vain
  std::uint64_t late = 0;          ///< packets that came after that
  std::uint64_t duplicates = 0;    ///< packets that came twice
  std::uint64_t held_packets = 0;  ///< that wait for one before them
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
  /// Of a server all; of a client none or one, or where it has several links, one for each, connected or not.
  std::vector<ConnectionStatus> connections;
  std::vector<SessionStatus> sessions;
  std::vector<PeerRoute> routes;
};

/// Of a server's tunnel: how many clients have it. The connections of a session are one.
std::size_t client_count(const TunnelStatus& tunnel);

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
void to_json(nlohmann::json& json, const PathStatus& status);
void to_json(nlohmann::json& json, const SessionStatus& status);
void to_json(nlohmann::json& json, const PeerRoute& route);

// What is missing keeps its default and what is unknown is passed over, so that a node and a reader of different
// versions understand each other. A value of the wrong type throws nlohmann::json::exception.
void from_json(const nlohmann::json& json, NodeStatus& status);
void from_json(const nlohmann::json& json, TunnelStatus& status);
void from_json(const nlohmann::json& json, ConnectionStatus& status);
void from_json(const nlohmann::json& json, PathStatus& status);
void from_json(const nlohmann::json& json, SessionStatus& status);
void from_json(const nlohmann::json& json, PeerRoute& route);

/// The JSON text, on one line without a newline. Bytes that are no UTF-8 are replaced, not an error.
std::string to_text(const NodeStatus& status);
/// Error: no JSON, not of this shape, or an `{"error": ...}`, whose words it then has.
Result<NodeStatus> parse_status(std::string_view text);

}  // namespace mpquic::control
