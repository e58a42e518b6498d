#include "daemon/client_tunnel.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/log.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

// By then path MTU discovery (RFC 8899) has found out what a new path carries. Until then, larger packets take another.
constexpr Duration mtu_known_after = std::chrono::seconds(1);

ClientLink::Settings link_settings(const ClientTunnel::Settings& tunnel, std::size_t number,
                                   policy::HandedOut& handed_out) {
  const ClientTunnel::Link& link = tunnel.links[number];
  return {.number = number,
          .link = link.name,
          .label = tunnel.links.size() == 1 ? tunnel.name : fmt::format("{} over {}", tunnel.name, link.name),
          .path = {.transport = tunnel.transport,
                   .tls = tunnel.tls,
                   .tunnel = {.name = tunnel.name,
                              .authority = link.authority,
                              .token = tunnel.token,
                              .addresses = tunnel.own_addresses,
                              .networks = tunnel.networks},
                   .handed_out = &handed_out,
                   .traits = link.traits,
                   .policy = tunnel.policy}};
}

tunnel::QueueLimits queue_limits(const ClientTunnel::Settings& settings) {
  tunnel::QueueLimits limits;
  if (settings.policy) limits.flows = tunnel::Sender::flow_count;
  return limits;
}

}  // namespace

const ClientLink::Snapshot& ClientTunnel::Snapshot::best() const {
  const auto rank = [](const ClientLink::Snapshot& link) {
    switch (link.state) {
      case ClientLinkState::up: return 0;
      case ClientLinkState::connecting: return 1;
      case ClientLinkState::backing_off: return 2;
      case ClientLinkState::waiting: return 3;
    }
    return 3;
  };
  return *std::ranges::min_element(links, {}, rank);
}

ClientTunnel::ClientTunnel(Worker& worker, Settings settings, io::TunQueue tun, const packet::Offloads& offloads)
    : worker_(worker),
      settings_(std::move(settings)),
      tun_(worker, std::move(tun), offloads, settings_.own_addresses, *this, drops_),
      queue_(queue_limits(settings_), drops_, tun_) {
  // A server with several workers must get all connections of a session to the same one (docs/connect-ip.md).
  if (seeks_session()) settings_.transport.first_id_byte = static_cast<std::uint8_t>(std::random_device{}());
  for (std::size_t i = 0; i < settings_.links.size(); ++i) {
    links_.push_back(std::make_unique<ClientLink>(worker_, link_settings(settings_, i, handed_out_), queue_,
                                                  static_cast<ClientLinkOwner&>(*this), drops_));
  }
}

ClientTunnel::~ClientTunnel() { worker_.forget(*this); }

void ClientTunnel::set_tls(const std::shared_ptr<const quic::TlsContext>& tls,
                           const std::optional<std::string>& token) {
  for (const auto& link : links_) link->set_tls(tls, token);
}

void ClientTunnel::set_networks(const std::vector<packet::Prefix>& networks) {
  for (const auto& link : links_) link->set_networks(networks);
}

void ClientTunnel::set_policy(tunnel::Policy policy, ClassPolicies of_classes,
                              const std::vector<tunnel::PathTraits>& traits) {
  settings_.policy = policy;
  settings_.class_policies = std::move(of_classes);
  if (session_ != nullptr) session_->sender().set_policy(policy);
  for (const auto& link : links_) link->describe(traits[link->number()], policy);
}

std::optional<masque::SessionWish> ClientTunnel::wish(const ClientLink& link) {
  if (!seeks_session()) return masque::SessionWish{};
  if (session_ != nullptr) return masque::SessionWish::join(session_token_);  // mpquic-ip makes nothing of it
  const auto asks = [&](const auto& other) { return other.get() != &link && other->asking(); };
  if (std::ranges::any_of(links_, asks)) return std::nullopt;  // that one opens it
  return masque::SessionWish::open();
}

void ClientTunnel::on_session(ClientPath& path, const std::string& token) {
  if (session_ == nullptr) {
    ++sessions_;
    session_token_ = token;
    session_ = std::make_unique<SessionPaths>(
        worker_, queue_, *settings_.policy, token.empty() ? tunnel::Wire::bare : tunnel::Wire::sequenced, drops_,
        [this](Bytes packet) { on_packet(packet); }, [this] { has_news(); });
  }
  path.join(*session_);
}

// With its last path. Another one would begin to count at zero, so none may join this one any more.
void ClientTunnel::end_session() {
  session_.reset();
  session_token_.clear();
  for (const auto& link : links_) link->give_up_joining();
}

bool ClientTunnel::any_up() const {
  return std::ranges::any_of(links_, [](const auto& link) { return link->state() == ClientLinkState::up; });
}

void ClientTunnel::on_up(ClientLink& link) {
  if (seeks_session() && session_ == nullptr) hold_others(link);
  if (std::exchange(up_, true)) return;
  queue_.open(worker_.now());
  settings_.on_up(true);
}

void ClientTunnel::hold_others(const ClientLink& link) {
  if (links_.size() > 1) {
    log::warning("{}: the server has no sessions over several paths, so one link is used at a time", settings_.name);
  }
  for (const auto& other : links_) {
    if (other.get() != &link) other->hold("the server takes one link at a time");
  }
}

void ClientTunnel::on_down(ClientLink& link) {
  for (const auto& other : links_) {
    if (other.get() == &link) continue;
    other->tell_lost(link.name());
    other->release();
  }
  if (any_up() || !std::exchange(up_, false)) return;
  queue_.close();
  settings_.on_up(false);
}

void ClientTunnel::on_packet(Bytes packet) {
  if (!packet::source_of(packet)) return drops_.count(Drop::malformed);
  ++received_packets_;
  received_bytes_ += packet.size();
  tun_.deliver(packet);
}

void ClientTunnel::on_burst(Burst burst) {
  if (session_ != nullptr) {
    const auto policy = settings_.class_policies.of(burst.packet);
    session_->push(std::move(burst), policy);
  } else {
    auto packets = packet::Splitter::begin(burst.header, burst.packet);
    if (!packets) return drops_.count(packets.error());
    queue_.push(std::move(burst.memory), std::move(*packets), packet::flow_hash(burst.packet), worker_.now());
  }
  const auto up = std::ranges::find(links_, ClientLinkState::up, &ClientLink::state);
  if (up != links_.end()) worker_.expect_answer((*up)->path().smoothed_rtt());
  worker_.at_end_of_turn(*this);
}

void ClientTunnel::end_of_turn() {
  if (session_ != nullptr && session_->empty()) end_session();
  for (const auto& link : links_) link->choose_path();
  if (session_ != nullptr) session_->prepare();
  for (const auto& link : links_) link->write();
  for (const auto& link : links_) link->clean_up();
  if (session_ != nullptr) session_->follow_deadline();
  follow_mtu();
}

void ClientTunnel::follow_mtu() {
  std::size_t known = 0;   // the least of those that have been found out
  std::size_t likely = 0;  // the most of the others
  for (const auto& link : links_) {
    if (link->state() != ClientLinkState::up) continue;
    const std::size_t mtu = link->path().mtu();
    if (worker_.now() - link->since() < mtu_known_after)
      likely = std::max(likely, mtu);
    else
      known = known == 0 ? mtu : std::min(known, mtu);
  }
  const std::size_t mtu = known != 0 ? known : likely;
  if (mtu == 0 || mtu == mtu_) return;
  mtu_ = mtu;
  settings_.on_mtu(mtu);
}

void ClientTunnel::stop() {
  for (const auto& link : links_) link->stop();
}

ClientTunnel::Snapshot ClientTunnel::snapshot() const {
  Snapshot result{.links = {},
                  .mtu = mtu_,
                  .queued_bytes = queue_.queued_bytes(),
                  .rx_packets = received_packets_,
                  .rx_bytes = received_bytes_,
                  .drops = drops_,
                  .session_number = sessions_,
                  .session = {}};
  for (const auto& link : links_) result.links.push_back(link->snapshot());
  if (session_ != nullptr) result.session = session_->snapshot();
  return result;
}

}  // namespace mpquic::daemon
