#include "base/log.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace mpquic {
namespace {

/// What `say` puts on standard error.
template <class F>
std::string written_by(F say) {
  testing::internal::CaptureStderr();
  say();
  return testing::internal::GetCapturedStderr();
}

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { log::set_level(LogLevel::info); }
};

TEST_F(LogTest, LevelsAreKnownByTheirNames) {
  EXPECT_EQ(parse_log_level("error"), LogLevel::error);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warning);
  EXPECT_EQ(parse_log_level("warn"), LogLevel::warning);
  EXPECT_EQ(parse_log_level("info"), LogLevel::info);
  EXPECT_EQ(parse_log_level("debug"), LogLevel::debug);
  EXPECT_EQ(parse_log_level("Debug"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
}

TEST_F(LogTest, WritesWhatIsAsSevereAsTheLevelOrMore) {
  const struct {
    LogLevel level;
    std::string written;
  } table[] = {{LogLevel::error, "e"}, {LogLevel::warning, "ew"}, {LogLevel::info, "ewi"}, {LogLevel::debug, "ewid"}};
  for (const auto& row : table) {
    log::set_level(row.level);
    const std::string text = written_by([] {
      log::error("<e>");
      log::warning("<w>");
      log::info("<i>");
      log::debug("<d>");
    });
    std::string letters;
    for (const char letter : {'e', 'w', 'i', 'd'}) {
      if (text.find(std::string{'<', letter, '>'}) != std::string::npos) letters += letter;
    }
    EXPECT_EQ(letters, row.written);
  }
}

TEST_F(LogTest, OpensEachLineWithTheTimeOrForTheJournalWithThePriority) {
  const std::string text = written_by([] { log::warning("{}: {} of {}", "mpq1", 3, 4); });
  const std::regex line(R"((\d\d:\d\d:\d\d\.\d{3} warning |<4>)mpq1: 3 of 4\n)");
  EXPECT_TRUE(std::regex_match(text, line)) << text;
}

TEST_F(LogTest, IsSilentBelowItsLevel) {
  log::set_level(LogLevel::error);
  EXPECT_TRUE(log::enabled(LogLevel::error));
  EXPECT_FALSE(log::enabled(LogLevel::debug));
  EXPECT_EQ(written_by([] { log::debug("{}", 1); }), "");
}

}  // namespace
}  // namespace mpquic
