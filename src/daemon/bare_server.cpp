#include "daemon/bare_server.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "daemon/server_sessions.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

// RFC 9000, 20.2: application error codes of mpquic-ip.
constexpr std::uint64_t unknown_client = 1;
constexpr std::uint64_t registration_refused = 2;

constexpr std::size_t registration_size = 4;

}  // namespace

BareServer::BareServer(PathHost& host, ServerConnection& connection)
    : host_(host), connection_(connection), path_(&connection.add_path(host.sessions().begin(host))) {}

void BareServer::on_established() {
  // Who may come in may have changed since the handshake began.
  if (const std::string why = host_.distrust(connection_.quic()); !why.empty()) {
    return connection_.close(unknown_client, "the certificate is refused: " + why);
  }
  const auto name = connection_.quic().peer_name();
  session().set_peer(host_.rules().directory.find(name));
  if (session().peer() == nullptr) {
    log::warning("{}: no client named \"{}\" in the configuration", connection_.quic().remote().to_string(),
                 name.value_or("(no certificate)"));
    return connection_.close(unknown_client, "no client of that name");
  }
  log::debug("{}: connected from {}", session().peer()->name, connection_.quic().remote().to_string());
}

void BareServer::on_datagram(Bytes datagram) {
  if (session().peer() == nullptr || connection_.over()) return session().drops().count(Drop::not_registered);
  if (!session().registered() && !register_by(datagram)) return;
  if (datagram.size() == registration_size) return register_again(packet::Address::from_bytes(datagram));
  path_->receive(datagram);
}

bool BareServer::register_by(Bytes datagram) {
  const bool registration = datagram.size() == registration_size;
  const auto address = registration ? packet::Address::from_bytes(datagram) : packet::source_of(datagram);
  if (!address) {
    session().drops().count(Drop::malformed);
    return false;
  }
  if (!session().peer()->owns(*address)) {
    if (registration) refuse(*address, "which it does not own");
    session().drops().count(Drop::foreign_source);
    return false;
  }
  ServerTun* tunnel = host_.tunnel_for(*session().peer(), *address);
  if (tunnel == nullptr) {
    if (registration) refuse(*address, "which is in no tunnel that it may use here");
    session().drops().count(Drop::not_registered);
    return false;
  }
  by_packet_ = !registration;
  if (by_packet_ || !join_group(*address, *tunnel)) {
    session().set_tunnel(*tunnel);
    claim(*address);
  }
  connection_.opened();
  log::info("{}: {} is {} at {}", tunnel->settings().name, address->to_string(), session().peer()->name,
            connection_.quic().remote().to_string());
  return true;
}

// The others may be of a run of the client that has died: they are out until something comes over them again.
bool BareServer::join_group(const packet::Address& address, const ServerTun& tunnel) {
  ServerSession* group = host_.sessions().find_group(tunnel, address);
  if (group == nullptr || group->peer()->name != session().peer()->name ||
      group->paths().size() >= tunnel::most_paths) {
    return false;
  }
  for (ServerPath* other : group->paths()) other->suspect();
  connection_.remove_path(*path_);
  path_ = &connection_.add_path(*group);
  return path_->join(tunnel::Wire::bare, {});
}

void BareServer::claim(const packet::Address& address) {
  session().set_addresses({address});
  const std::string& tunnel = session().tunnel()->settings().name;
  if (!path_->usable() && !host_.rules().policies.contains(tunnel)) path_->carry({});
  if (!path_->usable()) path_->join(tunnel::Wire::bare, {});
  if (path_->shares()) host_.sessions().found_group(session());
  host_.control().claim(session().ref(), session().peer(), tunnel, address);
}

// The registration may come late, behind a packet of a host behind the client, which then was taken for it.
void BareServer::register_again(const packet::Address& address) {
  if (!std::exchange(by_packet_, false) || session().addresses().front() == address ||
      !session().peer()->owns(address) || host_.tunnel_for(*session().peer(), address) != session().tunnel()) {
    return;
  }
  claim(address);
}

void BareServer::refuse(const packet::Address& address, std::string_view why) {
  const std::string& name = session().peer()->name;
  log::warning("{} at {} calls itself {}, {}", name, connection_.quic().remote().to_string(), address.to_string(), why);
  connection_.close(registration_refused, fmt::format("{} calls itself {}, {}", name, address.to_string(), why));
}

void BareServer::on_superseded(ServerPath&) {
  connection_.close(no_error(), "a newer connection has this tunnel address");
}

void BareServer::look_up_again() {
  if (session().peer() == nullptr) return;
  auto peer = host_.rules().directory.find(connection_.quic().peer_name());
  if (peer == nullptr) return connection_.close(unknown_client, "is no client any more");
  if (const std::string why = host_.distrust(connection_.quic()); !why.empty()) {
    return connection_.close(unknown_client, "the certificate is refused: " + why);
  }
  if (path_->shares()) session().follow_policy();
  if (*peer == *session().peer()) return;
  session().set_peer(std::move(peer));
  if (!session().registered()) return;
  const packet::Address& address = session().addresses().front();
  if (session().peer()->owns(address) && host_.tunnel_for(*session().peer(), address) == session().tunnel()) {
    return host_.control().change_peer(session().ref(), session().peer());
  }
  connection_.close(registration_refused, fmt::format("may not be {} any more", address.to_string()));
}

}  // namespace mpquic::daemon
