// Of the scenarios with names those that are soon over, with the figures that they are to have.
#include "sim/named.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace mpquic::sim {
namespace {

std::vector<Figure> measure(std::string_view name) {
  const auto scenario = std::ranges::find(named_scenarios(), name, &NamedScenario::name);
  return scenario == named_scenarios().end() ? std::vector<Figure>() : scenario->measure(1, 1);
}

void expect_met(std::string_view name, std::size_t count) {
  const auto figures = measure(name);
  EXPECT_EQ(figures.size(), count);
  for (const Figure& figure : figures) EXPECT_TRUE(figure.met()) << figure.name << ": " << figure.value;
}

TEST(NamedScenarios, OneFlowFillsALinkForLong) { expect_met("alone", 1); }

TEST(NamedScenarios, AStreamOutlivesAnyFailureOfItsLink) { expect_met("failover", 15); }

TEST(NamedScenarios, RedundancyLosesNextToNothing) { expect_met("redundant", 2); }

TEST(NamedScenarios, ALinkThatComesBackIsSoonInFullUse) {
  for (const Figure& figure : measure("return")) {
    // QUIC backs its timers off: what was gone for forty seconds takes longer.
    const bool long_gone = figure.name.find("40 s") != std::string::npos;
    EXPECT_LE(figure.value, long_gone ? 40 : 2.25) << figure.name;
  }
}

TEST(NamedScenarios, LinksAddUp) {
  const auto figures = measure("aggregate-slowly");
  ASSERT_EQ(figures.size(), 4U);
  // At these rates a packet more or less in a queue counts; `./dev sim --scenario aggregate` has the figures that
  // matter.
  for (const Figure& figure : figures) EXPECT_GE(figure.value, 0.7) << figure.name;
}

}  // namespace
}  // namespace mpquic::sim
