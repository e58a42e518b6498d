#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <expected>
#include <string>
#include <system_error>
#include <utility>

namespace mpquic {

/// What went wrong, in one line a network engineer understands, without a trailing full stop.
struct Error {
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

/// `return failure("no link named {}", name);`
template <class... Args>
std::unexpected<Error> failure(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

/// As failure(), with the meaning of errno behind it: `return os_failure("open {}", path);`
template <class... Args>
std::unexpected<Error> os_failure(fmt::format_string<Args...> format, Args&&... args) {
  const int number = errno;
  return failure("{}: {}", fmt::format(format, std::forward<Args>(args)...), std::generic_category().message(number));
}

}  // namespace mpquic
