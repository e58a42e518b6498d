#include <sstream>

#include "lateness.h"
#include "link.h"

namespace linkem {
namespace {

TEST(Parameters, ReadWhatIsNamedAndKeepTheRest) {
  const Parameters before = parsed("delay=20ms,jitter=500us,rate=1.5mbit,queue=256k,loss=0.5%,mtu=1400,order=free");
  EXPECT_EQ(before.delay, 20ms);
  EXPECT_EQ(before.jitter, 500us);
  EXPECT_EQ(before.rate, 1'500'000);
  EXPECT_EQ(before.queue, 256 * 1024);
  EXPECT_DOUBLE_EQ(before.loss, 0.005);
  EXPECT_EQ(before.mtu, 1400);
  EXPECT_FALSE(before.keep_order);

  const auto after = amend(before, "loss=0,gilbert=1%:25%:80%");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->loss, 0);
  EXPECT_EQ(after->delay, 20ms);
  EXPECT_DOUBLE_EQ(after->gilbert.to_good, 0.25);
  EXPECT_DOUBLE_EQ(after->gilbert.loss_in_bad, 0.8);
}

TEST(Parameters, RefuseWhatTheyDoNotUnderstand) {
  const struct {
    std::string_view text, message;
  } table[]{
      {"delay", "\"delay\" is not KEY=VALUE"},
      {"delay=20", "delay: \"20\" has no unit that belongs here"},
      {"delay=2h", "delay: \"2h\" has no unit that belongs here"},
      {"delay=-1ms", "delay: \"-1ms\" is not a quantity"},
      {"loss=101%", "loss: \"101%\" is more than everything"},
      {"mtu=1m", "mtu: \"1m\" is too much"},
      {"gilbert=1%", "gilbert: \"1%\" is not TO_BAD:TO_GOOD[:LOSS_IN_BAD[:LOSS_IN_GOOD]]"},
      {"order=yes", "order: \"yes\" is neither keep nor free"},
      {"wieght=1", "wieght: no such parameter"},
      {"trace=/nowhere", "trace: open /nowhere: No such file or directory"},
  };
  for (const auto& [text, message] : table) {
    const auto result = amend({}, text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().message, message);
  }
}

Result<Trace> trace_of(const std::string& text) {
  std::istringstream stream(text);
  return Trace::parse(stream);
}

TEST(TraceFile, RepeatsItsOpportunitiesForEver) {
  const auto trace = trace_of("# two at once, then one\n0\n2\n2\n10\n");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->at(2), 2ms);
  EXPECT_EQ(trace->at(4), 10ms) << "the second round begins where the first ends";
  EXPECT_EQ(trace->at(7), 20ms);
  EXPECT_EQ(trace->first_from(0ms), 0);
  EXPECT_EQ(trace->first_from(1ms), 1);
  EXPECT_EQ(trace->first_from(10ms), 3) << "the last of the first round";
  EXPECT_EQ(trace->first_from(11ms), 5);
  EXPECT_EQ(trace->mean_rate(), 4 * 1514 * 8 * 100);
}

TEST(TraceFile, SaysWhereItIsWrong) {
  EXPECT_EQ(trace_of("1\nx\n").error().message, "2: \"x\" is no number of milliseconds");
  EXPECT_EQ(trace_of("5\n4\n").error().message, "2: time goes backwards");
  EXPECT_EQ(trace_of("0\n").error().message, "1: the trace lasts no time at all");
}

TEST(TraceReplay, DeliversAFrameAnOpportunity) {
  Parameters parameters;
  parameters.trace = std::make_shared<const Trace>(*trace_of("5\n6\n20\n"));
  Model model(parameters, 1);
  const Instant start = Link::start;
  for (std::uint32_t i = 0; i < 4; ++i) model.push({i, 1514, 1500}, start);
  std::vector<Duration> due;
  while (const auto delivery = model.pop(start + 1s)) due.push_back(delivery->due - start);
  EXPECT_EQ(due, (std::vector<Duration>{5ms, 6ms, 20ms, 25ms}));
}

TEST(TraceReplay, SmallFramesShareAnOpportunityAndUnusedOnesAreGone) {
  Parameters parameters;
  parameters.trace = std::make_shared<const Trace>(*trace_of("5\n6\n20\n"));
  Model model(parameters, 1);
  const Instant start = Link::start;
  for (std::uint32_t i = 0; i < 3; ++i) model.push({i, 757, 743}, start);
  std::vector<Duration> due;
  while (const auto delivery = model.pop(start + 10ms)) due.push_back(delivery->due - start);
  EXPECT_EQ(due, (std::vector<Duration>{5ms, 5ms, 6ms}));
  model.push({3, 757, 743}, start + 10ms);
  EXPECT_EQ(model.pop(start + 1s)->due - start, 20ms);
}

TEST(LatenessOf, ManyPacketsIsKnownToSixPercent) {
  Lateness lateness;
  for (int us = 1; us <= 1000; ++us) lateness.add(std::chrono::microseconds(us));
  EXPECT_NEAR(static_cast<double>(lateness.quantile(0.5).count()), 500e3, 35e3);
  EXPECT_NEAR(static_cast<double>(lateness.quantile(0.99).count()), 990e3, 65e3);
  EXPECT_EQ(lateness.max(), 1ms);
}

}  // namespace
}  // namespace linkem
