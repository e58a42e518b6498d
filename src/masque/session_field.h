#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Sessions over several paths (docs/connect-ip.md): the header field mpquic-session, in which a client asks for one and
// a server agrees. Its value is the word "open" or a session's token, with parameters behind it that mean nothing yet.
namespace mpquic::masque {

inline constexpr std::string_view session_field = "mpquic-session";

/// 256 bits in base64url without padding (RFC 4648, 5), as certs::make_token() makes them.
inline constexpr std::size_t session_token_size = 43;

/// What a client wants its request to be.
struct SessionWish {
  enum class Kind : std::uint8_t {
    none,  ///< a tunnel over this connection alone
    open,  ///< the first path of a session
    join,  ///< another path of one that there is
  };

  Kind kind = Kind::none;
  std::string token{};  ///< of the session to join

  static SessionWish open() { return {Kind::open}; }
  static SessionWish join(std::string token) { return {Kind::join, std::move(token)}; }

  bool operator==(const SessionWish&) const = default;
};

/// Whether a text has the form of a token.
bool is_session_token(std::string_view text);

/// Of a request's field. The error does not repeat the value: it may be a token, or most of one.
Result<SessionWish> parse_session_wish(std::string_view value);
/// The value that says it; a wish for none has no field at all.
std::string to_string(const SessionWish& wish);

/// Of a response's field: the session's token.
Result<std::string> parse_session_token(std::string_view value);

}  // namespace mpquic::masque
