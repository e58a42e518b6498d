// The answer to a request: RFC 9114, 4.3.2; RFC 9297, 3.2; RFC 9209.

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>

#include "masque/characters.h"
#include "masque/request.h"

namespace mpquic::masque {
namespace {

constexpr std::array<std::string_view, 1> pseudo_fields{":status"};
constexpr std::size_t shown_size_max = 200;

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

/// A string of structured fields (RFC 8941, 3.3.3).
std::string quoted(std::string_view text) {
  std::string string = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') string += '\\';
    string += is_printable(c) ? c : '?';
  }
  return string + '"';
}

std::string_view proxy_error_of(const Refusal& refusal) {
  if (!refusal.proxy_error.empty()) return refusal.proxy_error;
  if (refusal.status == 401 || refusal.status == 403) return "http_request_denied";
  return refusal.status / 100 == 4 ? "http_request_error" : "";
}

/// nullopt: it is not three digits.
std::optional<int> status_of(const HeaderSection& section) {
  const auto status = section.find(":status");
  if (!status || status->size() != 3 || !std::ranges::all_of(*status, is_digit)) return std::nullopt;
  return ((*status)[0] - '0') * 100 + ((*status)[1] - '0') * 10 + ((*status)[2] - '0');
}

/// For a log line, whatever the other end put into it.
std::string shown(const std::vector<std::string_view>& values) {
  std::string text = fmt::format("{}", fmt::join(values, ", "));
  text.resize(std::min(text.size(), shown_size_max));
  std::ranges::replace_if(text, std::not_fn(is_printable), '?');
  return text;
}

std::unexpected<Refusal> refuse(int status, std::string reason) {
  return std::unexpected(Refusal{status, std::move(reason), {}});
}

std::unexpected<Refusal> malformed(std::string_view why) {
  return refuse(0, fmt::format("the server's response is malformed: {}", why));
}

/// A server that agrees sends what only a session has, so nothing of its answer can be overlooked.
std::expected<Acceptance, Refusal> read_session(const HeaderSection& section, int status, const SessionWish& wish) {
  if (wish.kind == SessionWish::Kind::none) return Acceptance();
  const auto fields = section.all(session_field);
  if (fields.size() > 1) return malformed(fmt::format("{} is there twice", session_field));
  if (fields.empty()) {
    if (wish.kind == SessionWish::Kind::open) return Acceptance();
    return refuse(status,
                  "the server knows no sessions, and makes a tunnel of its own of what was to be a path of one");
  }
  auto token = parse_session_token(fields[0]);
  if (!token) return malformed(token.error().message);
  if (wish.kind == SessionWish::Kind::join && *token != wish.token) {
    return malformed(fmt::format("{} is another than was asked for", session_field));
  }
  return Acceptance{*std::move(token)};
}

}  // namespace

std::vector<Header> write_acceptance(std::string_view session) {
  std::vector<Header> headers{{":status", "200"}, {"capsule-protocol", "?1"}};
  if (!session.empty()) headers.push_back({std::string(session_field), std::string(session)});
  return headers;
}

std::vector<Header> write_refusal(const Refusal& refusal) {
  const std::string_view error = proxy_error_of(refusal);
  std::string proxy_status = "mpquic";
  if (!error.empty()) proxy_status += fmt::format("; error={}", error);
  proxy_status += fmt::format("; details={}", quoted(refusal.reason));

  std::vector<Header> headers{{":status", fmt::to_string(refusal.status)}, {"proxy-status", std::move(proxy_status)}};
  if (refusal.status == 401) headers.push_back({"www-authenticate", "Bearer realm=\"mpquic\""});  // RFC 9110, 15.5.2
  if (refusal.status == 405) headers.push_back({"allow", "CONNECT"});                             // RFC 9110, 15.5.6
  return headers;
}

bool is_interim_response(std::span<const Header> headers) {
  const auto section = HeaderSection::read(headers, pseudo_fields);
  const auto status = section ? status_of(*section) : std::nullopt;
  return status && *status / 100 == 1 && *status != 101;  // which HTTP/3 does not have: RFC 9114, 4.5
}

std::expected<Acceptance, Refusal> read_response(std::span<const Header> headers, const SessionWish& wish) {
  const auto section = HeaderSection::read(headers, pseudo_fields);
  if (!section) return malformed(section.error().message);
  const auto status = status_of(*section);
  if (!status) return malformed("no :status");
  if (*status / 100 != 2) {
    const auto why = section->all("proxy-status");
    return refuse(*status, fmt::format("the server refuses the tunnel: status {}{}{}", *status,
                                       why.empty() ? "" : ", proxy-status: ", shown(why)));
  }
  if (*status >= 204 && *status <= 206) return malformed(fmt::format("status {} (RFC 9297, 3.2)", *status));
  if (const auto field = section->content_field()) {
    return malformed(fmt::format("{} with capsules (RFC 9297, 3.2)", *field));
  }
  return read_session(*section, *status, wish);
}

}  // namespace mpquic::masque
