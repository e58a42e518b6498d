#include "control/status_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace mpquic::control {
namespace {

/// "1.2 kB", "12 kB", "123 kB": three digits say enough.
std::string scaled(double value, std::string_view unit) {
  constexpr std::array prefixes = {"", "k", "M", "G", "T", "P"};
  std::size_t i = 0;
  for (; value >= 999.5 && i + 1 < prefixes.size(); ++i) value /= 1000;
  return fmt::format("{:.{}f} {}{}", value, i > 0 && value < 9.95 ? 1 : 0, prefixes[i], unit);
}

std::string for_how_long(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(seconds, 0);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
}

/// What a node or its peer calls something; "-" for nothing.
std::string word(std::string_view text) {
  std::string plain(text.empty() ? "-" : text);
  std::ranges::replace_if(plain, [](char c) { return (c >= 0 && c < ' ') || c == 127; }, '?');
  return plain;
}

std::string rate(std::uint64_t bytes, std::uint64_t earlier, Duration ago) {
  if (ago <= Duration::zero() || bytes < earlier) return "-";
  return scaled(static_cast<double>(bytes - earlier) * 8 / std::chrono::duration<double>(ago).count(), "bit/s");
}

class Table {
 public:
  using Row = std::vector<std::string>;

  /// The first `left` columns are words, the others numbers.
  Table(Row titles, std::size_t left) : left_(left) { add(std::move(titles)); }
  void add(Row row) { rows_.push_back(std::move(row)); }

  std::string text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const Row& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const Row& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        text += i < left_ ? fmt::format("{:<{}}  ", row[i], widths[i]) : fmt::format("{:>{}}  ", row[i], widths[i]);
      }
      text.erase(text.find_last_not_of(' ') + 1);
      text += '\n';
    }
    return text;
  }

 private:
  std::size_t left_;
  std::vector<Row> rows_;
};

const TunnelStatus* find_tunnel(const Earlier* earlier, const std::string& name) {
  if (earlier == nullptr) return nullptr;
  const auto found = std::ranges::find(earlier->status.tunnels, name, &TunnelStatus::name);
  return found == earlier->status.tunnels.end() ? nullptr : &*found;
}

const ConnectionStatus* find_connection(const TunnelStatus* earlier, std::uint64_t id) {
  if (earlier == nullptr) return nullptr;
  const auto found = std::ranges::find(earlier->connections, id, &ConnectionStatus::id);
  return found == earlier->connections.end() ? nullptr : &*found;
}

void add_traffic(Table::Row& row, const Traffic& now, const Traffic* before, const Earlier* earlier) {
  if (earlier != nullptr) {
    row.push_back(before != nullptr ? rate(now.tx_bytes, before->tx_bytes, earlier->ago) : "-");
    row.push_back(before != nullptr ? rate(now.rx_bytes, before->rx_bytes, earlier->ago) : "-");
  }
  row.push_back(scaled(static_cast<double>(now.tx_bytes), "B"));
  row.push_back(scaled(static_cast<double>(now.rx_bytes), "B"));
}

void add_quality(Table::Row& row, const ConnectionStatus* connection, std::uint64_t mtu) {
  if (connection == nullptr) {
    row.insert(row.end(), {"-", "-"});
  } else {
    row.push_back(connection->rtt_us == 0 ? "-"
                                          : fmt::format("{:.1f} ms", static_cast<double>(connection->rtt_us) / 1000));
    row.push_back(fmt::format("{:.2f} %", connection->loss_ratio_recent * 100));
    if (connection->mtu != 0) mtu = connection->mtu;
  }
  row.push_back(std::to_string(mtu));
}

/// Of a path of a session: not only that it is there, but what it is good for.
std::string state_of(const ConnectionStatus& connection) {
  if (!connection.path || connection.state != "up") return connection.state;
  if (connection.path->health != "works") return connection.path->health;
  return connection.path->in_use ? "in use" : "standby";
}

/// What the connections of a tunnel are, in a word.
std::string how_many(const TunnelStatus& tunnel, bool is_client) {
  if (!is_client) return fmt::format("{} connected", client_count(tunnel));
  return fmt::format("{} of {}", std::ranges::count(tunnel.connections, "up", &ConnectionStatus::state),
                     tunnel.connections.size());
}

void add_tunnel(Table& table, const TunnelStatus& tunnel, bool is_client, const Earlier* earlier) {
  const TunnelStatus* before = find_tunnel(earlier, tunnel.name);
  const bool is_one = is_client && tunnel.connections.size() <= 1;
  const ConnectionStatus* only = is_one && !tunnel.connections.empty() ? &tunnel.connections.front() : nullptr;

  std::string remote = tunnel.server;
  if (remote.empty() && only != nullptr) remote = only->remote_address;
  if (!is_client) remote = how_many(tunnel, is_client);
  const std::string link = is_client && !is_one ? how_many(tunnel, is_client) : tunnel.link;
  Table::Row row = {word(tunnel.name), word(tunnel.state), word(remote), word(link)};
  add_quality(row, only, tunnel.mtu);
  add_traffic(row, tunnel.traffic, before != nullptr ? &before->traffic : nullptr, earlier);
  table.add(std::move(row));

  if (is_one) return;
  for (const ConnectionStatus& connection : tunnel.connections) {
    const ConnectionStatus* past = find_connection(before, connection.id);
    Table::Row line = {is_client ? std::string() : "  " + word(connection.peer), word(state_of(connection)),
                       word(connection.remote_address), word(connection.link)};
    add_quality(line, connection.remote_address.empty() ? nullptr : &connection, tunnel.mtu);
    add_traffic(line, connection.traffic, past != nullptr ? &past->traffic : nullptr, earlier);
    table.add(std::move(line));
  }
}

/// What is wrong with it, or with one of several links, and how it uses them; lines, or nothing.
std::string details(const TunnelStatus& tunnel, bool is_client) {
  std::string text;
  const bool one = tunnel.connections.size() <= 1;
  if (one && !tunnel.detail.empty()) text += fmt::format("{}: {}\n", word(tunnel.name), word(tunnel.detail));
  if (one || !is_client) return text;
  for (const ConnectionStatus& connection : tunnel.connections) {
    if (connection.detail.empty()) continue;
    text += fmt::format("{} over {}: {}\n", word(tunnel.name), word(connection.link), word(connection.detail));
  }
  for (const SessionStatus& session : tunnel.sessions) {
    text += fmt::format("{}: {}; {} missing packets came in time, {} of them sent again, {} did not, {} came late\n",
                        word(tunnel.name), word(session.policy), session.filled, session.repaired, session.given_up,
                        session.late);
  }
  return text;
}

std::string dropped(const DropCounters& drops) {
  std::string text;
  for (std::size_t i = 0; i < drop_count; ++i) {
    const auto reason = static_cast<Drop>(i);
    if (drops[reason] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "dropped: " : ", ", drops[reason], name(reason));
  }
  return text.empty() ? text : text + '\n';
}

}  // namespace

std::string status_table(const NodeStatus& status, std::int64_t unix_now, const Earlier* earlier) {
  std::string text = fmt::format("{}: {}, mpquic {}, pid {}, up {}, {} {}\n", word(status.instance), word(status.role),
                                 word(status.version), status.pid, for_how_long(unix_now - status.started),
                                 status.workers, status.workers == 1 ? "worker" : "workers");
  Table::Row titles = {"TUNNEL", "STATE", "REMOTE", "LINK", "RTT", "LOSS", "MTU"};
  if (earlier != nullptr) titles.insert(titles.end(), {"TX", "RX"});
  titles.insert(titles.end(), {"SENT", "RECEIVED"});
  Table table(std::move(titles), 4);
  for (const TunnelStatus& tunnel : status.tunnels) add_tunnel(table, tunnel, status.role == "client", earlier);

  if (!status.tunnels.empty()) text += table.text();
  for (const TunnelStatus& tunnel : status.tunnels) text += details(tunnel, status.role == "client");
  text += dropped(status.total);
  return text;
}

}  // namespace mpquic::control
