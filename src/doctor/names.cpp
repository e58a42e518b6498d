#include "doctor/names.h"

#include <algorithm>

#include "dns/resolver.h"
#include "io/event_loop.h"
#include "policy/name_servers.h"

namespace mpquic::doctor {
namespace {

std::vector<ServerName> names_to_look_up(const config::ClientConfig& client, const system::LinkTable& links) {
  std::vector<ServerName> names;
  for (const auto& tunnel : client.tunnels) {
    for (const auto& path : tunnel.paths) {
      const config::Link& link = *client.find_link(path.link.value);
      const system::LinkState state = links.state(link.interface);
      const bool known = std::ranges::any_of(
          names, [&](const ServerName& one) { return one.link == link.name && one.host == path.server->host; });
      if (path.server->is_name() && !known && state.carrier && !state.addresses.empty()) {
        names.push_back({link.name, path.server->host, {}});
      }
    }
  }
  return names;
}

}  // namespace

std::vector<packet::SocketAddress> Observations::servers_of(const config::Path& path) const {
  if (const auto address = path.server->socket_address()) return {*address};
  const auto known = std::ranges::find_if(
      names, [&](const ServerName& one) { return one.link == path.link.value && one.host == path.server->host; });
  std::vector<packet::SocketAddress> servers;
  if (known == names.end() || !known->addresses) return servers;
  for (const packet::Address& address : *known->addresses) servers.push_back({address, path.server->port});
  return servers;
}

std::vector<ServerName> look_up_names(const config::ClientConfig& client, const system::LinkTable& links) {
  std::vector<ServerName> names = names_to_look_up(client, links);
  if (names.empty()) return names;
  auto loop = io::EventLoop::create();
  if (!loop) {
    for (ServerName& name : names) name.addresses = std::unexpected(loop.error());
    return names;
  }
  Timers timers;
  dns::Resolver resolver(*loop, timers);
  std::size_t open = names.size();
  for (ServerName& name : names) {
    const config::Link& link = *client.find_link(name.link);
    const dns::Way way{link.interface, policy::name_servers(link, link.interface, links.state(link.interface))};
    resolver.resolve(name.host, way, [&name, &open](auto addresses) {
      name.addresses = std::move(addresses);
      --open;
    });
  }
  while (open > 0) {
    loop->turn(timers.next());
    timers.run(loop->now());
  }
  return names;
}

}  // namespace mpquic::doctor
