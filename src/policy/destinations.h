#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
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

/// The number of a link's table: those of links are the last, from the end, but for those of advertised routes.
std::uint32_t table_of_link(const config::ClientConfig& client, std::size_t link);

/// What routes that servers advertise (h3) take of the node's numbers: its last, so that the rules of marks and of
/// sockets that are bound to links come first. A node has them as soon as a tunnel speaks h3.
struct AdvertisedNumbers {
  std::uint32_t nearer;     ///< of the rule by which the main table's routes come first, unless they are default routes
  std::uint32_t addressed;  ///< of the rules for what comes from an address of a link
  std::uint32_t table;      ///< of the routes, and of the rule that leads to them
};
std::optional<AdvertisedNumbers> advertised_numbers(const config::ClientConfig& client);

/// How many numbers there are for destinations.
std::uint32_t count_for_destinations(const config::ClientConfig& client);

/// What each of the node's routing tables is for, by its number from the first one on, where nothing was there before:
/// "link.wan5", "tunnel.cr5", "tunnel.cr5.or.df5".
std::map<std::uint32_t, std::string> table_purposes(const config::Configuration& configuration);

}  // namespace mpquic::policy
