#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "masque/capsule.h"
#include "packet/sample.h"

/// What a stream carries, and what came of it.
namespace mpquic::masque::wire {

using packet::sample::bytes;
using packet::sample::concatenation;
using Buffer = std::vector<std::uint8_t>;

template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "" : result.error().message;
}

inline packet::Address address(std::string_view text) { return *packet::Address::parse(text); }
inline packet::Prefix prefix(std::string_view text) { return *packet::Prefix::parse(text); }

struct Capsule {
  CapsuleType type;
  Buffer value;
  bool operator==(const Capsule&) const = default;
};

/// Keeps every capsule.
class Capsules : public CapsuleSink {
 public:
  Result<void> on_capsule(CapsuleType type, Bytes value) override {
    seen.push_back({type, Buffer(value.begin(), value.end())});
    return {};
  }
  std::vector<Capsule> seen;
};

/// The value of the one capsule that `stream` is.
inline Buffer value_of(Bytes stream, CapsuleType type) {
  Capsules capsules;
  CapsuleReader reader;
  if (!reader.read(stream, capsules) || !reader.finish() || capsules.seen.size() != 1) return {};
  return capsules.seen[0].type == type ? capsules.seen[0].value : Buffer();
}

}  // namespace mpquic::masque::wire
