#pragma once

#include <compare>
#include <utility>

namespace mpquic::config {

/// Where in the configuration file, both counted from 1. Line 0: the file as a whole.
struct Place {
  unsigned line = 0;
  unsigned column = 0;
  auto operator<=>(const Place&) const = default;
};

/// A value and where the file says it, so that whoever finds fault with it, at load time or later, can point there.
/// Stands wherever a plain T does; a T by itself becomes one without a place.
template <class T>
struct Located {
  T value{};
  Place place{};

  Located() = default;
  Located(T given, Place where = {}) : value(std::move(given)), place(where) {}
  operator const T&() const { return value; }
  const T* operator->() const { return &value; }
  bool operator==(const Located& other) const { return value == other.value; }
};

}  // namespace mpquic::config
