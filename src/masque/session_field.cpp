#include "masque/session_field.h"

#include <algorithm>

#include "masque/characters.h"

namespace mpquic::masque {
namespace {

constexpr std::string_view open_word = "open";

bool is_of_base64url(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; }

/// Without its parameters (RFC 8941, 3.1.2): whoever adds one is understood by those that do not know it.
std::string_view without_parameters(std::string_view value) {
  value = value.substr(0, value.find(';'));
  return value.substr(0, value.find_last_not_of(' ') + 1);
}

}  // namespace

bool is_session_token(std::string_view text) {
  return text.size() == session_token_size && std::ranges::all_of(text, is_of_base64url);
}

Result<SessionWish> parse_session_wish(std::string_view value) {
  const std::string_view item = without_parameters(value);
  if (item == open_word) return SessionWish::open();
  if (is_session_token(item)) return SessionWish::join(std::string(item));
  return failure("{} is neither \"{}\" nor a session's token", session_field, open_word);
}

std::string to_string(const SessionWish& wish) {
  switch (wish.kind) {
    case SessionWish::Kind::none: return {};
    case SessionWish::Kind::open: return std::string(open_word);
    case SessionWish::Kind::join: return wish.token;
  }
  return {};
}

Result<std::string> parse_session_token(std::string_view value) {
  const std::string_view item = without_parameters(value);
  if (is_session_token(item)) return std::string(item);
  return failure("{} is no session's token", session_field);
}

}  // namespace mpquic::masque
