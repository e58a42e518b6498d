// A few hundred random scenarios. `./dev sim` plays more of them, for as long as wanted.
#include "sim/scenario.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include <filesystem>
#include <memory>
#include <string>

namespace mpquic::sim {
namespace {

constexpr std::uint64_t seeds_of_each = 12;

/// Those from so many on.
class ScenarioTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ScenarioTest, HoldsWhateverHappens) {
  for (std::uint64_t seed = GetParam(); seed < GetParam() + seeds_of_each; ++seed) {
    const Scenario scenario = random_scenario(seed);
    const Outcome outcome = play(scenario);
    EXPECT_GT(outcome.packets, 0U);
    EXPECT_EQ(outcome.complaints, std::vector<std::string>())
        << describe(scenario) << "again, with all that happens: ./dev sim --seed " << seed << " --count 1 --trace";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScenarioTest, testing::Range<std::uint64_t>(1, 241, seeds_of_each));

TEST(Reproducibility, TheSameSeedIsTheSameRunToTheNanosecond) {
  const Outcome first = play(random_scenario(3));
  const Outcome other = play(random_scenario(4));
  const Outcome again = play(random_scenario(3));
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_EQ(first.events, again.events);
  EXPECT_NE(first.digest, other.digest);
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string output;
  for (int c = 0; (c = std::fgetc(pipe.get())) != EOF;) output += static_cast<char>(c);
  return output;
}

// Other keys, other addresses in memory.
TEST(Reproducibility, InAnotherProcessToo) {
  const std::string program = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "sim").string();
  const std::string command = program + " --seed 7 --count 1 --trace | sed 's/ in [0-9.]* s$//'";
  const std::string first = output_of(command);
  EXPECT_NE(first.find("digest"), std::string::npos) << first;
  EXPECT_EQ(first, output_of(command));
}

}  // namespace
}  // namespace mpquic::sim
