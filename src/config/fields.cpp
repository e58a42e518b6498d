#include "config/fields.h"

#include <algorithm>

#include "config/suggest.h"

namespace mpquic::config {
namespace {

std::string_view in_words(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::scalar: return "a single value";
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a map (key: value)";
    case Node::Kind::refused: return "something refused";
  }
  return {};
}

}  // namespace

Fields::Fields(const Node& node, Place place, std::string what, Problems& problems)
    : node_(node), place_(place), what_(std::move(what)), problems_(problems) {
  if (node.kind == Node::Kind::map || node.kind == Node::Kind::refused) return;
  problems_.error(node.kind == Node::Kind::null ? place : node.place, "{} must be a map (key: value), not {}", what_,
                  in_words(node.kind));
}

bool Fields::has_map(std::string_view key) const {
  const Entry* entry = node_.find(key);
  return entry != nullptr && entry->value.kind == Node::Kind::map;
}

const Entry* Fields::ask(std::string_view key) {
  known_.push_back(key);
  return node_.find(key);
}

std::vector<const Node*> Fields::ask_items(std::string_view key) {
  const Entry* entry = ask(key);
  if (entry == nullptr) return {};
  if (entry->value.kind != Node::Kind::list) return {&entry->value};
  if (entry->value.items.empty()) problems_.error(entry->value.place, "{}: the list is empty", key);
  std::vector<const Node*> items;
  for (const Node& item : entry->value.items) items.push_back(&item);
  return items;
}

bool Fields::is_scalar(const Node& node, std::string_view key) {
  if (node.kind == Node::Kind::scalar) return true;
  if (node.kind != Node::Kind::refused) {
    problems_.error(node.place, "{}: a single value must stand here, not {}", key, in_words(node.kind));
  }
  return false;
}

const Entry* Fields::read_map(std::string_view key) { return ask(key); }

std::span<const Entry> Fields::read_named(std::string_view key) {
  const Entry* entry = ask(key);
  if (entry == nullptr || entry->value.kind == Node::Kind::refused) return {};
  if (entry->value.kind != Node::Kind::map) {
    problems_.error(entry->value.place, "{} must be a map (name: {{...}}), not {}", key, in_words(entry->value.kind));
  } else if (entry->value.entries.empty()) {
    problems_.error(entry->value.place, "{} is empty", key);
  }
  return entry->value.entries;
}

void Fields::require(std::string_view key, std::string or_else) {
  if (node_.kind == Node::Kind::map && !has(key)) missing_.emplace_back(key, std::move(or_else));
}

void Fields::refuse(std::span<const std::string_view> keys, std::string_view why) {
  for (const std::string_view key : keys) {
    const Entry* entry = node_.find(key);
    if (entry == nullptr) continue;
    refused_.push_back(key);
    problems_.error(entry->place, "{} {}", in_quotes(key), why);
  }
}

void Fields::ignore(std::span<const std::string_view> keys, std::string_view why) {
  for (const std::string_view key : keys) {
    if (const Entry* entry = ask(key)) problems_.warning(entry->place, "{} {}", in_quotes(key), why);
  }
}

void Fields::finish() {
  for (const Entry& entry : node_.entries) {
    const std::string_view key = entry.key;
    if (std::ranges::find(known_, key) != known_.end() || std::ranges::find(refused_, key) != refused_.end()) continue;
    problems_.error(entry.place, "unknown key {}{}", in_quotes(key), did_you_mean(key, known_));
    // Misspelt is not missing.
    std::erase_if(missing_, [meant = suggest(key, known_)](const auto& one) { return one.first == meant; });
  }
  for (const auto& [key, or_else] : missing_) {
    problems_.error(place_, "{} lacks the key {}{}", what_, in_quotes(key),
                    or_else.empty() ? "" : fmt::format(" (or {})", or_else));
  }
}

}  // namespace mpquic::config
