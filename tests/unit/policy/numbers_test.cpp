#include "policy/numbers.h"

#include <gtest/gtest.h>

namespace mpquic::policy {
namespace {

TEST(Numbers, AreGivenInOrder) {
  EXPECT_EQ(assign_numbers({"cr", "df", "bk"}, {}, 8), (Numbers{{"cr", 0}, {"df", 1}, {"bk", 2}}));
}

TEST(Numbers, StayTheSameWhateverElseIsWanted) {
  const Numbers before{{"cr", 0}, {"df", 1}};
  EXPECT_EQ(assign_numbers({"new", "df", "cr"}, before, 8), (Numbers{{"cr", 0}, {"df", 1}, {"new", 2}}));
}

TEST(Numbers, OfWhatIsGoneAreNotGivenToOthersWhileThereAreMore) {
  const Numbers before{{"cr", 0}, {"old", 1}};
  const Numbers now = assign_numbers({"cr", "new"}, before, 3);
  EXPECT_EQ(now, (Numbers{{"cr", 0}, {"new", 2}, {"old", 1}}));
  EXPECT_EQ(assign_numbers({"cr", "new", "newer"}, now, 3), (Numbers{{"cr", 0}, {"new", 2}, {"newer", 1}}));
  EXPECT_EQ(assign_numbers({"cr", "old"}, now, 3).at("old"), 1U) << "back again";
}

TEST(Numbers, BeyondTheRangeAreGivenAnew) {
  EXPECT_EQ(assign_numbers({"cr", "df"}, {{"cr", 7}, {"df", 1}}, 2), (Numbers{{"cr", 0}, {"df", 1}}));
  EXPECT_EQ(assign_numbers({"cr", "df"}, {{"cr", 1}, {"df", 1}}, 2), (Numbers{{"cr", 1}, {"df", 0}}))
      << "a forged table";
}

TEST(Numbers, AreReadBackFromTheNamesOfChains) {
  const Numbers numbers{{destination_key("cr"), 0}, {destination_key("a-b", "c.d"), 63}};
  Numbers read;
  for (const std::string& chain : chains_of(numbers)) read_number(chain, read);
  EXPECT_EQ(read, numbers);
  for (const char* other : {"classify", "to_1", "number/", "number/x/cr", "number/1", "restore/net/1"})
    read_number(other, read);
  EXPECT_EQ(read, numbers);
}

TEST(Numbers, DestinationsThatDifferHaveKeysThatDiffer) {
  EXPECT_NE(destination_key("a+b"), destination_key("a_2bb"));
  EXPECT_NE(destination_key("a", "b"), destination_key("a/b"));
  EXPECT_EQ(destination_key("a_b", "c"), "a_5fb/c");
}

}  // namespace
}  // namespace mpquic::policy
