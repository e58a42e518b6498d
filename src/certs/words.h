#pragma once

#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "certs/x509.h"

// Fields of X.509 as text and time, for the sources of this folder only.
namespace mpquic::certs {

/// What a GnuTLS getter of variable length yields; nothing if it fails.
template <class Get>
std::optional<std::string> text_from(Get get) {
  std::string text(256, '\0');
  std::size_t size = text.size();
  int status = get(text.data(), &size);
  if (status == GNUTLS_E_SHORT_MEMORY_BUFFER) {
    text.resize(size);
    status = get(text.data(), &size);
  }
  if (status < 0) return std::nullopt;
  text.resize(size);
  return text;
}

/// Lower case.
std::string hexadecimal(Bytes bytes);

/// "No well-defined expiration" is the end of the year 9999, more than the nanoseconds of system_clock can count: then
/// their last.
std::chrono::system_clock::time_point to_time_point(std::time_t time);

/// Somebody else's text, fit for a terminal: no control characters.
std::string printable(std::string_view text);

/// "1 day", "2 days"
std::string count_days(std::chrono::days count);

}  // namespace mpquic::certs
