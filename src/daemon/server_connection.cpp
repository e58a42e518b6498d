#include "daemon/server_connection.h"

#include <algorithm>
#include <utility>

#include "daemon/bare_server.h"
#include "daemon/h3_server.h"
#include "daemon/server_sessions.h"

namespace mpquic::daemon {

ServerConnection::ServerConnection(PathHost& host, std::uint64_t number, std::unique_ptr<quic::Connection> connection)
    : host_(host), number_(number), connection_(std::move(connection)), since_(host.worker().now()), timer_([this] {
        on_timer();
      }) {
  connection_->set_owner(*this);
}

ServerConnection::~ServerConnection() {
  if (handshaking_) host_.handshake_over();
  while (!paths_.empty()) remove_path(*paths_.back());
  if (can_be_called_) host_.control().disconnected(ref());
  connection_->forget_connection_ids();
}

void ServerConnection::on_keys() {
  if (connection_->alpn() == quic::alpn_h3)
    protocol_ = std::make_unique<H3Server>(host_, *this);
  else
    protocol_ = std::make_unique<BareServer>(host_, *this);
}

void ServerConnection::on_established() {
  handshaking_ = false;
  host_.handshake_over();
  protocol_->on_established();
}

void ServerConnection::on_datagram(Bytes datagram) { protocol_->on_datagram(datagram); }

void ServerConnection::receive(MutableBytes payload, const packet::UdpArrival& arrival) {
  const Instant now = host_.worker().now();
  if (!connection_->receive(payload, arrival.local, arrival.remote, arrival.ecn, now) && !over()) {
    drops_.count(Drop::bad_packet);
  }
  host_.wants_to_write(*this);
}

void ServerConnection::on_timer() {
  connection_->on_deadline(host_.worker().now());
  host_.wants_to_write(*this);
}

void ServerConnection::look_up_again() {
  if (!established() || over()) return;
  protocol_->look_up_again();
  host_.wants_to_write(*this);
}

void ServerConnection::close(std::uint64_t code, const std::string& reason) {
  connection_->close(code, reason);
  host_.wants_to_write(*this);
}

void ServerConnection::leave(const std::string& reason) { close(protocol_ ? protocol_->no_error() : 0, reason); }

ServerPath& ServerConnection::add_path(ServerSession& session) {
  paths_.push_back(std::make_unique<ServerPath>(session, *this));
  return *paths_.back();
}

void ServerConnection::remove_path(ServerPath& path) {
  const auto found = std::ranges::find(paths_, &path, &std::unique_ptr<ServerPath>::get);
  std::unique_ptr<ServerPath> removed = std::move(*found);
  paths_.erase(found);
  turn_ = 0;
  host_.sessions().remove(std::move(removed));
}

void ServerConnection::opened() {
  LastClient client{connection_->local(), connection_->remote(), {}};
  std::copy_n(connection_->first_id().data, client.id.size(), client.id.begin());
  host_.control().connected(ref(), client);
  can_be_called_ = true;
  mtu_ = 0;  // the new path's tunnel is to hear of it, too
  host_.wants_to_write(*this);
}

ServerSession* ServerConnection::shared_session() const {
  return paths_.size() == 1 && paths_.front()->shares() ? &paths_.front()->session() : nullptr;
}

void ServerConnection::on_lost(std::uint64_t number) {
  if (paths_.size() == 1) paths_.front()->on_lost(number);
}

void ServerConnection::on_acknowledged(std::uint64_t number) {
  if (paths_.size() == 1) paths_.front()->on_acknowledged(number);
}

// The paths take turns. Whose front() was shown, keeps its turn until pop().
const packet::Pieces* ServerConnection::front(std::size_t max_size, Instant now) {
  for (std::size_t tried = 0; tried < paths_.size(); ++tried) {
    if (paths_[turn_]->usable()) {
      if (const packet::Pieces* packet = paths_[turn_]->source().front(max_size, now)) return packet;
    }
    turn_ = (turn_ + 1) % paths_.size();
  }
  return nullptr;
}

bool ServerConnection::more() const {
  if (paths_[turn_]->source().more()) return true;
  return std::ranges::any_of(paths_, [&](const auto& path) { return path != paths_[turn_] && path->waits(); });
}

void ServerConnection::pop() {
  paths_[turn_]->source().pop();
  turn_ = (turn_ + 1) % paths_.size();
}

bool ServerConnection::write(packet::UdpBatch& batch) {
  const Instant now = host_.worker().now();
  if (protocol_ != nullptr) protocol_->before_writing();
  if (!connection_->write(*this, batch, now)) return false;
  Instant deadline = connection_->deadline();
  if (protocol_ != nullptr) deadline = std::min(deadline, protocol_->deadline());
  for (const auto& path : paths_) {
    if (!path->usable() || path->shares()) continue;
    deadline = std::min(deadline, path->session().queue().deadline());
    path->session().queue().follow_round_trip(connection_->smoothed_rtt());
  }
  if (ServerSession* session = shared_session()) session->shared()->follow_deadline();
  host_.worker().timers().set(timer_, deadline);
  follow_mtu();
  return true;
}

std::size_t ServerConnection::mtu() const {
  const std::size_t datagram = connection_->max_datagram_size();
  return protocol_ == nullptr ? 0 : datagram - std::min(datagram, protocol_->overhead());
}

void ServerConnection::follow_mtu() {
  const std::size_t now = mtu();
  if (paths_.empty() || now == mtu_) return;
  mtu_ = now;
  for (const auto& path : paths_) {
    if (path->usable()) host_.on_mtu(*path->session().tunnel(), mtu_);
  }
}

quic::ConnectionStatistics ServerConnection::statistics_of(const ServerPath& path) const {
  quic::ConnectionStatistics statistics = connection_->statistics();
  if (paths_.empty() || paths_.front().get() == &path) return statistics;
  statistics.acknowledged_datagrams = statistics.lost_datagrams = 0;
  return statistics;
}

DropCounters ServerConnection::drops_of(const ServerPath& path) const {
  return !paths_.empty() && paths_.front().get() == &path ? drops_ : DropCounters();
}

}  // namespace mpquic::daemon
