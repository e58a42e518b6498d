#include "masque/request.h"

#include <algorithm>
#include <array>

#include "masque/characters.h"

namespace mpquic::masque {
namespace {

constexpr std::array<std::string_view, 5> pseudo_fields{":method", ":scheme", ":authority", ":path", ":protocol"};
constexpr std::string_view connect_ip = "connect-ip";
constexpr std::string_view tunnel_field = "mpquic-tunnel";
constexpr std::size_t tunnel_name_size_max = 64;

using Refused = std::unexpected<Refusal>;

template <class... Args>
Refused refuse(int status, fmt::format_string<Args...> format, Args&&... args) {
  return Refused(Refusal{status, fmt::format(format, std::forward<Args>(args)...), {}});
}

template <class... Args>
Refused malformed(fmt::format_string<Args...> format, Args&&... args) {
  return refuse(0, format, std::forward<Args>(args)...);
}

bool has_text(const std::optional<std::string_view>& value) { return value && !value->empty(); }

/// RFC 9114, 4.4: a TCP tunnel to :authority.
Refused refuse_tcp_tunnel(const HeaderSection& section) {
  if (section.find(":scheme") || section.find(":path")) {
    return malformed("CONNECT without :protocol, but with :scheme or :path");
  }
  if (!has_text(section.find(":authority"))) return malformed("CONNECT without :authority");
  return refuse(501, "tunnels for TCP are not to be had here, only {}", connect_ip);
}

/// RFC 9114, 4.3.1: a request such as a browser makes.
Refused refuse_method(const HeaderSection& section) {
  if (section.find(":protocol")) return malformed(":protocol with a method other than CONNECT");
  if (!has_text(section.find(":scheme")) || !has_text(section.find(":path"))) {
    return malformed("no :scheme or no :path");
  }
  if (!has_text(section.find(":authority")) && !has_text(section.find("host"))) return malformed("no :authority");
  const auto scope = parse_path(*section.find(":path"));
  if (!scope && scope.error() == PathError::not_ours) return refuse(404, "nothing is to be had under this path");
  return refuse(405, "a tunnel is asked for with CONNECT");
}

/// What has to be there before anything else can be looked at (RFC 9220, 3; RFC 9484, 4.4).
std::optional<Refused> refuse_form(const HeaderSection& section) {
  for (const std::string_view name : {":scheme", ":path", ":authority", ":protocol"}) {
    if (!has_text(section.find(name))) return malformed("no {}", name);
  }
  const std::string_view authority = *section.find(":authority");
  if (authority.contains('@')) return malformed(":authority names a user (RFC 9114, 4.3.1)");
  if (section.find("host").value_or(authority) != authority) return malformed("host is not what :authority is");
  return std::nullopt;
}

std::expected<std::optional<std::string>, Refusal> read_token(const HeaderSection& section) {
  const auto fields = section.all("authorization");
  if (fields.empty()) return std::nullopt;
  if (fields.size() > 1) return refuse(400, "two Authorization fields");
  const std::string_view credentials = fields[0];
  const auto blank = credentials.find(' ');
  if (!is_same_name(credentials.substr(0, blank), "Bearer"))
    return refuse(401, "Authorization is not of the scheme Bearer");
  const auto begin = credentials.find_first_not_of(' ', std::min(blank, credentials.size()));
  const std::string_view token = begin == std::string_view::npos ? "" : credentials.substr(begin);
  // b64token of RFC 6750, 2.1
  const auto padding = std::min(token.find_last_not_of('=') + 1, token.size());
  const auto is_allowed = [](char c) { return is_unreserved(c) || c == '+' || c == '/'; };
  if (padding == 0 || !std::ranges::all_of(token.substr(0, padding), is_allowed)) {
    return refuse(400, "Authorization has no bearer token in it");
  }
  return std::string(token);
}

std::expected<std::string, Refusal> read_tunnel(const HeaderSection& section) {
  const auto fields = section.all(tunnel_field);
  if (fields.empty()) return std::string();
  if (fields.size() > 1) return refuse(400, "two {} fields", tunnel_field);
  const std::string_view name = fields[0];
  if (name.empty() || name.size() > tunnel_name_size_max || !std::ranges::all_of(name, is_visible)) {
    return refuse(400, "{} has 1 to {} characters and no blank", tunnel_field, tunnel_name_size_max);
  }
  return std::string(name);
}

std::expected<SessionWish, Refusal> read_session(const HeaderSection& section) {
  const auto fields = section.all(session_field);
  if (fields.empty()) return SessionWish();
  if (fields.size() > 1) return refuse(400, "two {} fields", session_field);
  auto wish = parse_session_wish(fields[0]);
  if (!wish) return refuse(400, "{}", wish.error().message);
  return *std::move(wish);
}

std::expected<IpRequest, Refusal> read_extended_connect(const HeaderSection& section) {
  if (auto refused = refuse_form(section)) return *std::move(refused);
  if (!is_same_name(*section.find(":protocol"), connect_ip)) {
    return refuse(501, "only {} is spoken here", connect_ip);
  }
  if (const auto field = section.content_field()) return malformed("{} with capsules (RFC 9297, 3.2)", *field);
  if (!is_same_name(*section.find(":scheme"), "https")) return refuse(421, "the scheme must be https");

  auto scope = parse_path(*section.find(":path"));
  if (!scope && scope.error() == PathError::not_ours) return refuse(404, "nothing is to be had under this path");
  if (!scope) return malformed("target or ipproto in :path is not as RFC 9484, 4.6 has it");
  auto token = read_token(section);
  if (!token) return Refused(token.error());
  auto tunnel = read_tunnel(section);
  if (!tunnel) return Refused(tunnel.error());
  auto session = read_session(section);
  if (!session) return Refused(session.error());
  return IpRequest{std::string(*section.find(":authority")), *std::move(scope), *std::move(token), *std::move(tunnel),
                   *std::move(session)};
}

}  // namespace

std::expected<IpRequest, Refusal> read_request(std::span<const Header> headers) {
  const auto section = HeaderSection::read(headers, pseudo_fields);
  if (!section) return malformed("{}", section.error().message);
  const auto method = section->find(":method");
  if (!has_text(method) || !std::ranges::all_of(*method, is_token)) return malformed("no :method");
  if (*method != "CONNECT") return refuse_method(*section);
  if (!section->find(":protocol")) return refuse_tcp_tunnel(*section);
  return read_extended_connect(*section);
}

std::vector<Header> write_request(const IpRequest& request) {
  std::vector<Header> headers{{":method", "CONNECT"},
                              {":protocol", std::string(connect_ip)},
                              {":scheme", "https"},
                              {":authority", request.authority},
                              {":path", request.scope.path()},
                              {"capsule-protocol", "?1"}};
  if (request.bearer_token) headers.push_back({"authorization", "Bearer " + *request.bearer_token});
  if (!request.tunnel.empty()) headers.push_back({std::string(tunnel_field), request.tunnel});
  if (request.session.kind != SessionWish::Kind::none) {
    headers.push_back({std::string(session_field), to_string(request.session)});
  }
  return headers;
}

}  // namespace mpquic::masque
