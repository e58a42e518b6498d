#include "daemon/server_path.h"

#include <algorithm>

#include "daemon/path_host.h"
#include "daemon/server_connection.h"

namespace mpquic::daemon {

ServerPath::ServerPath(ServerSession& session, ServerConnection& connection)
    : session_(session), connection_(connection) {
  session_.attach(*this);
}

ServerPath::~ServerPath() {
  if (id_) session_.shared()->remove(*id_);
  session_.detach(*this);
}

void ServerPath::carry(Bytes prefix) {
  source_.emplace(session_.queue());
  source_->set_prefix(prefix);
}

bool ServerPath::join(tunnel::Wire wire, const tunnel::PathPrefixes& prefixes) {
  id_ = session_.share(wire).add(connection_.quic(), traits_, prefixes);
  return id_.has_value();
}

void ServerPath::set_overflow(tunnel::Overflow& overflow, std::size_t smallest_mtu) {
  if (id_) return session_.shared()->sender().set_overflow(*id_, overflow, smallest_mtu);
  source_->set_overflow(overflow, smallest_mtu);
}

quic::DatagramSource& ServerPath::source() {
  if (id_) return session_.shared()->sender().source(*id_);
  return *source_;
}

void ServerPath::overflow_all(Instant now) {
  if (source_) source_->overflow_all(now);
}

void ServerPath::describe(const masque::PathDescription& description) {
  traits_ = description.traits;
  if (!id_) return;
  session_.replace_others_by(*this);
  session_.shared()->describe(*id_, traits_);
  if (description.policy) session_.wish(*description.policy);
}

void ServerPath::suspect() { session_.shared()->down(*id_); }

void ServerPath::receive(Bytes packet) {
  ++received_packets_;
  received_bytes_ += packet.size();
  session_.receive(packet);
}

void ServerPath::receive_sequenced(Bytes packet) {
  if (!id_) return session_.drops().count(Drop::unknown_context);
  ++received_packets_;
  received_bytes_ += packet.size() - std::min(packet.size(), tunnel::sequence_header_size);
  session_.shared()->receive(*id_, packet);
}

void ServerPath::receive_probe(Bytes probe) {
  if (!id_) return session_.drops().count(Drop::unknown_context);
  session_.shared()->receive_probe(*id_, probe);
}

void ServerPath::on_acknowledged(std::uint64_t number) {
  if (id_) session_.shared()->acknowledged(*id_, number);
}

void ServerPath::on_lost(std::uint64_t number) {
  if (id_) session_.shared()->lost(*id_, number);
}

ServerPath::Snapshot ServerPath::snapshot() const {
  const bool first = session_.paths().front() == this;
  const quic::Connection& quic = connection_.quic();
  Snapshot result{.session = session_.ref(),
                  .connection = connection_.number(),
                  .peer = session_.peer() ? session_.peer()->name : std::string(),
                  .tunnel = session_.tunnel() ? session_.tunnel()->settings().name : std::string(),
                  .remote = quic.remote(),
                  .local = quic.local(),
                  .established = connection_.established(),
                  .since = connection_.since(),
                  .mtu = connection_.mtu(),
                  .queued_bytes = first ? session_.queued_bytes() : 0,
                  .statistics = connection_.statistics_of(*this),
                  .traffic = {0, 0, received_packets_, received_bytes_},
                  .drops = connection_.drops_of(*this),
                  .traits = traits_,
                  .path = {}};
  if (first) result.drops += session_.drops();
  if (source_) {
    result.traffic.tx_packets = source_->packets();
    result.traffic.tx_bytes = source_->bytes();
  } else if (id_) {
    result.path = session_.shared()->snapshot(*id_);
    result.traffic.tx_packets = result.path->sent.packets;
    result.traffic.tx_bytes = result.path->sent.bytes;
  }
  return result;
}

}  // namespace mpquic::daemon
