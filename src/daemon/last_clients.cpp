#include "daemon/last_clients.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace mpquic::daemon {
namespace {

// The first client is written down at once, a stampede of them a few times a second.
constexpr Duration settle = std::chrono::milliseconds(5);
constexpr Duration between_writes = std::chrono::milliseconds(200);

std::optional<LastClient> parse(const std::string& line) {
  std::istringstream words(line);
  std::string local, remote, id;
  words >> local >> remote >> id;
  const auto local_address = packet::SocketAddress::parse(local);
  const auto remote_address = packet::SocketAddress::parse(remote);
  if (!local_address || !remote_address || id.size() != 2 * quic::server_id_size) return std::nullopt;
  LastClient client{*local_address, *remote_address, {}};
  for (std::size_t i = 0; i < client.id.size(); ++i) {
    const char* digits = id.data() + 2 * i;
    if (std::from_chars(digits, digits + 2, client.id[i], 16).ptr != digits + 2) return std::nullopt;
  }
  return client;
}

}  // namespace

std::vector<LastClient> LastClients::read() const {
  std::vector<LastClient> clients;
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    if (const auto client = parse(line)) clients.push_back(*client);
  }
  return clients;
}

void LastClients::add(ConnectionRef connection, const LastClient& client, Instant now) {
  clients_[connection] = client;
  write_soon(now);
}

void LastClients::remove(ConnectionRef connection, Instant now) {
  if (clients_.erase(connection) != 0) write_soon(now);
}

void LastClients::write_soon(Instant now) {
  if (write_at_ == never) write_at_ = std::max(now + settle, written_at_ + between_writes);
}

void LastClients::on_deadline(Instant now) {
  if (now < write_at_) return;
  write_at_ = never;
  written_at_ = now;
  const std::filesystem::path fresh = file_.string() + ".new";
  std::error_code ignored;
  {
    std::ofstream out(fresh, std::ios::trunc);
    using std::filesystem::perms;  // before there is anything to read in it
    std::filesystem::permissions(fresh, perms::owner_read | perms::owner_write, ignored);
    for (const auto& [connection, client] : clients_) {
      out << client.local.to_string() << ' ' << client.remote.to_string() << ' ';
      for (const std::uint8_t byte : client.id) out << fmt::format("{:02x}", byte);
      out << '\n';
    }
    // Without the file, on a full disk say, idle clients notice a crash only when they have something to send.
    if (!out.flush()) return;
  }
  std::filesystem::rename(fresh, file_, ignored);
}

void LastClients::clear() {
  clients_.clear();
  write_at_ = never;
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

}  // namespace mpquic::daemon
