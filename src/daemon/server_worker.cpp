#include "daemon/server_worker.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mpquic::daemon {
namespace {

// What may be on its way to a worker that does not get around to taking it.
constexpr std::size_t most_arriving_bytes = 16 << 20;

}  // namespace

void ServerWorker::set_siblings(std::vector<ServerWorker*> siblings) {
  siblings_ = std::move(siblings);
  crossings_.resize(siblings_.size());
}

ServerTun& ServerWorker::add_tun(ServerTunSettings settings, io::TunQueue queue, const packet::Offloads& offloads) {
  tuns_.push_back(std::make_unique<ServerTun>(worker_, std::move(settings), std::move(queue), offloads, *this));
  return *tuns_.back();
}

void ServerWorker::add_port(unsigned workers, const ServerPortSettings& settings, ServerSockets sockets,
                            std::vector<ServerTun*> tunnels, std::shared_ptr<const ServerRules> rules,
                            ControlThread& control) {
  ports_.push_back(std::make_unique<ServerPort>(worker_, workers, settings, std::move(sockets), std::move(tunnels),
                                                std::move(rules), control, static_cast<WorkerRoutes&>(*this), sessions_,
                                                next_number_));
}

std::optional<peers::SessionRef> ServerWorker::session_to(const packet::Address& destination) {
  for (const auto& tun : tuns_) {
    if (const auto session = tun->routes().find(destination)) return session;
  }
  return std::nullopt;
}

void ServerWorker::assigned(peers::SessionRef session, const Assignment& assignment) {
  if (ServerSession* target = sessions_.find(session.number)) target->assigned(assignment);
}

void ServerWorker::looked_up(peers::SessionRef session, const NameAnswer& answer) {
  if (ServerSession* target = sessions_.find(session.number)) target->looked_up(answer);
}

void ServerWorker::apply(const peers::Changes& changes) {
  ++state_of_routes_;
  for (const auto& change : changes.routes) {
    const auto tun = std::ranges::find(tuns_, change.tunnel, [](const auto& each) { return each->settings().name; });
    if (tun == tuns_.end()) continue;
    peers::RouteTable& routes = (*tun)->routes();
    const auto before = change.session ? routes.set(change.prefix, *change.session) : routes.remove(change.prefix);
    if (before && before != change.session && before->worker == worker_.index()) {
      if (ServerSession* session = sessions_.find(before->number)) session->no_longer_leads_to(change.prefix);
    }
  }
  for (const peers::SessionRef& superseded : changes.superseded) {
    if (superseded.worker != worker_.index()) continue;
    if (ServerSession* session = sessions_.find(superseded.number)) session->supersede();
  }
}

void ServerWorker::change_over(const quic::ServerCredentials& credentials,
                               const std::shared_ptr<const ServerRules>& rules) {
  for (const auto& port : ports_) port->change_over(credentials, rules);
}

void ServerWorker::send(peers::SessionRef session, Burst burst) {
  if (stopped_) return;
  if (session.worker == worker_.index()) {
    if (ServerSession* target = sessions_.find(session.number)) target->push(std::move(burst));
    return;
  }
  Crossing& crossing = crossings_[session.worker];
  crossing.items.push_back({burst.header, session.number, burst.packet.size()});
  crossing.bytes.insert(crossing.bytes.end(), burst.packet.begin(), burst.packet.end());
  worker_.at_end_of_turn(*this);
}

void ServerWorker::end_of_turn() {
  if (stopped_) return;
  for (std::size_t i = 0; i < crossings_.size(); ++i) {
    if (crossings_[i].items.empty()) continue;
    ServerWorker* sibling = siblings_[i];
    Crossing crossing = std::exchange(crossings_[i], {});
    if (sibling->arriving_bytes_.load(std::memory_order_relaxed) > most_arriving_bytes) {
      drops_.count(Drop::queue_full, crossing.items.size());
      continue;
    }
    sibling->arriving_bytes_.fetch_add(crossing.bytes.size(), std::memory_order_relaxed);
    sibling->worker_.post(
        [sibling, sent = std::make_shared<const Crossing>(std::move(crossing))] { sibling->receive(*sent); });
  }
}

void ServerWorker::receive(const Crossing& crossing) {
  arriving_bytes_.fetch_sub(crossing.bytes.size(), std::memory_order_relaxed);
  std::size_t offset = 0;
  for (const Crossing::Item& item : crossing.items) {
    const std::uint8_t* bytes = crossing.bytes.data() + offset;
    offset += item.size;
    ServerSession* session = sessions_.find(item.session);
    if (session == nullptr) continue;  // gone since
    Burst burst{item.header, worker_.memory().take(item.size), {}};
    if (!burst.memory) {
      session->tunnel()->drops().count(Drop::buffers_exhausted);
      continue;
    }
    burst.packet = burst.memory.bytes().first(item.size);
    std::memcpy(burst.packet.data(), bytes, item.size);
    session->push(std::move(burst));
  }
}

void ServerWorker::stop() {
  stopped_ = true;
  for (const auto& port : ports_) port->stop();
}

}  // namespace mpquic::daemon
