#include "daemon/server_path.h"

#include <algorithm>
#include <utility>

#include "daemon/path_host.h"
#include "daemon/server_connection.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

// A learned route lives for minutes; so often is it refreshed while packets come.
constexpr Duration tell_again_after = std::chrono::seconds(60);
// A client that owns a large prefix may not flood the control thread with made-up sources.
constexpr double tells_per_second = 200;
constexpr std::size_t told_sources = 4096;
// Who sends what he may not is told so often, not as often as he sends.
constexpr double icmp_per_second = 50;

}  // namespace

ServerPath::ServerPath(PathHost& host, ServerConnection& connection)
    : host_(host),
      connection_(connection),
      ref_(host.add(*this)),
      tells_(tells_per_second, tells_per_second),
      icmp_(icmp_per_second, icmp_per_second) {}

ServerPath::~ServerPath() {
  if (tunnel_ != nullptr) host_.control().gone(ref_);
}

void ServerPath::set_peer(std::shared_ptr<const peers::Peer> peer) {
  peer_ = std::move(peer);
  told_.clear();
  last_source_.reset();
}

void ServerPath::set_addresses(std::vector<packet::Address> addresses) {
  addresses_ = std::move(addresses);
  told_.clear();
  last_source_.reset();
  if (session_) return;
  session_.emplace(tunnel::QueueLimits{}, drops_, tunnel_->port());
  session_->open(host_.worker().now());
  source_.emplace(*session_);
}

void ServerPath::receive(Bytes packet) {
  if (superseded_) return drops_.count(Drop::superseded);
  const auto source = packet::source_of(packet);
  if (!source) return drops_.count(Drop::malformed);
  if (!accept_source(*source)) return refuse(packet, Drop::foreign_source, packet::Unreachable::foreign_source);
  if (!host_.rules().between_clients && leads_to_another(*packet::destination_of(packet))) {
    return refuse(packet, Drop::between_clients, packet::Unreachable::prohibited);
  }
  if (limits_ && !masque::allows(*limits_, packet, true)) {
    return refuse(packet, Drop::out_of_scope, packet::Unreachable::prohibited);
  }
  ++received_packets_;
  received_bytes_ += packet.size();
  tunnel_->port().deliver(packet);
}

bool ServerPath::accept_source(const packet::Address& source) {
  const Instant now = host_.worker().now();
  if (source == last_source_ && now - last_told_ < tell_again_after) return true;
  const bool own = std::ranges::find(addresses_, source) != addresses_.end();
  if (!own && !peer_->owns(source)) return false;
  last_source_ = source;
  last_told_ = now;
  if (own) return true;
  const auto told = told_.find(source);
  if (told != told_.end() && now - told->second < tell_again_after) {
    last_told_ = told->second;
    return true;
  }
  tell_registry(source);
  return true;
}

void ServerPath::tell_registry(const packet::Address& source) {
  const Instant now = host_.worker().now();
  if (!tells_.take(now)) return;
  if (told_.size() >= told_sources) told_.clear();
  told_[source] = now;
  host_.control().learn(ref_, source);
}

void ServerPath::no_longer_leads_to(const packet::Prefix& prefix) {
  told_.erase(prefix.address());
  if (last_source_ == prefix.address()) last_source_.reset();
}

bool ServerPath::leads_to_another(const packet::Address& destination) {
  const std::uint64_t routes = host_.state_of_routes();
  if (destination == last_destination_ && routes == last_routes_) return false;
  const auto path = host_.path_to(destination);
  if (path && *path != ref_ && !peer_->owns(destination)) return true;
  last_destination_ = destination;
  last_routes_ = routes;
  return false;
}

// RFC 9484, 8: what is not let through is answered, by the router that the server is.
void ServerPath::refuse(Bytes packet, Drop reason, packet::Unreachable why) {
  drops_.count(reason);
  if (!session_ || !icmp_.take(host_.worker().now())) return;
  const auto source = packet::source_of(packet);
  const packet::Address* own = tunnel_->settings().address_of(source->family());
  packet::Buffer memory = own == nullptr ? packet::Buffer() : host_.worker().memory().small.take();
  if (!memory) return;
  const std::size_t size = packet::write_unreachable(memory.bytes(), {packet, {}}, *own, why);
  if (size == 0) return;
  const MutableBytes answer = memory.bytes().first(size);
  push({{}, std::move(memory), answer});
}

void ServerPath::push(Burst burst) {
  if (!session_ || superseded_) return drops_.count(Drop::no_path);
  auto packets = packet::Splitter::begin(burst.header, burst.packet);
  if (!packets) return drops_.count(packets.error());
  if (limits_ && !masque::allows(*limits_, burst.packet, false)) return drops_.count(Drop::out_of_scope);
  session_->push(std::move(burst.memory), std::move(*packets), packet::flow_hash(burst.packet), host_.worker().now());
  host_.wants_to_write(connection_);
}

void ServerPath::supersede() {
  superseded_ = true;
  if (session_) session_->close();
  connection_.supersede(*this);
}

ServerPath::Snapshot ServerPath::snapshot() const {
  const quic::Connection& quic = connection_.quic();
  Snapshot result{.ref = ref_,
                  .peer = peer_ ? peer_->name : std::string(),
                  .tunnel = tunnel_ ? tunnel_->settings().name : std::string(),
                  .remote = quic.remote(),
                  .local = quic.local(),
                  .addresses = addresses_,
                  .established = connection_.established(),
                  .since = connection_.since(),
                  .mtu = connection_.mtu(),
                  .queued_bytes = session_ ? session_->queued_bytes() : 0,
                  .connection = connection_.statistics_of(*this),
                  .drops = connection_.drops_of(*this)};
  result.connection.rx_datagrams = received_packets_;
  result.connection.rx_bytes = received_bytes_;
  result.connection.tx_datagrams = source_ ? source_->packets() : 0;
  result.connection.tx_bytes = source_ ? source_->bytes() : 0;
  return result;
}

}  // namespace mpquic::daemon
