#include "masque/session_field.h"

#include <gtest/gtest.h>

#include "masque/request.h"
#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using Headers = std::vector<Header>;

const std::string token = "-aZ09_-aZ09_-aZ09_-aZ09_-aZ09_-aZ09_-aZ09_g";
const std::string other_token = "-aZ09_-aZ09_-aZ09_-aZ09_-aZ09_-aZ09_-aZ09_w";

Headers with(Headers headers, std::initializer_list<Header> more) {
  headers.insert(headers.end(), more);
  return headers;
}

Headers plain_request() { return write_request({"example.org", {}, {}, "mp1"}); }

TEST(SessionWish, IsReadAsItWasWritten) {
  for (const SessionWish& wish : {SessionWish(), SessionWish::open(), SessionWish::join(token)}) {
    const IpRequest request{"example.org", {}, "secret", "mp1", wish};
    EXPECT_EQ(read_request(write_request(request)).value(), request) << to_string(wish);
  }
  EXPECT_EQ(write_request({"example.org", {}, {}, {}, SessionWish::open()}).back(), (Header{"mpquic-session", "open"}));
  EXPECT_EQ(write_request({"example.org", {}, {}, {}, SessionWish::join(token)}).back(),
            (Header{"mpquic-session", token}));
}

TEST(SessionWish, MayHaveParametersThatNobodyKnowsYet) {
  const std::pair<std::string, SessionWish> cases[] = {
      {"open;v=2", SessionWish::open()}, {"open; v=2;w", SessionWish::open()},       {"open ;v=2", SessionWish::open()},
      {"open;", SessionWish::open()},    {token + ";v=2", SessionWish::join(token)},
  };
  for (const auto& [value, wish] : cases) {
    const auto request = read_request(with(plain_request(), {{"mpquic-session", value}}));
    ASSERT_TRUE(request) << value << ": " << request.error().reason;
    EXPECT_EQ(request->session, wish) << value;
  }
}

TEST(SessionWish, ThatCanNotBeReadIsRefusedWithoutRepeatingIt) {
  const std::pair<const char*, Headers> cases[] = {
      {"nothing", {{"mpquic-session", ""}}},
      {"parameters alone", {{"mpquic-session", ";v=2"}}},
      {"another word", {{"mpquic-session", "close"}}},
      {"the word in capitals", {{"mpquic-session", "Open"}}},
      {"two words", {{"mpquic-session", "open open"}}},
      {"a list", {{"mpquic-session", "open, " + token}}},
      {"two fields", {{"mpquic-session", "open"}, {"mpquic-session", "open"}}},
      {"a token that is cut off", {{"mpquic-session", token.substr(1)}}},
      {"a token that is too long", {{"mpquic-session", token + "A"}}},
      {"a token with padding", {{"mpquic-session", token.substr(1) + "="}}},
      {"base64 that is not for URLs", {{"mpquic-session", token.substr(2) + "+/"}}},
      {"a token in quotes", {{"mpquic-session", '"' + token + '"'}}},
      {"a token with a blank in it", {{"mpquic-session", token.substr(0, 21) + " " + token.substr(22)}}},
      {"letters beyond ASCII", {{"mpquic-session", token.substr(2) + "\xc3\xbc"}}},
  };
  for (const auto& [what, fields] : cases) {
    Headers headers = plain_request();
    headers.insert(headers.end(), fields.begin(), fields.end());
    const auto request = read_request(headers);
    ASSERT_FALSE(request) << what;
    EXPECT_EQ(request.error().status, 400) << what;
    EXPECT_EQ(request.error().reason.find("aZ09"), std::string::npos) << request.error().reason;
  }
  EXPECT_EQ(read_request(with(plain_request(), {{"mpquic-session", "x\ny"}})).error().status, 0) << "RFC 9114, 10.3";
}

TEST(SessionAnswer, AgreesWithATokenOrNotAtAll) {
  EXPECT_EQ(write_acceptance(token),
            (Headers{{":status", "200"}, {"capsule-protocol", "?1"}, {"mpquic-session", token}}));
  EXPECT_EQ(read_response(write_acceptance(token), SessionWish::open()).value(), Acceptance{token});
  EXPECT_EQ(read_response(write_acceptance(token), SessionWish::join(token)).value(), Acceptance{token});
  EXPECT_EQ(read_response(with(write_acceptance(), {{"mpquic-session", token + ";v=2"}}), SessionWish::open()).value(),
            Acceptance{token});
  EXPECT_EQ(read_response(write_acceptance(), SessionWish::open()).value(), Acceptance()) << "a tunnel of one path";
}

TEST(SessionAnswer, IsNothingToWhoHasNotAsked) {
  for (const Headers& fields : {Headers{{"mpquic-session", token}}, Headers{{"mpquic-session", "?"}},
                                Headers{{"mpquic-session", token}, {"mpquic-session", token}}}) {
    Headers headers = write_acceptance();
    headers.insert(headers.end(), fields.begin(), fields.end());
    EXPECT_EQ(read_response(headers).value(), Acceptance());
  }
}

TEST(SessionAnswer, ThatMakesNoSenseIsNoTunnel) {
  struct Case {
    const char* what;
    Headers fields;
    SessionWish wish;
    int status;
    const char* reason;
  };
  const Case cases[] = {
      {"no token", {{"mpquic-session", "open"}}, SessionWish::open(), 0, "mpquic-session is no session's token"},
      {"empty", {{"mpquic-session", ""}}, SessionWish::open(), 0, "mpquic-session is no session's token"},
      {"cut off",
       {{"mpquic-session", token.substr(1)}},
       SessionWish::open(),
       0,
       "mpquic-session is no session's token"},
      {"twice",
       {{"mpquic-session", token}, {"mpquic-session", token}},
       SessionWish::open(),
       0,
       "mpquic-session is there twice"},
      {"another's",
       {{"mpquic-session", token}},
       SessionWish::join(other_token),
       0,
       "mpquic-session is another than was asked for"},
      {"none to join", {}, SessionWish::join(token), 200, "the server knows no sessions"},
  };
  for (const auto& [what, fields, wish, status, reason] : cases) {
    Headers headers = write_acceptance();
    headers.insert(headers.end(), fields.begin(), fields.end());
    const auto response = read_response(headers, wish);
    ASSERT_FALSE(response) << what;
    EXPECT_EQ(response.error().status, status) << what;
    EXPECT_NE(response.error().reason.find(reason), std::string::npos) << what << ": " << response.error().reason;
    EXPECT_EQ(response.error().reason.find("aZ09"), std::string::npos) << response.error().reason;
  }
}

TEST(SessionAnswer, ThatRefusesHasItsStatus) {
  for (const int status : {400, 403, 404}) {
    const auto response = read_response(write_refusal({status, "no", {}}), SessionWish::join(token));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().status, status);
  }
}

}  // namespace
}  // namespace mpquic::masque
