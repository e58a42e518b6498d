#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/document.h"
#include "config/place.h"
#include "config/problems.h"

namespace mpquic::config {

/// A map of the file being read: a reader asks for each key it knows, with the field it goes to and the parser of its
/// value, and finish() reports what is missing and what nobody asked for. A value that can't be read is reported at its
/// place and leaves the default standing; an absent one leaves it silently.
class Fields {
 public:
  /// `what` names the map in errors: `link "wan5"`. `place` is where a missing key is reported.
  Fields(const Node& node, Place place, std::string what, Problems& problems);

  const std::string& what() const { return what_; }
  Place place() const { return place_; }
  Problems& problems() const { return problems_; }
  /// Whether the key stands there, with a good value or a bad one.
  bool has(std::string_view key) const { return node_.find(key) != nullptr; }
  /// Whether the key stands there with a map.
  bool has_map(std::string_view key) const;

  /// `parse` is Result<T>(std::string_view). `target` is T, Located<T> or an optional of either; an optional is set
  /// even by a value that can't be read, so that nobody reports it missing as well.
  template <class Target, class Parse>
  void read(std::string_view key, Target& target, Parse parse) {
    if (const Entry* entry = ask(key)) {
      const auto value = parse_scalar(entry->value, key, parse);
      assign(target, value, entry->value.place);
    }
  }

  /// One value, or a list of them that is not empty.
  template <class T, class Parse>
  void read_list(std::string_view key, std::vector<Located<T>>& target, Parse parse) {
    for (const Node* item : ask_items(key)) {
      if (auto value = parse_scalar(*item, key, parse)) target.emplace_back(std::move(*value), item->place);
    }
  }

  /// As above; the list is set whenever the key stands there.
  template <class T, class Parse>
  void read_list(std::string_view key, std::optional<std::vector<Located<T>>>& target, Parse parse) {
    std::vector<Located<T>> list;
    read_list(key, list, parse);
    if (has(key)) target = std::move(list);
  }

  /// The value of a key that holds a map of its own, else nullptr.
  const Entry* read_map(std::string_view key);

  /// One map, or a list of them that is not empty.
  std::vector<const Node*> read_maps(std::string_view key) { return ask_items(key); }

  /// As read_map(), of a map whose keys are names that the user chose.
  std::span<const Entry> read_named(std::string_view key);

  /// `or_else` names what would do as well, in the words that follow "(or ".
  void require(std::string_view key, std::string or_else = {});
  /// Keys that are known but not for here; `why` follows the quoted key.
  void refuse(std::span<const std::string_view> keys, std::string_view why);
  /// Keys that are known and do nothing here: a warning each.
  void ignore(std::span<const std::string_view> keys, std::string_view why);
  void finish();

 private:
  const Entry* ask(std::string_view key);
  std::vector<const Node*> ask_items(std::string_view key);
  bool is_scalar(const Node& node, std::string_view key);

  template <class Parse>
  auto parse_scalar(const Node& node, std::string_view key, Parse parse)
      -> std::optional<typename decltype(parse(std::string_view()))::value_type> {
    if (!is_scalar(node, key)) return std::nullopt;
    auto value = parse(std::string_view(node.text));
    if (value) return std::move(*value);
    problems_.error(node.place, "{}: {}", key, value.error().message);
    return std::nullopt;
  }

  template <class T>
  static void assign(T& target, const std::optional<T>& value, Place) {
    if (value) target = *value;
  }
  template <class T>
  static void assign(Located<T>& target, const std::optional<T>& value, Place place) {
    target = Located<T>(value.value_or(T()), place);
  }
  template <class T>
  static void assign(std::optional<T>& target, const std::optional<T>& value, Place) {
    target = value.value_or(T());
  }
  template <class T>
  static void assign(std::optional<Located<T>>& target, const std::optional<T>& value, Place place) {
    target = Located<T>(value.value_or(T()), place);
  }

  const Node& node_;
  Place place_;
  std::string what_;
  Problems& problems_;
  std::vector<std::string_view> known_;
  std::vector<std::string_view> refused_;
  std::vector<std::pair<std::string_view, std::string>> missing_;
};

}  // namespace mpquic::config
