#include "peers/directory.h"

#include <algorithm>

namespace mpquic::peers {

bool Peer::owns(const packet::Address& address) const {
  return std::ranges::any_of(prefixes, [&](const packet::Prefix& prefix) { return prefix.contains(address); });
}

Directory::Directory(std::vector<Peer> peers) {
  for (Peer& peer : peers) {
    std::string name = peer.name;
    peers_.emplace(std::move(name), std::make_shared<const Peer>(std::move(peer)));
  }
}

std::shared_ptr<const Peer> Directory::find(const std::optional<std::string>& name) const {
  // A certificate whose name is "*" is not everybody.
  if (name == anyone) return nullptr;
  const auto found = peers_.find(name.value_or(anyone));
  return found == peers_.end() ? nullptr : found->second;
}

}  // namespace mpquic::peers
