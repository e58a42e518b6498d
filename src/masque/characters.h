#pragma once

#include <string_view>

/// Classes of characters that RFC 3986 (2.2, 2.3) and RFC 9110 (5.6.2) name. ASCII whatever the locale.
namespace mpquic::masque {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) { return is_lower(c) || is_upper(c); }

/// What stands for itself in every part of a URI.
constexpr bool is_unreserved(char c) { return is_letter(c) || is_digit(c) || std::string_view("-._~").contains(c); }
constexpr bool is_sub_delimiter(char c) { return std::string_view("!$&'()*+,;=").contains(c); }

/// What the name of a header field, a method or a scheme of authentication is made of.
constexpr bool is_token(char c) {
  return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

/// Neither a control character nor a blank; bytes beyond ASCII are taken as letters of some kind.
constexpr bool is_visible(char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; }

constexpr char to_lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace mpquic::masque
