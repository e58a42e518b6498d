#include "daemon/leases.h"

#include <array>
#include <chrono>

#include "base/log.h"
#include "daemon/server_peers.h"

namespace mpquic::daemon {
namespace {

peers::AddressPool::Time wall_clock() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

Leases::Leases(const config::ServerConfig& configuration, const std::filesystem::path& file, const ControlTools& tools)
    : tools_(tools), file_(file, [this] { return pool_.to_text(); }), timer_([this] {
        file_.on_deadline(tools_.loop.now());
        tools_.timers.set(timer_, file_.deadline());
      }) {
  pool_.configure(pools_of(configuration), peers_of(configuration));
  for (const std::string& problem : pool_.from_text(file_.read())) log::warning("leases: {}", problem);
}

void Leases::configure(const config::ServerConfig& configuration) {
  pool_.configure(pools_of(configuration), peers_of(configuration));
  changed();
}

Result<std::vector<packet::Address>> Leases::assign(peers::SessionRef session, const peers::Peer& peer,
                                                    const AddressWish& wish) {
  const peers::LeaseKey key{wish.tunnel, peer.name, wish.instance};
  const auto now = wall_clock();
  auto addresses = pool_.assign(key, peer, wish.wanted, now);
  if (!addresses) return addresses;
  if (used_.emplace(session, key).second) pool_.use(key, now);
  changed();
  return addresses;
}

void Leases::reserve(peers::SessionRef session, const peers::Peer& peer, const std::string& tunnel,
                     const packet::Address& address) {
  if (!peer.addresses.empty()) return;  // those are not given to whoever comes
  const peers::LeaseKey key{tunnel, peer.name, address.to_string()};
  const auto now = wall_clock();
  if (!pool_.assign(key, peer, std::array{address}, now) || !used_.emplace(session, key).second) return;
  pool_.use(key, now);
  changed();
}

void Leases::release(peers::SessionRef session) {
  const auto used = used_.extract(session);
  if (!used) return;
  pool_.release(used.mapped(), wall_clock());
  changed();
}

void Leases::changed() {
  file_.changed(tools_.loop.now());
  tools_.timers.set(timer_, file_.deadline());
}

}  // namespace mpquic::daemon
