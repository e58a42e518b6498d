#include "config/document.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

namespace mpquic::config {
namespace {

// A configuration is five levels deep. The limit keeps recursion over the tree, its destruction included, shallow.
constexpr std::size_t deepest = 16;

// Everything before the first line counts as the file's beginning: yaml-cpp marks some errors with -1.
Place place_of(const YAML::Mark& mark) {
  return {static_cast<unsigned>(std::max(mark.line, 0) + 1), static_cast<unsigned>(std::max(mark.column, 0) + 1)};
}

bool is_control(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 || byte == 0x7f;
}

/// Builds the tree out of yaml-cpp's events. YAML::Load would lose the places of aliases and build cycles from them.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  Node take_root() { return std::move(root_); }
  bool empty() const { return !any_content_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(leaf(Node::Kind::null, mark, anchor, "?", {}));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    add(refuse(place_of(mark), "aliases (*name) are not supported: write the value out"));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    any_content_ = true;
    add(leaf(Node::Kind::scalar, mark, anchor, tag, value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(leaf(Node::Kind::list, mark, anchor, tag, {}));
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(leaf(Node::Kind::map, mark, anchor, tag, {}));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    bool key_awaits_value = false;
    Entry entry;             // the key that awaits its value
    bool keep_entry = true;  // false: the key was refused, and its value goes with it
    std::unordered_map<std::string, Place> seen;
  };

  Node refuse(Place place, std::string_view why) {
    any_content_ = true;
    problems_.error(place, "{}", why);
    return Node{Node::Kind::refused, place, {}, {}, {}};
  }

  Node leaf(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& tag,
            const std::string& text) {
    const Place place = place_of(mark);
    if (anchor != YAML::NullAnchor) return refuse(place, "anchors (&name) are not supported: write the value out");
    // "?" and "!" are yaml-cpp's words for "no tag", of plain and of quoted scalars.
    if (!tag.empty() && tag != "?" && tag != "!") return refuse(place, "tags (!name) are not supported");
    if (std::ranges::any_of(text, is_control))
      return refuse(place, "a value can't hold line breaks or control characters");
    return Node{kind, place, text, {}, {}};
  }

  void open(Node node) {
    any_content_ = true;
    if (open_.size() + skipped_ >= deepest) {
      if (skipped_ == 0) add(refuse(node.place, "nested too deeply"));
      ++skipped_;
      return;
    }
    open_.push_back({std::move(node), false, {}, true, {}});
  }

  void close() {
    if (skipped_ > 0) {
      --skipped_;
      return;
    }
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (skipped_ > 0) return;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    // The children of a refused list or map go with it.
    if (parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.node.kind == Node::Kind::map) {
      add_to_map(parent, std::move(node));
    }
  }

  void add_to_map(Open& map, Node node) {
    if (map.key_awaits_value) {
      map.key_awaits_value = false;
      // yaml-cpp marks an absent value at whatever comes next, which may be lines below.
      if (node.kind == Node::Kind::null) node.place = map.entry.place;
      map.entry.value = std::move(node);
      if (map.keep_entry) map.node.entries.push_back(std::move(map.entry));
      map.entry = {};
      return;
    }
    map.key_awaits_value = true;
    map.entry = {node.text, node.place, {}};
    map.keep_entry = key_is_good(map, node);
  }

  bool key_is_good(Open& map, const Node& key) {
    if (key.kind == Node::Kind::refused) return false;
    if (key.kind != Node::Kind::scalar) {
      problems_.error(key.place, "a key must be a plain word");
      return false;
    }
    if (key.text == "<<") {
      problems_.error(key.place, "merge keys (<<) are not supported: write the values out");
      return false;
    }
    const auto [first, is_new] = map.seen.try_emplace(key.text, key.place);
    if (!is_new) {
      problems_.error(key.place, "key {} is doubled (first on line {})", in_quotes(key.text), first->second.line);
    }
    return is_new;
  }

  Problems& problems_;
  Node root_;
  bool any_content_ = false;
  std::vector<Open> open_;
  std::size_t skipped_ = 0;  // open lists and maps below the deepest level
};

// Bytes that no text has. Also keeps UTF-16 and NUL bytes, which yaml-cpp would take, out of names and addresses.
bool is_text(const std::string& text, Problems& problems) {
  Place place{1, 1};
  for (const char character : text) {
    if (is_control(character) && character != '\t' && character != '\n' && character != '\r') {
      problems.error(place, "this is no text: byte 0x{:02x}", static_cast<unsigned char>(character));
      return false;
    }
    place = character == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + 1};
  }
  return true;
}

}  // namespace

const Entry* Node::find(std::string_view key) const {
  const auto entry = std::ranges::find(entries, key, &Entry::key);
  return entry == entries.end() ? nullptr : &*entry;
}

Node parse_document(const std::string& text, Problems& problems) {
  const Node refused{Node::Kind::refused, {1, 1}, {}, {}, {}};
  if (!is_text(text, problems)) return refused;
  try {
    // Without its last line breaks, because yaml-cpp would take one for the end of an open quote.
    std::istringstream stream(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
    YAML::Parser parser(stream);
    TreeBuilder tree(problems);
    if (!parser.HandleNextDocument(tree) || tree.empty()) {
      problems.error({1, 1}, "the file is empty");
      return refused;
    }
    TreeBuilder second(problems);
    if (parser.HandleNextDocument(second) && !second.empty()) {
      problems.error(second.take_root().place, "only one YAML document may stand in the file");
    }
    return tree.take_root();
  } catch (const YAML::DeepRecursion& deep) {
    // The tree builder's own, lower limit has a better place for it.
    if (!problems.any_errors()) problems.error(place_of(deep.mark), "nested too deeply");
  } catch (const YAML::Exception& bad) {
    problems.error(place_of(bad.mark), "not valid YAML: {}", bad.msg);
  }
  return refused;
}

}  // namespace mpquic::config
