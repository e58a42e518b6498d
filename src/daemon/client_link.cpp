#include "daemon/client_link.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "base/log.h"

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

ClientLink::ClientLink(Worker& worker, Settings settings, tunnel::Session& queue, ClientLinkOwner& owner,
                       DropCounters& drops)
    : worker_(worker),
      settings_(std::move(settings)),
      queue_(queue),
      owner_(owner),
      drops_(drops),
      timer_([this] { on_timer(); }),
      since_(worker.now()) {}

void ClientLink::enter(ClientLinkState state, std::string detail) {
  if (state != state_) since_ = worker_.now();
  state_ = state;
  detail_ = std::move(detail);
}

void ClientLink::set_tls(std::shared_ptr<const quic::TlsContext> tls, std::optional<std::string> token) {
  settings_.path.tls = std::move(tls);
  settings_.path.tunnel.token = std::move(token);
}

void ClientLink::set_networks(const std::vector<packet::Prefix>& networks) {
  if (networks == settings_.path.tunnel.networks) return;
  settings_.path.tunnel.networks = networks;
  for (const auto& path : paths_) path->offer_networks();
}

void ClientLink::describe(const tunnel::PathTraits& traits, tunnel::Policy policy) {
  settings_.path.traits = traits;
  settings_.path.policy = policy;
  for (const auto& path : paths_) path->describe();
}

void ClientLink::set_link(const LinkView& link) {
  if (link == link_) return;
  const auto keeps_source = [&](const auto& path) {
    const auto family = path->remote().address.family();
    return link.source(family) == link_.source(family);
  };
  const bool same_way = !paths_.empty() && link.usable && link_.usable && link.index == link_.index &&
                        std::ranges::all_of(paths_, keeps_source);
  link_ = link;
  if (same_way) return;
  if (!link.usable) {
    log::info("{}: waiting for {}: {}", settings_.label, link.interface, link.obstacle);
    return wait(link.obstacle);
  }
  redial_.start_over();  // a new way: what failed on the old one says nothing
  dial();
}

void ClientLink::wait(const std::string& why) {
  hang_up();
  enter(ClientLinkState::waiting, why);
}

void ClientLink::hold(const std::string& why) {
  held_ = why;
  if (link_.usable) wait(why);
}

void ClientLink::release() {
  if (!std::exchange(held_, std::nullopt) || !link_.usable) return;
  redial_.start_over();
  dial();
}

void ClientLink::tell_lost(const std::string& link) {
  if (state_ == ClientLinkState::up) paths_.front()->tell_lost(link);
}

void ClientLink::give_up_joining() {
  for (const auto& path : paths_) {
    if (path->joins()) path->close("the session has ended");
  }
}

void ClientLink::set_servers(Race::Addresses servers) {
  if (servers == servers_) return;
  servers_ = std::move(servers);
  if (!link_.usable || state_ == ClientLinkState::up) return;
  const auto leads_there = [&](const auto& path) {
    return std::ranges::find(servers_, path->remote()) != servers_.end();
  };
  if (std::ranges::any_of(paths_, leads_there)) return owner_.has_news();  // the others may join
  redial_.start_over();                                                    // as with a new link
  dial();
}

Race::Addresses ClientLink::reachable_servers() const {
  Race::Addresses servers;
  std::ranges::copy_if(servers_, std::back_inserter(servers), [&](const packet::SocketAddress& server) {
    return link_.source(server.address.family()).has_value();
  });
  return servers;
}

void ClientLink::dial() {
  hang_up();
  if (held_) return enter(ClientLinkState::waiting, *held_);
  tried_at_ = worker_.now();
  start_paths();
  if (paths_.empty()) return redial(race_.reason());
  if (state_ != ClientLinkState::backing_off) enter(ClientLinkState::connecting, {});
  state_ = ClientLinkState::connecting;
}

void ClientLink::start_paths() {
  const Race::Addresses servers = reachable_servers();
  while (const auto server = race_.next(servers, paths_.size(), worker_.now())) {
    auto path =
        ClientPath::dial(worker_, settings_.path, {link_.interface, *link_.source(server->address.family()), *server},
                         queue_, owner_, drops_);
    if (!path) {
      race_.failed(path.error().message, false);
      continue;
    }
    log::debug("{}: connecting to {} from {} on {}", settings_.label, server->to_string(), (*path)->local().to_string(),
               link_.interface);
    paths_.push_back(std::move(*path));
    owner_.has_news();  // it has to write
  }
  worker_.timers().set(timer_, race_.due(servers, paths_.size()));
}

void ClientLink::hang_up() {
  worker_.timers().set(timer_, never);
  race_.start_over();
  while (!paths_.empty()) remove(std::prev(paths_.end()));
  if (state_ != ClientLinkState::up) return;
  enter(ClientLinkState::connecting, {});
  owner_.on_down(*this);
}

ClientLink::Paths::iterator ClientLink::remove(Paths::iterator path) {
  past_ += (*path)->traffic();
  owner_.has_news();  // another may ask now, or has to send what it owed
  return paths_.erase(path);
}

void ClientLink::redial(std::string reason) {
  const bool was_up = state_ == ClientLinkState::up;
  const Duration stood = worker_.now() - since_;
  const bool news = was_up || detail_ != reason;
  hang_up();
  if (news) log::warning("{}: {}", settings_.label, reason);
  if (was_up) redial_.stood(stood);
  owner_.on_try_failed(*this);
  enter(ClientLinkState::backing_off, std::move(reason));
  worker_.timers().set(timer_, redial_.next(tried_at_, random_fraction(), worker_.now()));
}

bool ClientLink::asking() const {
  return std::ranges::any_of(paths_, [](const auto& path) { return path->state() == ClientPathState::asked; });
}

/// While connecting: a path that is ready asks for the tunnel, unless another has asked, and the one that gets it wins.
void ClientLink::choose_path() {
  if (state_ != ClientLinkState::connecting) return;
  const auto in = [](ClientPathState state) { return [state](const auto& path) { return path->state() == state; }; };
  if (!asking()) {
    const auto ready = std::ranges::find_if(paths_, in(ClientPathState::ready));
    const auto wish = ready == paths_.end() ? std::nullopt : owner_.wish(*this);
    if (wish) (*ready)->ask(*wish);
  }
  const auto winner = std::ranges::find_if(paths_, in(ClientPathState::usable));
  if (winner != paths_.end()) come_up(*winner);
}

void ClientLink::come_up(const Paths::value_type& winner) {
  std::swap(paths_.front(), paths_[static_cast<std::size_t>(&winner - paths_.data())]);
  while (paths_.size() > 1) {
    paths_.back()->close("another address of the server was faster");
    remove(std::prev(paths_.end()));
  }
  race_.start_over();
  worker_.timers().set(timer_, never);
  ++connections_;
  enter(ClientLinkState::up, {});
  log::info("{}: up: {} through {} ({})", settings_.label, path().remote().to_string(), link_.interface,
            path().local().address.to_string());
  owner_.on_up(*this);
}

void ClientLink::on_timer() {
  if (paths_.empty()) return dial();
  start_paths();
}

void ClientLink::write() {
  for (const auto& path : paths_) path->write();
}

void ClientLink::clean_up() {
  if (paths_.empty()) return;
  remove_ended();
  if (state_ == ClientLinkState::connecting) start_paths();
  if (paths_.empty()) redial(race_.reason());
}

void ClientLink::remove_ended() {
  for (auto path = paths_.begin(); path != paths_.end();) {
    if ((*path)->state() != ClientPathState::ended) {
      ++path;
      continue;
    }
    log::debug("{}: {}: {}", settings_.label, (*path)->remote().to_string(), (*path)->end_reason());
    race_.failed((*path)->end_reason(), (*path)->server_answered());
    path = remove(path);
  }
}

void ClientLink::stop() {
  for (const auto& path : paths_) path->close("the client stops");
  wait("stopped");
}

ClientLink::Snapshot ClientLink::snapshot() const {
  Snapshot result{.link = settings_.link,
                  .state = state_,
                  .detail = detail_,
                  .local = {},
                  .remote = {},
                  .since = since_,
                  .mtu = 0,
                  .connections = connections_,
                  .connection = {},
                  .traffic = {},
                  .total = past_,
                  .traits = settings_.path.traits,
                  .path = {}};
  for (const auto& path : paths_) result.total += path->traffic();
  if (paths_.empty()) return result;
  const ClientPath& path = *paths_.front();
  result.local = path.local();
  result.remote = path.remote();
  result.mtu = path.mtu();
  result.connection = path.statistics();
  result.traffic = path.traffic();
  result.path = path.session_snapshot();
  return result;
}

}  // namespace mpquic::daemon
