#include "config/path_reader.h"

#include <algorithm>
#include <vector>

#include "config/suggest.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

/// A link as a tunnel names it, with what it says of it for itself alone.
struct NamedLink {
  Located<std::string> name;
  Destination destination;
  std::optional<unsigned> priority, weight;
};

// Either `[wan4, wan5]` or `{wan4: {priority: 1}, wan5: {priority: 2}}`.
std::vector<NamedLink> read_named_links(Fields& fields) {
  std::vector<NamedLink> links;
  if (!fields.has_map("links")) {
    std::vector<Located<std::string>> names;
    fields.read_list("links", names, parse_name);
    for (const Located<std::string>& name : names) links.push_back({name, {}, {}, {}});
    return links;
  }
  for (const Entry& entry : fields.read_named("links")) {
    NamedLink& link = links.emplace_back(Located(entry.key, entry.place));
    Fields own(entry.value, entry.place, "link " + in_quotes(entry.key), fields.problems());
    own.read("server", link.destination.server, parse_server);
    own.read("priority", link.priority, parse_rank);
    own.read("weight", link.weight, parse_rank);
    own.finish();
  }
  return links;
}

std::vector<std::string_view> names_of(const PathDefaults& links) {
  std::vector<std::string_view> names;
  for (const auto& [name, link] : links) names.push_back(name);
  return names;
}

// A single TCP flow that uses all links is what people expect of several; but mpquic-ip has nothing to put it in order.
PathPolicy default_policy(const ClientTunnel& tunnel) {
  return tunnel.speaks(Alpn::mpquic_ip) ? PathPolicy::failover : PathPolicy::bonded;
}

}  // namespace

void Destination::read(Fields& fields) {
  fields.read("server", server, parse_server);
  fields.read("alpn", alpn, parse_alpn);
}

Destination Destination::or_else(const Destination& further) const {
  return {server ? server : further.server, alpn ? alpn : further.alpn};
}

void PathDefault::read(Fields& fields) {
  destination.read(fields);
  fields.read("priority", priority, parse_rank);
  fields.read("weight", weight, parse_rank);
}

void read_paths(Fields& fields, ClientTunnel& tunnel, const PathDefaults& links, const Destination& own,
                const Destination& top) {
  fields.require("links");
  for (const NamedLink& named : read_named_links(fields)) {
    const auto link = links.find(named.name.value);
    if (link == links.end()) {
      fields.problems().error(named.name.place, "no link is named {}{}", in_quotes(named.name.value),
                              did_you_mean(named.name.value, names_of(links)));
      continue;
    }
    const auto& [name, of_link] = *link;
    if (std::ranges::any_of(tunnel.paths, [&](const Path& path) { return path.link == named.name; })) {
      fields.problems().error(named.name.place, "link {} is doubled", in_quotes(name));
      continue;
    }
    const Destination to = named.destination.or_else(own).or_else(of_link.destination).or_else(top);
    if (!to.server) {
      fields.problems().error(tunnel.place, "{} has no server (say server: at the top, on link {} or here)",
                              fields.what(), in_quotes(name));
    }
    tunnel.paths.push_back({named.name, to.server.value_or(ServerAddress()), to.alpn.value_or(Alpn()),
                            named.priority.value_or(of_link.priority), named.weight.value_or(of_link.weight)});
  }
  fields.read("policy", tunnel.policy, parse_policy);
  if (!tunnel.policy && tunnel.paths.size() > 1) tunnel.policy = default_policy(tunnel);
}

}  // namespace mpquic::config
