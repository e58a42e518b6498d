// Any header section as a request and as a response, any bytes as the datagram behind it. Input: one field a line, as
// name=value; an empty line; the datagram.

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>

#include "masque/http_datagram.h"
#include "masque/request.h"
#include "masque/wire.h"

namespace {

using namespace mpquic;
using namespace mpquic::masque;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_one_line(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// Takes the lines off `text` up to and with the empty one.
std::vector<Header> take_headers(std::string_view& text) {
  std::vector<Header> headers;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) break;
    const auto equals = line.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : line.substr(equals + 1);
    headers.push_back({std::string(line.substr(0, equals)), std::string(value)});
  }
  return headers;
}

void check_path(std::string_view path) {
  const auto scope = parse_path(path);
  if (scope) require(parse_path(scope->path()) == scope);
}

void check_refusal(const Refusal& refusal) {
  static const std::set<int> statuses{0, 400, 401, 404, 405, 421, 501};
  require(statuses.contains(refusal.status) && is_one_line(refusal.reason));
  if (refusal.status == 0) return;
  const auto response = read_response(write_refusal(refusal));
  require(!response && response.error().status == refusal.status);
  require(response.error().reason.starts_with("the server refuses the tunnel: status "));
  require(response.error().reason.contains(refusal.reason.substr(0, refusal.reason.find_first_of("\"\\"))));
}

void check_response(std::span<const Header> headers) {
  const auto response = read_response(headers);
  require(response || is_one_line(response.error().reason));
  require(!response || !is_interim_response(headers));
  require(!response || response->session.empty());
  const auto opened = read_response(headers, SessionWish::open());
  require(response || !opened);
  if (!opened) return require(is_one_line(opened.error().reason));
  require(opened->session.empty() || is_session_token(opened->session));
  require(read_response(write_acceptance(opened->session), SessionWish::open()).value() == *opened);
  const std::string token = opened->session.empty() ? std::string(session_token_size, 'A') : opened->session;
  const auto joined = read_response(headers, SessionWish::join(token));
  require(joined.has_value() != opened->session.empty());
  require(joined || joined.error().status / 100 == 2);
}

void check_datagram(const Limits& limits, Bytes datagram) {
  const auto http = parse_http_datagram(datagram);
  if (!http) return;
  const auto ip = parse_ip_datagram(http->payload);
  if (!ip) return;
  const DatagramPrefix prefix(http->stream, ip->context);
  require(prefix.bytes().size() + ip->payload.size() <= datagram.size());
  const auto again = parse_http_datagram(prefix.bytes());
  require(again && again->stream == http->stream && parse_ip_datagram(again->payload)->context == ip->context);
  const bool is_whole = packet::IpView::parse(ip->payload).has_value();
  for (const bool from_client : {false, true}) {
    require(is_whole == allows({}, ip->payload, from_client));
    require(is_whole || !allows(limits, ip->payload, from_client));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  std::string_view rest = input;
  check_path(rest);
  const auto headers = take_headers(rest);
  for (const Header& header : headers) check_path(header.value);

  Limits limits{std::vector{wire::prefix("10.0.0.0/24"), wire::prefix("fd00::/64")}, 17};
  const auto request = read_request(headers);
  if (request) {
    require(read_request(write_request(*request)).value() == *request);
    limits = limits_of(request->scope, *limits.targets);
  } else {
    check_refusal(request.error());
  }
  check_response(headers);
  check_datagram(limits, Bytes(data + size - rest.size(), rest.size()));
  return 0;
}
