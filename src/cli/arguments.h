#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "base/result.h"

namespace mpquic::cli {

/// Where certificates, keys and tokens are, unless --dir says otherwise.
inline constexpr const char* secrets_directory = "/etc/mpquic/tls";

/// For CLI11, out of a check that is Result<void>(std::string_view).
template <class Check>
CLI::Validator validator(Check check, std::string description) {
  const auto verdict = [check](const std::string& name) {
    const Result<void> result = check(name);
    return result ? std::string() : result.error().message;
  };
  return {verdict, std::move(description)};
}

}  // namespace mpquic::cli
