#include "config/merge.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "config/problems.h"

namespace mpquic::config {
namespace {

std::unexpected<Error> disagree(const Instance& one, const Instance& other, std::string_view about) {
  return failure("{} and {} can't be one node: {}", one.file.string(), other.file.string(), about);
}

/// Of one file by those of the whole.
using LinkNames = std::map<std::string, std::string>;

/// The name under which the link is among the others, where it is put if there is none like it. Two links of a file,
/// which may be two paths of its tunnel, stay two.
std::string add_link(std::vector<Link>& links, Link link, const LinkNames& known) {
  const auto is_taken = [&](const Link& other) {
    return std::ranges::any_of(known, [&](const auto& names) { return names.second == other.name; });
  };
  const auto same = std::ranges::find_if(links, [&](const Link& other) {
    return other.interface == link.interface && other.source == link.source && !is_taken(other);
  });
  if (same != links.end()) return same->name;
  const std::string wanted = link.name;
  const auto taken = [&] { return std::ranges::find(links, link.name, &Link::name) != links.end(); };
  for (int number = 2; taken(); ++number) link.name = fmt::format("{}-{}", wanted, number);
  links.push_back(link);
  return link.name;
}

void add(ClientConfig& whole, const ClientConfig& part) {
  LinkNames names;
  for (const Link& link : part.links) names.emplace(link.name, add_link(whole.links, link, names));
  for (ClientTunnel tunnel : part.tunnels) {
    for (Path& path : tunnel.paths) path.link.value = names.at(path.link.value);
    whole.tunnels.push_back(std::move(tunnel));
  }
}

void add(ServerConfig& whole, const ServerConfig& part) {
  whole.tunnels.insert(whole.tunnels.end(), part.tunnels.begin(), part.tunnels.end());
  // Of a flat file that is everybody, who then owns what anybody of one of them may.
  std::vector<Located<packet::Prefix>> prefixes;
  for (const ServerConfig& server : {std::cref(whole), std::cref(part)}) {
    for (const Client& client : server.clients) {
      prefixes.insert(prefixes.end(), client.prefixes.begin(), client.prefixes.end());
    }
  }
  std::ranges::sort(prefixes, {}, [](const auto& prefix) { return std::pair(prefix->length(), prefix.value); });
  Client everybody{std::string(anybody), {}, {}, {}};
  for (const auto& prefix : prefixes) {
    const auto covers = [&](const auto& wide) { return wide->contains(prefix.value); };
    if (std::ranges::none_of(everybody.prefixes, covers)) everybody.prefixes.push_back(prefix);
  }
  whole.clients = {std::move(everybody)};
}

}  // namespace

Result<Configuration> merge(std::span<const Instance> instances) {
  const Instance& first = instances.front();
  Configuration whole = first.configuration;
  std::map<std::string, const Instance*> holders;  // of what only one of them may have
  for (const Instance& instance : instances) {
    const Configuration& part = instance.configuration;
    if (part.node.index() != whole.node.index()) return disagree(first, instance, "one is a client, one a server");
    const auto tls_agree = [&](const auto& node) {
      return std::get<std::decay_t<decltype(node)>>(whole.node).tls == node.tls;
    };
    if (!std::visit(tls_agree, part.node)) return disagree(first, instance, "their TLS settings differ");
    if (part.log_level != whole.log_level) return disagree(first, instance, "their log_level differs");
    const Tunnel& tunnel =
        std::visit([](const auto& node) -> const Tunnel& { return node.tunnels.front(); }, part.node);
    std::vector<std::string> own = {"the tunnel " + in_quotes(tunnel.name)};
    for (const auto& address : tunnel.addresses) own.push_back("the address " + address->address.to_string());
    for (const std::string& what : own) {
      const auto [holder, is_new] = holders.emplace(what, &instance);
      if (!is_new) return disagree(*holder->second, instance, "both have " + what);
    }
    if (&instance == &first) continue;
    std::visit([&](const auto& node) { add(std::get<std::decay_t<decltype(node)>>(whole.node), node); }, part.node);
  }
  return whole;
}

}  // namespace mpquic::config
