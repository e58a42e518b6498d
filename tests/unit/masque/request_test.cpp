#include "masque/request.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using wire::prefix;
using Headers = std::vector<Header>;

/// The request of RFC 9484, 4.4.
Headers plain_request() {
  return {{":method", "CONNECT"},
          {":protocol", "connect-ip"},
          {":scheme", "https"},
          {":authority", "example.org"},
          {":path", "/.well-known/masque/ip/*/*/"},
          {"capsule-protocol", "?1"}};
}

Headers with(Headers headers, const Header& another) {
  headers.push_back(another);
  return headers;
}

Headers with_pseudo(Headers headers, const Header& another) {
  headers.insert(headers.begin(), another);
  return headers;
}

Headers without(Headers headers, std::string_view name) {
  std::erase_if(headers, [&](const Header& header) { return header.name == name; });
  return headers;
}

Headers replaced(Headers headers, std::string_view name, std::string_view value) {
  std::ranges::find(headers, name, &Header::name)->value = value;
  return headers;
}

TEST(Request, IsAsInRfc9484Section4_4) {
  const IpRequest request{"example.org", {}, {}, {}};
  EXPECT_EQ(write_request(request), (Headers{{":method", "CONNECT"},
                                             {":protocol", "connect-ip"},
                                             {":scheme", "https"},
                                             {":authority", "example.org"},
                                             {":path", "/.well-known/masque/ip/*/*/"},
                                             {"capsule-protocol", "?1"}}));
  EXPECT_EQ(read_request(plain_request()).value(), request);
}

TEST(Request, IsReadAsItWasWritten) {
  const IpRequest cases[] = {
      {"192.0.2.1:45010", {}, "mF_9.B5f-4.1JqM==", "mp1"},
      {"[2001:db8::1]:443", {prefix("2001:db8::/32"), 17}, {}, "büro"},
      {"proxy.example.com", {"target.example.com", {}}, "a", {}},
  };
  for (const IpRequest& request : cases) EXPECT_EQ(read_request(write_request(request)).value(), request);
}

TEST(Request, OfLazierAndChattierPeersIsFine) {
  const std::pair<const char*, Headers> cases[] = {
      {"9297 3.4: no capsule-protocol", without(plain_request(), "capsule-protocol")},
      {"9297 3.4: capsule-protocol is false", replaced(plain_request(), "capsule-protocol", "?0")},
      {"9297 3.4: capsule-protocol has parameters", replaced(plain_request(), "capsule-protocol", "?1;a=b")},
      {"9297 3.4: capsule-protocol is no boolean", replaced(plain_request(), "capsule-protocol", "1")},
      {"9297 3.4: capsule-protocol is a list", with(plain_request(), {"capsule-protocol", "?1"})},
      {"9110 5.1: unknown fields", with(with(plain_request(), {"user-agent", "x/1"}), {"x-grease", ""})},
      {"9114 4.2: te: trailers", with(plain_request(), {"te", "Trailers"})},
      {"9114 4.3.1: the same host", with(plain_request(), {"host", "example.org"})},
      {"9110 4.2.3: the scheme in capitals", replaced(plain_request(), ":scheme", "HTTPS")},
      {"9110 7.8: the protocol in capitals", replaced(plain_request(), ":protocol", "Connect-IP")},
      {"a query", replaced(plain_request(), ":path", "/.well-known/masque/ip/*/*/?user=bob")},
      {"another order",
       [] {
         Headers headers = plain_request();
         std::ranges::reverse(headers.begin(), headers.begin() + 5);
         return headers;
       }()},
  };
  for (const auto& [what, headers] : cases) {
    const auto request = read_request(headers);
    ASSERT_TRUE(request) << what << ": " << request.error().reason;
    EXPECT_EQ(*request, (IpRequest{"example.org", {}, {}, {}})) << what;
  }
}

struct BadRequest {
  const char* what;
  Headers headers;
};

const Headers get_request{
    {":method", "GET"}, {":scheme", "https"}, {":authority", "example.org"}, {":path", "/.well-known/masque/ip/*/*/"}};
const Headers tcp_request{{":method", "CONNECT"}, {":authority", "example.org:22"}};

TEST(Request, ThatIsMalformedIsReset) {
  const BadRequest cases[] = {
      {"9114 4.3.1: empty", {}},
      {"9114 4.3.1: no :method", without(plain_request(), ":method")},
      {"9114 4.3.1: empty :method", replaced(plain_request(), ":method", "")},
      {"9110 9.1: :method is no token", replaced(plain_request(), ":method", "GET IT")},
      {"9114 4.3: :method twice", with_pseudo(plain_request(), {":method", "CONNECT"})},
      {"9114 4.3: :path twice", with_pseudo(plain_request(), {":path", "/"})},
      {"9114 4.3: unknown pseudo-header field", with_pseudo(plain_request(), {":grease", "1"})},
      {"9114 4.3: a response's pseudo-header field", with_pseudo(plain_request(), {":status", "200"})},
      {"9114 4.3: a pseudo-header field behind a field", with(without(plain_request(), ":path"), plain_request()[4])},
      {"9114 4.2: a name in capitals", with(plain_request(), {"User-Agent", "x"})},
      {"9114 10.3: a name with a blank", with(plain_request(), {"user agent", "x"})},
      {"9114 10.3: a name with a colon", with(plain_request(), {"user:agent", "x"})},
      {"9110 5.1: a name that is empty", with(plain_request(), {"", "x"})},
      {"9114 10.3: a value with a line feed", with(plain_request(), {"x", "a\nb: c"})},
      {"9114 10.3: a value with a carriage return", with(plain_request(), {"x", "a\rb"})},
      {"9114 10.3: a value with a NUL", with(plain_request(), {"x", std::string("a\0b", 3)})},
      {"9114 10.3: a pseudo-header's value with a NUL", replaced(plain_request(), ":authority", std::string("a\0", 2))},
      {"9114 4.2: connection", with(plain_request(), {"connection", "upgrade"})},
      {"9114 4.2: keep-alive", with(plain_request(), {"keep-alive", "5"})},
      {"9114 4.2: proxy-connection", with(plain_request(), {"proxy-connection", "close"})},
      {"9114 4.2: upgrade", with(plain_request(), {"upgrade", "connect-ip"})},
      {"9114 4.2, 9297 3.2: transfer-encoding", with(plain_request(), {"transfer-encoding", "chunked"})},
      {"9114 4.2: te is not trailers", with(plain_request(), {"te", "gzip"})},
      {"9297 3.2: content-length", with(plain_request(), {"content-length", "0"})},
      {"9297 3.2: content-type", with(plain_request(), {"content-type", "application/ip"})},
      {"9114 4.4: CONNECT with a :path", with(tcp_request, {":path", "/"})},
      {"9114 4.4: CONNECT with a :scheme", with(tcp_request, {":scheme", "https"})},
      {"9114 4.4: CONNECT without :authority", {{":method", "CONNECT"}}},
      {"9114 4.4: CONNECT with an empty :authority", replaced(tcp_request, ":authority", "")},
      {"9220 3: :protocol without CONNECT", with_pseudo(get_request, {":protocol", "connect-ip"})},
      {"9220 3: no :scheme", without(plain_request(), ":scheme")},
      {"9220 3: no :path", without(plain_request(), ":path")},
      {"9484 4.4: empty :scheme", replaced(plain_request(), ":scheme", "")},
      {"9484 4.4: empty :path", replaced(plain_request(), ":path", "")},
      {"9484 4.4: empty :protocol", replaced(plain_request(), ":protocol", "")},
      {"9484 4.4: no :authority", without(plain_request(), ":authority")},
      {"9484 4.4: host instead of :authority", with(without(plain_request(), ":authority"), {"host", "example.org"})},
      {"9114 4.3.1: empty :authority", replaced(plain_request(), ":authority", "")},
      {"9114 4.3.1: a user in :authority", replaced(plain_request(), ":authority", "bob@example.org")},
      {"9114 4.3.1: another host", with(plain_request(), {"host", "example.com"})},
      {"9114 4.3.1: GET without :path", without(get_request, ":path")},
      {"9114 4.3.1: GET without :scheme", without(get_request, ":scheme")},
      {"9114 4.3.1: GET without :authority and host", without(get_request, ":authority")},
      {"9484 4.1: target is malformed", replaced(plain_request(), ":path", "/.well-known/masque/ip/2001:db8::1/*/")},
      {"9484 4.1: ipproto is malformed", replaced(plain_request(), ":path", "/.well-known/masque/ip/*/256/")},
  };
  for (const auto& [what, headers] : cases) {
    const auto request = read_request(headers);
    ASSERT_FALSE(request) << what;
    EXPECT_EQ(request.error().status, 0) << what << ": " << request.error().reason;
    EXPECT_FALSE(request.error().reason.empty()) << what;
  }
}

TEST(Request, ThatIsNotForUsHasItsStatus) {
  const std::pair<int, BadRequest> cases[] = {
      {501, {"9114 4.4: a tunnel for TCP", tcp_request}},
      {501, {"9220 3: another :protocol", replaced(plain_request(), ":protocol", "connect-udp")}},
      {501, {"9220 3: websocket", replaced(plain_request(), ":protocol", "websocket")}},
      {405, {"9110 15.5.6: GET", get_request}},
      {405,
       {"9110 15.5.6: GET of a malformed target", replaced(get_request, ":path", "/.well-known/masque/ip/a:b/*/")}},
      {405, {"9110 9.1: methods are case-sensitive", replaced(get_request, ":method", "connect")}},
      {405,
       {"9114 4.3.1: host in place of :authority", with(without(get_request, ":authority"), {"host", "example.org"})}},
      {404, {"9110 15.5.5: GET of another path", replaced(get_request, ":path", "/")}},
      {404, {"9110 15.5.5: OPTIONS *", replaced(replaced(get_request, ":method", "OPTIONS"), ":path", "*")}},
      {404, {"9484 3: another template", replaced(plain_request(), ":path", "/vpn")}},
      {404, {"9484 3: a path without its end", replaced(plain_request(), ":path", "/.well-known/masque/ip/*/*")}},
      {421, {"9110 15.5.20: http", replaced(plain_request(), ":scheme", "http")}},
      {401, {"9110 11.6.1: Basic", with(plain_request(), {"authorization", "Basic Ym9iOmJvYg=="})}},
      {401, {"9110 11.6.1: no scheme", with(plain_request(), {"authorization", ""})}},
      {401, {"9110 11.6.1: a scheme that begins like Bearer", with(plain_request(), {"authorization", "Bearers x"})}},
      {400, {"6750 2.1: no token", with(plain_request(), {"authorization", "Bearer"})}},
      {400, {"6750 2.1: a token that is empty", with(plain_request(), {"authorization", "Bearer  "})}},
      {400, {"6750 2.1: only padding", with(plain_request(), {"authorization", "Bearer =="})}},
      {400, {"6750 2.1: padding within", with(plain_request(), {"authorization", "Bearer a=b"})}},
      {400, {"6750 2.1: two tokens", with(plain_request(), {"authorization", "Bearer a b"})}},
      {400, {"6750 2.1: a list", with(plain_request(), {"authorization", "Bearer a, Bearer b"})}},
      {400,
       {"9110 11.6.2: Authorization twice",
        with(with(plain_request(), {"authorization", "Bearer a"}), {"authorization", "Bearer a"})}},
      {400, {"a tunnel without a name", with(plain_request(), {"mpquic-tunnel", ""})}},
      {400, {"a tunnel with a blank", with(plain_request(), {"mpquic-tunnel", "a b"})}},
      {400, {"a tunnel's name of 65 bytes", with(plain_request(), {"mpquic-tunnel", std::string(65, 'a')})}},
      {400, {"two tunnels", with(with(plain_request(), {"mpquic-tunnel", "a"}), {"mpquic-tunnel", "b"})}},
  };
  for (const auto& [status, request] : cases) {
    const auto read = read_request(request.headers);
    ASSERT_FALSE(read) << request.what;
    EXPECT_EQ(read.error().status, status) << request.what << ": " << read.error().reason;
  }
}

TEST(Request, HasABearerTokenWhateverTheCaseOfTheScheme) {
  for (const char* credentials : {"Bearer abc+/~._-==", "bearer abc+/~._-==", "BEARER   abc+/~._-=="}) {
    EXPECT_EQ(read_request(with(plain_request(), {"authorization", credentials}))->bearer_token, "abc+/~._-==")
        << credentials;
  }
}

TEST(Request, TheTokenIsInNoReason) {
  for (const char* credentials : {"Basic s3cret", "Bearer s3cret s3cret", "s3cret"}) {
    const auto request = read_request(with(plain_request(), {"authorization", credentials}));
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().reason.find("s3cret"), std::string::npos) << request.error().reason;
  }
}

}  // namespace
}  // namespace mpquic::masque
