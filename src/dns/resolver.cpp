#include "dns/resolver.h"

#include <algorithm>

#include "dns/lookup.h"

namespace mpquic::dns {

Resolver::Resolver(io::EventLoop& loop, Timers& timers)
    : loop_(loop), timers_(timers), delivery_([this] { deliver(); }) {}

Resolver::~Resolver() = default;

void Resolver::resolve(const std::string& name, const Way& way, Done done) {
  const auto on_settled = [this] { timers_.set(delivery_, loop_.now()); };
  lookups_.push_back(std::make_unique<Lookup>(loop_, timers_, name, way, std::move(done), on_settled));
}

// By a timer of its own: neither a look-up nor its c-ares channel is ever destroyed while it is at work.
void Resolver::deliver() {
  const auto settled = std::ranges::stable_partition(lookups_, [](const auto& one) { return !one->settled(); });
  std::vector<std::unique_ptr<Lookup>> ready(std::make_move_iterator(settled.begin()),
                                             std::make_move_iterator(settled.end()));
  lookups_.erase(settled.begin(), settled.end());
  for (const auto& one : ready) one->deliver();
}

std::vector<packet::Address> in_order_of_trying(const std::vector<packet::Address>& addresses) {
  std::vector<packet::Address> ipv6, ipv4, ordered;
  for (const packet::Address& address : addresses) {
    auto& family = address.is_ipv4() ? ipv4 : ipv6;
    if (std::ranges::find(family, address) == family.end()) family.push_back(address);
  }
  for (std::size_t i = 0; i < std::max(ipv4.size(), ipv6.size()); ++i) {
    if (i < ipv6.size()) ordered.push_back(ipv6[i]);
    if (i < ipv4.size()) ordered.push_back(ipv4[i]);
  }
  return ordered;
}

}  // namespace mpquic::dns
