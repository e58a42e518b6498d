#include "daemon/server_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

// RFC 9000, 20.2: application error codes of mpquic-ip.
constexpr std::uint64_t no_error = 0;
constexpr std::uint64_t unknown_client = 1;
constexpr std::uint64_t registration_refused = 2;

// A learned route lives for minutes; so often is it refreshed while packets come.
constexpr Duration tell_again_after = std::chrono::seconds(60);
// A client that owns a large prefix may not flood the control thread with made-up sources.
constexpr double tells_per_second = 200;
constexpr std::size_t told_sources = 4096;

class NothingToSend final : public quic::DatagramSource {
 public:
  const packet::Pieces* front(std::size_t, Instant) override { return nullptr; }
  bool more() const override { return false; }
  void pop() override {}
};

}  // namespace

ServerPath::ServerPath(PathHost& host, peers::PathRef ref, std::unique_ptr<quic::Connection> connection)
    : host_(host),
      ref_(ref),
      connection_(std::move(connection)),
      since_(host.worker().now()),
      timer_([this] { on_timer(); }),
      tells_(tells_per_second, tells_per_second) {
  connection_->set_owner(*this);
}

ServerPath::~ServerPath() {
  if (handshaking_) host_.handshake_over();
  if (tunnel_ != nullptr) host_.control().gone(ref_);
  connection_->forget_connection_ids();
}

void ServerPath::receive(MutableBytes payload, const packet::UdpArrival& arrival) {
  const Instant now = host_.worker().now();
  if (!connection_->receive(payload, arrival.local, arrival.remote, arrival.ecn, now) && !over()) {
    drops_.count(Drop::bad_packet);
  }
  host_.wants_to_write(*this);
}

void ServerPath::on_timer() {
  connection_->on_deadline(host_.worker().now());
  host_.wants_to_write(*this);
}

void ServerPath::on_established() {
  handshaking_ = false;
  host_.handshake_over();
  const auto name = connection_->peer_name();
  peer_ = host_.directory().find(name);
  if (peer_ == nullptr) {
    log::warning("{}: no client named \"{}\" in the configuration", connection_->remote().to_string(),
                 name.value_or("(no certificate)"));
    connection_->close(unknown_client, "no client of that name");
    return;
  }
  if (close_if_distrusted()) return;  // a reload may have come in the middle of the handshake
  log::debug("{}: connected from {}", peer_->name, connection_->remote().to_string());
}

bool ServerPath::close_if_distrusted() {
  const std::string reason = connection_->distrust(host_.tls());
  if (reason.empty()) return false;
  connection_->close(unknown_client, "the certificate is refused: " + reason);
  host_.wants_to_write(*this);
  return true;
}

void ServerPath::on_datagram(Bytes datagram) {
  if (superseded_) return drops_.count(Drop::superseded);
  if (peer_ == nullptr || over()) return drops_.count(Drop::not_registered);
  if (tunnel_ == nullptr && !register_by(datagram)) return;
  if (datagram.size() == 4) return register_again(packet::Address::from_bytes(datagram));
  const auto source = packet::source_of(datagram);
  if (!source) return drops_.count(Drop::malformed);
  if (!accept_source(*source)) return drops_.count(Drop::foreign_source);
  tunnel_->port().deliver(datagram);
}

bool ServerPath::register_by(Bytes datagram) {
  const bool registration = datagram.size() == 4;
  const auto address = registration ? packet::Address::from_bytes(datagram) : packet::source_of(datagram);
  if (!address) {
    drops_.count(Drop::malformed);
    return false;
  }
  if (!peer_->owns(*address)) {
    if (registration) refuse(*address, "which it does not own");
    drops_.count(Drop::foreign_source);
    return false;
  }
  tunnel_ = host_.tunnel_for(*peer_, *address);
  if (tunnel_ == nullptr) {
    if (registration) refuse(*address, "which is in no tunnel that it may use here");
    drops_.count(Drop::not_registered);
    return false;
  }
  address_ = address;
  by_packet_ = !registration;
  session_.emplace(tunnel::QueueLimits{}, drops_, tunnel_->port());
  session_->open(host_.worker().now());
  host_.control().claim(ref_, peer_, tunnel_->settings().name, *address);
  LastClient client{connection_->local(), connection_->remote(), {}};
  std::copy_n(connection_->first_id().data, client.id.size(), client.id.begin());
  host_.control().connected(ref_, client);
  log::info("{}: {} is {} at {}", tunnel_->settings().name, address->to_string(), peer_->name,
            connection_->remote().to_string());
  return true;
}

// The registration may come late, behind a packet of a host behind the client, which then was taken for it.
void ServerPath::register_again(const packet::Address& address) {
  if (!std::exchange(by_packet_, false) || address == *address_ || !peer_->owns(address) ||
      host_.tunnel_for(*peer_, address) != tunnel_) {
    return;
  }
  address_ = address;
  host_.control().claim(ref_, peer_, tunnel_->settings().name, address);
}

void ServerPath::refuse(const packet::Address& address, std::string_view why) {
  log::warning("{} at {} calls itself {}, {}", peer_->name, connection_->remote().to_string(), address.to_string(),
               why);
  connection_->close(registration_refused,
                     fmt::format("{} calls itself {}, {}", peer_->name, address.to_string(), why));
}

bool ServerPath::accept_source(const packet::Address& source) {
  const Instant now = host_.worker().now();
  if (source == last_source_ && now - last_told_ < tell_again_after) return true;
  if (!peer_->owns(source)) return false;
  last_source_ = source;
  const auto told = told_.find(source);
  if (told != told_.end() && now - told->second < tell_again_after) {
    last_told_ = told->second;
    return true;
  }
  tell_registry(source);
  return true;
}

void ServerPath::look_up_again() {
  if (peer_ == nullptr || over() || close_if_distrusted()) return;
  auto peer = host_.directory().find(connection_->peer_name());
  if (peer == nullptr) {
    connection_->close(unknown_client, "is no client any more");
    return host_.wants_to_write(*this);
  }
  if (*peer == *peer_) return;
  peer_ = std::move(peer);
  told_.clear();
  last_source_.reset();
  if (tunnel_ == nullptr) return;
  if (peer_->owns(*address_) && host_.tunnel_for(*peer_, *address_) == tunnel_) {
    return host_.control().change_peer(ref_, peer_);
  }
  connection_->close(registration_refused, fmt::format("may not be {} any more", address_->to_string()));
  host_.wants_to_write(*this);
}

void ServerPath::no_longer_leads_to(const packet::Prefix& prefix) {
  told_.erase(prefix.address());
  if (last_source_ == prefix.address()) last_source_.reset();
}

void ServerPath::tell_registry(const packet::Address& source) {
  const Instant now = host_.worker().now();
  last_told_ = now;
  if (source == address_ || !tells_.take(now)) return;
  if (told_.size() >= told_sources) told_.clear();
  told_[source] = now;
  host_.control().learn(ref_, source);
}

void ServerPath::push(Burst burst) {
  if (!session_ || superseded_) return drops_.count(Drop::no_path);
  auto packets = packet::Splitter::begin(burst.header, burst.packet);
  if (!packets) return drops_.count(packets.error());
  session_->push(std::move(burst.memory), std::move(*packets), packet::flow_hash(burst.packet), host_.worker().now());
  host_.wants_to_write(*this);
}

void ServerPath::supersede() {
  superseded_ = true;
  if (session_) session_->close();
  close("a newer connection has this tunnel address");
}

void ServerPath::close(const std::string& reason) {
  connection_->close(no_error, reason);
  host_.wants_to_write(*this);
}

bool ServerPath::write(packet::UdpBatch& batch) {
  NothingToSend nothing;
  quic::DatagramSource& source = session_ ? static_cast<quic::DatagramSource&>(*session_) : nothing;
  if (!connection_->write(source, batch, host_.worker().now())) return false;
  host_.worker().timers().set(timer_, std::min(connection_->deadline(), session_ ? session_->deadline() : never));
  if (session_) session_->follow_round_trip(connection_->smoothed_rtt());
  const std::size_t mtu = connection_->max_datagram_size();
  if (tunnel_ != nullptr && mtu != mtu_) {
    mtu_ = mtu;
    host_.on_mtu(*tunnel_, mtu);
  }
  return true;
}

ServerPath::Snapshot ServerPath::snapshot() const {
  return {.ref = ref_,
          .peer = peer_ ? peer_->name : std::string(),
          .tunnel = tunnel_ ? tunnel_->settings().name : std::string(),
          .remote = connection_->remote(),
          .local = connection_->local(),
          .address = address_,
          .established = !handshaking_,
          .since = since_,
          .mtu = connection_->max_datagram_size(),
          .queued_bytes = session_ ? session_->queued_bytes() : 0,
          .connection = connection_->statistics(),
          .drops = drops_};
}

}  // namespace mpquic::daemon
