#include <gtest/gtest.h>

#include "masque/request.h"

namespace mpquic::masque {
namespace {

using Headers = std::vector<Header>;

std::string error_of(const Headers& headers) {
  const auto response = read_response(headers);
  return response ? "" : response.error().reason;
}

TEST(Response, ThatAcceptsIsAsInRfc9484Section4_5) {
  EXPECT_EQ(write_acceptance(), (Headers{{":status", "200"}, {"capsule-protocol", "?1"}}));
  EXPECT_EQ(error_of(write_acceptance()), "");
}

TEST(Response, ThatRefusesSaysWhy) {
  EXPECT_EQ(write_refusal({404, "nothing is to be had under this path", {}}),
            (Headers{{":status", "404"},
                     {"proxy-status",
                      "mpquic; error=http_request_error; details=\"nothing is to be had under this path\""}}));
  EXPECT_EQ(
      write_refusal({403, "box1 is \"box2\" \\ no\r\n", {}}),
      (Headers{{":status", "403"},
               {"proxy-status", "mpquic; error=http_request_denied; details=\"box1 is \\\"box2\\\" \\\\ no??\""}}));
  EXPECT_EQ(write_refusal({502, "no address", "dns_error"}),
            (Headers{{":status", "502"}, {"proxy-status", "mpquic; error=dns_error; details=\"no address\""}}));
  EXPECT_EQ(write_refusal({501, "no", {}}), (Headers{{":status", "501"}, {"proxy-status", "mpquic; details=\"no\""}}));
}

TEST(Response, HasTheFieldsThatItsStatusAsksFor) {
  EXPECT_EQ(write_refusal({401, "no", {}}).back(), (Header{"www-authenticate", "Bearer realm=\"mpquic\""}));
  EXPECT_EQ(write_refusal({405, "no", {}}).back(), (Header{"allow", "CONNECT"}));
}

TEST(Response, OfAnyKindOfSuccessIsFine) {
  for (const char* status : {"200", "201", "202", "203", "207", "299"}) {
    EXPECT_EQ(error_of({{":status", status}}), "") << status;
  }
  EXPECT_EQ(error_of({{":status", "200"}, {"capsule-protocol", "?0"}, {"x-grease", "1"}}), "");
}

TEST(Response, ThatIsNoneOfOursIsAnError) {
  struct Case {
    const char* what;
    Headers headers;
    const char* error;
  };
  const Case cases[] = {
      {"9484 4.5: 3xx", {{":status", "302"}, {"location", "/"}}, "the server refuses the tunnel: status 302"},
      {"9484 4.5: 4xx",
       {{":status", "403"}, {"proxy-status", "mpquic; details=\"no\""}},
       "the server refuses the tunnel: status 403, proxy-status: mpquic; details=\"no\""},
      {"9209 2: several proxies",
       {{":status", "502"}, {"proxy-status", "a; error=dns_error"}, {"proxy-status", "b"}},
       "the server refuses the tunnel: status 502, proxy-status: a; error=dns_error, b"},
      {"for a log line",
       {{":status", "502"}, {"proxy-status", "\xc3\xbc\tb"}},
       "the server refuses the tunnel: status 502, proxy-status: ???b"},
      {"9114 4.3.2: no :status", {}, "the server's response is malformed: no :status"},
      {"9114 4.3.2: :status of two digits", {{":status", "20"}}, "the server's response is malformed: no :status"},
      {"9114 4.3.2: :status of four digits", {{":status", "2000"}}, "the server's response is malformed: no :status"},
      {"9110 15: no class of status", {{":status", "600"}}, "the server refuses the tunnel: status 600"},
      {"9114 4.3.2: :status is no number", {{":status", "2x0"}}, "the server's response is malformed: no :status"},
      {"9114 4.3: :status twice",
       {{":status", "200"}, {":status", "200"}},
       "the server's response is malformed: :status is there twice"},
      {"9114 4.3: a request's pseudo-header field",
       {{":status", "200"}, {":path", "/"}},
       "the server's response is malformed: a pseudo-header field is unknown here"},
      {"9114 4.2: a name in capitals",
       {{":status", "200"}, {"Server", "x"}},
       "the server's response is malformed: a field's name has characters that are not allowed"},
      {"9297 3.2: 204", {{":status", "204"}}, "the server's response is malformed: status 204 (RFC 9297, 3.2)"},
      {"9297 3.2: 205", {{":status", "205"}}, "the server's response is malformed: status 205 (RFC 9297, 3.2)"},
      {"9297 3.2: 206", {{":status", "206"}}, "the server's response is malformed: status 206 (RFC 9297, 3.2)"},
      {"9297 3.2: content-length",
       {{":status", "200"}, {"content-length", "0"}},
       "the server's response is malformed: content-length with capsules (RFC 9297, 3.2)"},
      {"9297 3.2: content-type",
       {{":status", "200"}, {"content-type", "text/html"}},
       "the server's response is malformed: content-type with capsules (RFC 9297, 3.2)"},
      {"9114 4.2: transfer-encoding",
       {{":status", "200"}, {"transfer-encoding", "chunked"}},
       "the server's response is malformed: transfer-encoding has no place in HTTP/3"},
  };
  for (const auto& [what, headers, error] : cases) EXPECT_EQ(error_of(headers), error) << what;
}

TEST(Response, AProxyStatusWithoutEndIsCut) {
  EXPECT_EQ(error_of({{":status", "500"}, {"proxy-status", std::string(10'000, 'x')}}),
            "the server refuses the tunnel: status 500, proxy-status: " + std::string(200, 'x'));
}

TEST(Response, ThatIsInterimIsNotTheAnswer) {
  EXPECT_TRUE(is_interim_response(Headers{{":status", "100"}}));
  EXPECT_TRUE(is_interim_response(Headers{{":status", "103"}, {"link", "x"}}));
  EXPECT_FALSE(is_interim_response(Headers{{":status", "101"}})) << "RFC 9114, 4.5";
  EXPECT_FALSE(is_interim_response(Headers{{":status", "200"}}));
  EXPECT_FALSE(is_interim_response(Headers{{":status", "404"}}));
  EXPECT_FALSE(is_interim_response(Headers{{":status", "103"}, {"Bad", "x"}}));
}

}  // namespace
}  // namespace mpquic::masque
