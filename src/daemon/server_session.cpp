#include "daemon/server_session.h"

#include <algorithm>
#include <utility>

#include "daemon/path_host.h"
#include "daemon/server_connection.h"
#include "daemon/server_path.h"
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

ServerSession::ServerSession(PathHost& host, peers::SessionRef ref)
    : host_(host), ref_(ref), tells_(tells_per_second, tells_per_second), icmp_(icmp_per_second, icmp_per_second) {}

ServerSession::~ServerSession() {
  if (tunnel_ != nullptr) host_.control().gone(ref_);
}

void ServerSession::set_peer(std::shared_ptr<const peers::Peer> peer) {
  peer_ = std::move(peer);
  told_.clear();
  last_source_.reset();
}

void ServerSession::set_addresses(std::vector<packet::Address> addresses) {
  addresses_ = std::move(addresses);
  told_.clear();
  last_source_.reset();
  if (queue_) return;
  queue_.emplace(tunnel::QueueLimits{}, drops_, tunnel_->port());
  queue_->open(host_.worker().now());
}

void ServerSession::set_tunnel(ServerTun& tunnel, std::string instance) {
  tunnel_ = &tunnel;
  instance_ = std::move(instance);
}

void ServerSession::set_scope(const masque::Scope& scope, std::vector<packet::Prefix> targets) {
  scope_ = scope;
  targets_ = std::move(targets);
  if (!scope.is_everything()) limits_ = masque::limits_of(scope, targets_);
}

void ServerSession::ask_for_addresses(std::vector<packet::Address> wanted) {
  ++awaited_;
  host_.control().assign(ref_, peer_, {tunnel_->settings().name, instance_, std::move(wanted)});
}

// A path may go when it is told.
void ServerSession::assigned(const Assignment& assignment) {
  if (--awaited_ != 0) return;
  for (ServerPath* path : std::vector(paths_)) path->connection().assigned(*path, assignment);
}

void ServerSession::looked_up(const NameAnswer& answer) {
  for (ServerPath* path : std::vector(paths_)) path->connection().looked_up(*path, answer);
}

void ServerSession::detach(ServerPath& path) {
  std::erase(paths_, &path);
  if (shared_ != nullptr && !paths_.empty()) wants_to_write();  // what the path owed goes over another
}

bool ServerSession::make_room_for(const std::string& name) {
  if (paths_.size() < tunnel::most_paths) return true;
  const auto before = std::ranges::find(paths_, name, [](const ServerPath* path) { return path->traits().name; });
  if (name.empty() || before == paths_.end()) return false;
  (*before)->connection().supersede(**before);
  return true;
}

void ServerSession::replace_others_by(const ServerPath& path) {
  if (path.traits().name.empty()) return;
  for (ServerPath* other : std::vector(paths_)) {
    if (other != &path && other->traits().name == path.traits().name) other->connection().supersede(*other);
  }
}

void ServerSession::suspect_other(const ServerPath& path, const std::string& name) {
  for (ServerPath* other : paths_) {
    if (other != &path && other->shares() && other->traits().name == name) other->suspect();
  }
}

SessionPaths& ServerSession::share(tunnel::Wire wire) {
  if (shared_ == nullptr) {
    queue_.emplace(tunnel::QueueLimits{.flows = tunnel::Sender::flow_count}, drops_, tunnel_->port());
    queue_->open(host_.worker().now());
    shared_ = std::make_unique<SessionPaths>(
        host_.worker(), *queue_, policy(), wire, drops_, [this](Bytes packet) { receive(packet); },
        [this] { wants_to_write(); });
  }
  return *shared_;
}

void ServerSession::wish(tunnel::Policy policy) {
  wished_ = policy;
  follow_policy();
}

void ServerSession::follow_policy() {
  if (shared_ != nullptr) shared_->sender().set_policy(policy());
}

tunnel::Policy ServerSession::policy() const {
  const auto& policies = host_.rules().policies;
  const auto configured = policies.find(tunnel_->settings().name);
  return configured == policies.end() ? wished_ : configured->second;
}

void ServerSession::receive(Bytes packet) {
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

bool ServerSession::accept_source(const packet::Address& source) {
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

void ServerSession::tell_registry(const packet::Address& source) {
  const Instant now = host_.worker().now();
  if (!tells_.take(now)) return;
  if (told_.size() >= told_sources) told_.clear();
  told_[source] = now;
  host_.control().learn(ref_, source);
}

void ServerSession::no_longer_leads_to(const packet::Prefix& prefix) {
  told_.erase(prefix.address());
  if (last_source_ == prefix.address()) last_source_.reset();
}

bool ServerSession::leads_to_another(const packet::Address& destination) {
  const std::uint64_t routes = host_.state_of_routes();
  if (destination == last_destination_ && routes == last_routes_) return false;
  const auto session = host_.session_to(destination);
  if (session && *session != ref_ && !peer_->owns(destination)) return true;
  last_destination_ = destination;
  last_routes_ = routes;
  return false;
}

// RFC 9484, 8: what is not let through is answered, by the router that the server is.
void ServerSession::refuse(Bytes packet, Drop reason, packet::Unreachable why) {
  drops_.count(reason);
  if (!queue_ || !icmp_.take(host_.worker().now())) return;
  const auto source = packet::source_of(packet);
  const packet::Address* own = tunnel_->settings().address_of(source->family());
  packet::Buffer memory = own == nullptr ? packet::Buffer() : host_.worker().memory().small.take();
  if (!memory) return;
  const std::size_t size = packet::write_unreachable(memory.bytes(), {packet, {}}, *own, why);
  if (size == 0) return;
  const MutableBytes answer = memory.bytes().first(size);
  push({{}, std::move(memory), answer});
}

void ServerSession::push(Burst burst) {
  if (!queue_ || superseded_) return drops_.count(Drop::no_path);
  if (limits_ && !masque::allows(*limits_, burst.packet, false)) return drops_.count(Drop::out_of_scope);
  if (shared_ != nullptr) {
    shared_->push(std::move(burst));
  } else {
    auto packets = packet::Splitter::begin(burst.header, burst.packet);
    if (!packets) return drops_.count(packets.error());
    queue_->push(std::move(burst.memory), std::move(*packets), packet::flow_hash(burst.packet), host_.worker().now());
  }
  wants_to_write();
}

void ServerSession::wants_to_write() {
  if (!paths_.empty()) paths_.front()->connection().wants_to_write();
}

ServerSession::Snapshot ServerSession::snapshot() const {
  Snapshot result{.ref = ref_,
                  .peer = peer_ != nullptr ? peer_->name : std::string(),
                  .tunnel = tunnel_ != nullptr ? tunnel_->settings().name : std::string(),
                  .rx_packets = received_packets_,
                  .rx_bytes = received_bytes_,
                  .shared = {}};
  if (shared_ != nullptr) result.shared = shared_->snapshot();
  return result;
}

void ServerSession::supersede() {
  superseded_ = true;
  if (queue_) queue_->close();
  for (ServerPath* path : std::vector(paths_)) path->connection().supersede(*path);
}

}  // namespace mpquic::daemon
