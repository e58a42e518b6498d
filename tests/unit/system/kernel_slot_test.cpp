#include "system/kernel_slot.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <set>

#include "system/own_network.h"

namespace mpquic::system {
namespace {

TEST(KernelSlot, ANodeFindsItsOwnAgainAndANewOneTakesTheFirstThatIsFree) {
  const std::vector<std::string> tables{"filter", "mpquic.0.box", "mpquic.2.cr5", "mpquic.x.df5", "mpquic"};
  EXPECT_EQ(KernelSlot::choose("cr5", tables)->number(), 2U);
  EXPECT_EQ(KernelSlot::choose("df5", tables)->table(), "mpquic.1.df5");
  EXPECT_EQ(KernelSlot::choose("box", {})->number(), 0U);
  EXPECT_EQ(KernelSlot::choose("bo x$", {})->table(), "mpquic.0.bo_20x_24");
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < KernelSlot::slots; ++i) all.push_back(KernelSlot(i, "n" + std::to_string(i)).table());
  EXPECT_FALSE(KernelSlot::choose("one-more", all));
}

TEST(KernelSlot, NumbersAndMarksOfTwoNodesAreNeverTheSame) {
  std::set<std::uint32_t> marks, numbers;
  for (std::uint32_t number = 0; number < KernelSlot::slots; ++number) {
    const KernelSlot slot(number, "n");
    EXPECT_EQ(slot.address_protocol(), 109 + number) << "below the numbers that routing daemons have (186 and up)";
    for (std::uint32_t i = 0; i < KernelSlot::size; ++i) {
      EXPECT_NE(slot.mark(i), 0U);
      EXPECT_EQ(slot.mark(i) & ~KernelSlot::mark_mask, 0U);
      marks.insert(slot.mark(i));
      numbers.insert(slot.first() + i);
    }
  }
  EXPECT_EQ(marks.size(), KernelSlot::slots * KernelSlot::size);
  EXPECT_EQ(numbers.size(), KernelSlot::slots * KernelSlot::size);
  EXPECT_LT(*numbers.rbegin(), 32766U) << "before the main table's rule";
}

class KernelLockTest : public OwnNetwork {};

TEST_F(KernelLockTest, OneAtATimeInANetworkNamespace) {
  auto held = KernelLock::take();
  ASSERT_TRUE(held);
  EXPECT_EQ(KernelLock::take().error().message, "another process has been changing kernel state for two seconds");
  {
    const auto given_up = std::move(*held);
  }
  EXPECT_TRUE(KernelLock::take());
}

TEST_F(KernelLockTest, WhoMayChangeNothingHoldsNoLock) {
  const OtherProcess pretender([] {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path + 1, "mpquic-kernel-state", 19);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    return setresuid(65534, 65534, 65534) == 0 &&
           bind(socket, reinterpret_cast<const sockaddr*>(&name), offsetof(sockaddr_un, sun_path) + 20) == 0 &&
           listen(socket, 1) == 0;
  });
  EXPECT_TRUE(KernelLock::take());
}

}  // namespace
}  // namespace mpquic::system
