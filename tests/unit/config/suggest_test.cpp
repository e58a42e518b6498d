#include "config/suggest.h"

#include <gtest/gtest.h>

namespace mpquic::config {
namespace {

TEST(EditDistance, CountsSlipsOfTheFinger) {
  const struct {
    std::string_view from, to;
    std::size_t distance;
  } table[] = {
      {"", "", 0},
      {"mtu", "mtu", 0},
      {"", "mtu", 3},
      {"adress", "address", 1},
      {"wieght", "weight", 1},  // two neighbours swapped are one slip
      {"linkss", "links", 1},
      {"lonks", "links", 1},
      {"kitten", "sitting", 3},
      {"ab", "ba", 1},
  };
  for (const auto& row : table) {
    EXPECT_EQ(edit_distance(row.from, row.to), row.distance) << row.from << " -> " << row.to;
    EXPECT_EQ(edit_distance(row.to, row.from), row.distance) << row.to << " -> " << row.from;
  }
}

TEST(Suggest, NamesWhatWasMeantOnlyWhenThatIsLikely) {
  constexpr std::string_view known[] = {"address", "mtu", "weight", "links"};
  EXPECT_EQ(suggest("wieght", known), "weight");
  EXPECT_EQ(suggest("link", known), "links");
  EXPECT_EQ(suggest("mut", known), "mtu");
  EXPECT_EQ(suggest("x", known), "");
  EXPECT_EQ(suggest("", known), "");
  EXPECT_EQ(suggest("colour", known), "");
  EXPECT_EQ(did_you_mean("wieght", known), " (did you mean \"weight\"?)");
  EXPECT_EQ(did_you_mean("colour", known), "");
}

}  // namespace
}  // namespace mpquic::config
