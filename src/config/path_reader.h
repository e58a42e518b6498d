#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "config/fields.h"
#include "config/model.h"

namespace mpquic::config {

/// What may stand at the top, on a link and on a tunnel; the nearer one wins, a tunnel being nearest.
struct Destination {
  std::optional<Located<ServerAddress>> server;
  std::optional<Alpn> alpn;

  void read(Fields& fields);
  Destination or_else(const Destination& further) const;
};

/// What a link says for all paths over it.
struct PathDefault {
  Destination destination;
  unsigned priority = Path().priority;
  unsigned weight = Path().weight;

  void read(Fields& fields);
};

/// By the link's name, which stands in the document.
using PathDefaults = std::map<std::string_view, PathDefault>;

/// `links` and `policy` of a tunnel: a path for each link that it names, with what is left open decided by the tunnel,
/// the link and the top, in this order.
void read_paths(Fields& fields, ClientTunnel& tunnel, const PathDefaults& links, const Destination& own,
                const Destination& top);

}  // namespace mpquic::config
