#include "daemon/server_tun.h"

#include <algorithm>

#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

std::vector<packet::Address> own_addresses(const ServerTunSettings& settings) {
  std::vector<packet::Address> result;
  for (const auto& own : settings.addresses) result.push_back(own.address);
  return result;
}

}  // namespace

bool ServerTunSettings::holds(const packet::Address& address) const {
  return std::ranges::any_of(addresses, [&](const auto& own) { return own.network().contains(address); });
}

const packet::Address* ServerTunSettings::address_of(packet::Address::Family family) const {
  const auto own = std::ranges::find_if(addresses, [&](const auto& each) { return each.address.family() == family; });
  return own == addresses.end() ? nullptr : &own->address;
}

ServerTun::ServerTun(Worker& worker, ServerTunSettings settings, io::TunQueue queue, const packet::Offloads& offloads,
                     SessionDirectory& sessions)
    : settings_(std::move(settings)),
      sessions_(sessions),
      port_(worker, std::move(queue), offloads, own_addresses(settings_), *this, drops_) {}

void ServerTun::on_burst(Burst burst) {
  const auto destination = packet::destination_of(burst.packet);
  if (!destination) return drops_.count(Drop::malformed);
  const auto path = routes_.find(*destination);
  if (!path) return drops_.count(Drop::no_route);
  sessions_.send(*path, std::move(burst));
}

}  // namespace mpquic::daemon
