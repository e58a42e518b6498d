// Leases as text: what a server writes down of them, to give the same addresses when it runs again.
#include <charconv>
#include <sstream>

#include "peers/address_pool.h"

namespace mpquic::peers {
namespace {

// Of a file that is something else altogether, the first lines tell as much as all.
constexpr std::size_t most_complaints = 10;

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '*';
}

/// A word without blanks, whatever the name: "%20" for a blank, "-" for an empty one.
std::string encoded(std::string_view name) {
  if (name.empty()) return "-";
  std::string word;
  for (const char c : name) {
    if (is_plain(c) || (c == '-' && !word.empty())) {
      word += c;
    } else {
      word += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return word;
}

std::optional<std::string> decoded(const std::string& word) {
  if (word == "-") return std::string();
  std::string name;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      name += word[i];
      continue;
    }
    unsigned char byte = 0;
    const char* digits = word.data() + i + 1;
    if (word.size() - i < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return std::nullopt;
    name += static_cast<char>(byte);
    i += 2;
  }
  return name;
}

struct Line {
  LeaseKey key;
  packet::Address address;
  AddressPool::Time last_used;
};

std::optional<Line> parse(const std::string& text) {
  std::istringstream words(text);
  std::string tunnel, client, instance, address, time, more;
  if (!(words >> tunnel >> client >> instance >> address >> time) || words >> more) return std::nullopt;
  const auto key_tunnel = decoded(tunnel), key_client = decoded(client), key_instance = decoded(instance);
  const auto parsed = packet::Address::parse(address);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(time.data(), time.data() + time.size(), seconds);
  if (!key_tunnel || !key_client || !key_instance || !parsed) return std::nullopt;
  if (error != std::errc() || end != time.data() + time.size()) return std::nullopt;
  return Line{{*key_tunnel, *key_client, *key_instance}, *parsed, AddressPool::Time(std::chrono::seconds(seconds))};
}

}  // namespace

std::string AddressPool::to_text() const {
  std::string text;
  for (const auto& [key, lease] : leases_) {
    for (const auto& address : lease.addresses) {
      if (!address) continue;
      text += fmt::format("{} {} {} {} {}\n", encoded(key.tunnel), encoded(key.client), encoded(key.instance),
                          address->to_string(), lease.last_used.time_since_epoch().count());
    }
  }
  return text;
}

std::vector<std::string> AddressPool::from_text(std::string_view text) {
  std::vector<std::string> complaints;
  std::istringstream in{std::string(text)};
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) continue;
    if (const auto lease = parse(line)) {
      restore(lease->key, lease->address, lease->last_used, 0);
    } else if (complaints.size() < most_complaints) {
      complaints.push_back(fmt::format("line {}: no lease", number));
    }
  }
  return complaints;
}

}  // namespace mpquic::peers
