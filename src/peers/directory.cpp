#include "peers/directory.h"

#include <algorithm>

#include "base/constant_time.h"

namespace mpquic::peers {

bool Peer::owns(const packet::Address& address) const {
  return std::ranges::any_of(prefixes, [&](const packet::Prefix& prefix) { return prefix.contains(address); });
}

Directory::Directory(std::vector<Peer> peers, Proof needed) : needed_(needed) {
  for (Peer& peer : peers) {
    std::string name = peer.name;
    peer.shares_prefixes = name == anyone;
    peers_.emplace(std::move(name), std::make_shared<const Peer>(std::move(peer)));
  }
}

std::shared_ptr<const Peer> Directory::find(const std::optional<std::string>& name) const {
  // A certificate whose name is "*" is not everybody.
  if (name == anyone || (!name && needed_ == Proof::certificate)) return nullptr;
  if (const auto own = peers_.find(name.value_or(anyone)); own != peers_.end()) return own->second;
  const auto shared = peers_.find(anyone);
  if (shared == peers_.end() || needed_ != Proof::certificate) return nullptr;
  Peer peer = *shared->second;
  peer.name = *name;
  return std::make_shared<const Peer>(std::move(peer));
}

std::shared_ptr<const Peer> Directory::find_by_token_hash(std::string_view hash) const {
  std::shared_ptr<const Peer> found;
  for (const auto& [name, peer] : peers_) {
    const bool same = equal_in_constant_time(peer->token_hash, hash);
    if (same && !hash.empty()) found = peer;
  }
  return found;
}

}  // namespace mpquic::peers
