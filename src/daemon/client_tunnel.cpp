#include "daemon/client_tunnel.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "base/log.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

double random_fraction() {
  static thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

std::optional<packet::Address> LinkView::source(packet::Address::Family family) const {
  const auto found = std::ranges::find(sources, family, &packet::Address::family);
  return found == sources.end() ? std::nullopt : std::optional(*found);
}

ClientTunnel::ClientTunnel(Worker& worker, Settings settings, io::TunQueue tun, const packet::Offloads& offloads)
    : worker_(worker),
      settings_(std::move(settings)),
      path_settings_{.transport = settings_.transport,
                     .tls = settings_.tls,
                     .tunnel = {.name = settings_.name,
                                .authority = settings_.authority,
                                .token = settings_.token,
                                .addresses = settings_.own_addresses,
                                .networks = settings_.networks}},
      tun_(worker, std::move(tun), offloads, settings_.own_addresses, *this, drops_),
      session_({}, drops_, tun_),
      timer_([this] { on_timer(); }),
      since_(worker.now()) {}

ClientTunnel::~ClientTunnel() { worker_.forget(*this); }

void ClientTunnel::enter(TunnelState state, std::string detail) {
  if (state != state_) since_ = worker_.now();
  if ((state == TunnelState::up) != (state_ == TunnelState::up)) settings_.on_up(state == TunnelState::up);
  state_ = state;
  detail_ = std::move(detail);
}

void ClientTunnel::set_tls(std::shared_ptr<const quic::TlsContext> tls, std::optional<std::string> token) {
  path_settings_.tls = std::move(tls);
  path_settings_.tunnel.token = std::move(token);
}

void ClientTunnel::set_networks(std::vector<packet::Prefix> networks) {
  if (networks == path_settings_.tunnel.networks) return;
  path_settings_.tunnel.networks = std::move(networks);
  for (const auto& path : paths_) path->offer_networks();
}

void ClientTunnel::set_link(const LinkView& link) {
  if (link == link_) return;
  const auto keeps_source = [&](const auto& path) {
    const auto family = path->remote().address.family();
    return link.source(family) == link_.source(family);
  };
  const bool same_way = !paths_.empty() && link.usable && link_.usable && link.index == link_.index &&
                        std::ranges::all_of(paths_, keeps_source);
  link_ = link;
  if (same_way) return;
  hang_up();
  if (!link.usable) {
    enter(TunnelState::waiting_for_link, link.obstacle);
    log::info("{}: waiting for {}: {}", settings_.name, link.interface, link.obstacle);
    return;
  }
  redial_.start_over();  // a new way: what failed on the old one says nothing
  dial();
}

void ClientTunnel::set_servers(Race::Addresses servers) {
  if (servers == servers_) return;
  servers_ = std::move(servers);
  if (!link_.usable || state_ == TunnelState::up) return;
  const auto leads_there = [&](const auto& path) {
    return std::ranges::find(servers_, path->remote()) != servers_.end();
  };
  if (std::ranges::any_of(paths_, leads_there)) return has_news();  // the others may join
  redial_.start_over();                                             // as with a new link
  dial();
}

Race::Addresses ClientTunnel::reachable_servers() const {
  Race::Addresses servers;
  std::ranges::copy_if(servers_, std::back_inserter(servers), [&](const packet::SocketAddress& server) {
    return link_.source(server.address.family()).has_value();
  });
  return servers;
}

void ClientTunnel::dial() {
  hang_up();
  tried_at_ = worker_.now();
  start_paths();
  if (paths_.empty()) return redial(race_.reason());
  if (state_ != TunnelState::backing_off) enter(TunnelState::connecting, {});
  state_ = TunnelState::connecting;
}

void ClientTunnel::start_paths() {
  const Race::Addresses servers = reachable_servers();
  while (const auto server = race_.next(servers, paths_.size(), worker_.now())) {
    auto path =
        ClientPath::dial(worker_, path_settings_, {link_.interface, *link_.source(server->address.family()), *server},
                         session_, *this, drops_);
    if (!path) {
      race_.failed(path.error().message, false);
      continue;
    }
    log::debug("{}: connecting to {} from {} on {}", settings_.name, server->to_string(), (*path)->local().to_string(),
               link_.interface);
    paths_.push_back(std::move(*path));
    has_news();  // it has to write
  }
  worker_.timers().set(timer_, race_.due(servers, paths_.size()));
}

void ClientTunnel::hang_up() {
  session_.close();
  worker_.timers().set(timer_, never);
  race_.start_over();
  while (!paths_.empty()) remove(std::prev(paths_.end()));
}

ClientTunnel::Paths::iterator ClientTunnel::remove(Paths::iterator path) {
  past_ += (*path)->statistics();
  return paths_.erase(path);
}

void ClientTunnel::redial(std::string reason) {
  const bool news = state_ == TunnelState::up || detail_ != reason;
  hang_up();
  if (news) log::warning("{}: {}", settings_.name, reason);
  if (state_ == TunnelState::up) redial_.stood(worker_.now() - since_);
  settings_.on_try_failed();
  enter(TunnelState::backing_off, std::move(reason));
  worker_.timers().set(timer_, redial_.next(tried_at_, random_fraction(), worker_.now()));
}

/// While connecting: a path that is ready asks for the tunnel, unless another has asked, and the one that gets it wins.
void ClientTunnel::choose_path() {
  const auto in = [](ClientPathState state) { return [state](const auto& path) { return path->state() == state; }; };
  if (std::ranges::none_of(paths_, in(ClientPathState::asked))) {
    const auto ready = std::ranges::find_if(paths_, in(ClientPathState::ready));
    if (ready != paths_.end()) (*ready)->ask();
  }
  const auto winner = std::ranges::find_if(paths_, in(ClientPathState::usable));
  if (winner != paths_.end()) come_up(*winner);
}

void ClientTunnel::come_up(const Paths::value_type& winner) {
  std::swap(paths_.front(), paths_[static_cast<std::size_t>(&winner - paths_.data())]);
  while (paths_.size() > 1) {
    paths_.back()->close("another address of the server was faster");
    remove(std::prev(paths_.end()));
  }
  race_.start_over();
  worker_.timers().set(timer_, never);
  ++connections_;
  enter(TunnelState::up, {});
  session_.open(worker_.now());
  const ClientPath& path = *paths_.front();
  log::info("{}: up: {} through {} ({})", settings_.name, path.remote().to_string(), link_.interface,
            path.local().address.to_string());
}

void ClientTunnel::on_packet(Bytes packet) {
  if (!packet::source_of(packet)) return drops_.count(Drop::malformed);
  tun_.deliver(packet);
}

void ClientTunnel::on_burst(Burst burst) {
  auto packets = packet::Splitter::begin(burst.header, burst.packet);
  if (!packets) return drops_.count(packets.error());
  session_.push(std::move(burst.memory), std::move(*packets), packet::flow_hash(burst.packet), worker_.now());
  if (state_ == TunnelState::up) worker_.expect_answer(paths_.front()->smoothed_rtt());
  worker_.at_end_of_turn(*this);
}

void ClientTunnel::on_timer() {
  if (paths_.empty()) return dial();
  start_paths();
}

void ClientTunnel::end_of_turn() {
  if (paths_.empty()) return;
  if (state_ == TunnelState::connecting) choose_path();
  for (const auto& path : paths_) path->write();
  remove_ended();
  if (state_ == TunnelState::connecting) start_paths();
  if (paths_.empty()) return redial(race_.reason());
  if (state_ == TunnelState::up) follow_mtu();
}

void ClientTunnel::remove_ended() {
  for (auto path = paths_.begin(); path != paths_.end();) {
    if ((*path)->state() != ClientPathState::ended) {
      ++path;
      continue;
    }
    log::debug("{}: {}: {}", settings_.name, (*path)->remote().to_string(), (*path)->end_reason());
    race_.failed((*path)->end_reason(), (*path)->server_answered());
    path = remove(path);
    has_news();  // another one may ask now
  }
}

void ClientTunnel::follow_mtu() {
  const std::size_t mtu = paths_.front()->mtu();
  if (mtu == 0 || mtu == mtu_) return;
  mtu_ = mtu;
  settings_.on_mtu(mtu);
}

void ClientTunnel::stop() {
  for (const auto& path : paths_) path->close("the client stops");
  hang_up();
  enter(TunnelState::waiting_for_link, "stopped");
}

ClientTunnel::Snapshot ClientTunnel::snapshot() const {
  Snapshot result{.state = state_,
                  .detail = detail_,
                  .local = {},
                  .remote = {},
                  .since = since_,
                  .mtu = mtu_,
                  .connections = connections_,
                  .queued_bytes = session_.queued_bytes(),
                  .connection = {},
                  .total = past_,
                  .drops = drops_};
  for (const auto& path : paths_) result.total += path->statistics();
  if (paths_.empty()) return result;
  const ClientPath& path = *paths_.front();
  result.local = path.local();
  result.remote = path.remote();
  result.connection = path.statistics();
  return result;
}

}  // namespace mpquic::daemon
