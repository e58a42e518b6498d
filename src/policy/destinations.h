#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/model.h"

namespace mpquic::policy {

/// Where rules send traffic: a tunnel, and another while it is down. Each has a routing table.
struct Destination {
  std::string tunnel, fallback;  ///< fallback empty: none

  auto operator<=>(const Destination&) const = default;
};

Destination destination_of(const config::ClassRule& rule);

/// The tunnels in the order of the file, so that a mark means the same whatever the rules say; then those that have a
/// fallback, each once.
std::vector<Destination> destinations_of(const config::ClientConfig& client);

/// The number of a link's table: those of links are the last, from the end.
std::uint32_t table_of_link(std::size_t link);

/// What each of the node's routing tables is for, by its number from the first one on, where nothing was there before:
/// "link.wan5", "tunnel.cr5", "tunnel.cr5.or.df5".
std::map<std::uint32_t, std::string> table_purposes(const config::Configuration& configuration);

}  // namespace mpquic::policy
