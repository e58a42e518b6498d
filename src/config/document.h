#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/place.h"
#include "config/problems.h"

namespace mpquic::config {

struct Entry;

/// A piece of the YAML file with its place. Only what a configuration needs: no anchors, no tags, no merge keys.
struct Node {
  enum class Kind : std::uint8_t {
    null,     ///< nothing stands behind the key
    scalar,   ///< `text`
    list,     ///< `items`
    map,      ///< `entries`, no key twice
    refused,  ///< what stood here was reported already; nobody need complain again
  };

  Kind kind = Kind::null;
  Place place;
  std::string text;
  std::vector<Node> items;
  std::vector<Entry> entries;

  /// nullptr when this is no map or has no such key.
  const Entry* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Place place;  ///< of the key
  Node value;
};

/// Reads YAML text. Bad syntax is one error at its mark; everything else that is refused is reported and left out.
Node parse_document(const std::string& text, Problems& problems);

}  // namespace mpquic::config
