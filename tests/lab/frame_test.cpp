#include "frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace linkem {
namespace {

using Frame = std::vector<std::uint8_t>;

Frame frame_of(std::initializer_list<std::uint8_t> behind_addresses, std::size_t payload = 0) {
  Frame frame(address_bytes + behind_addresses.size() + payload, 0x55);
  std::fill_n(frame.begin(), address_bytes, 0xaa);
  std::copy(behind_addresses.begin(), behind_addresses.end(), frame.begin() + address_bytes);
  return frame;
}

TEST(IpBytes, CountFromBehindTheLastTag) {
  EXPECT_EQ(ip_bytes(frame_of({0x08, 0x00}, 100)), 100);
  EXPECT_EQ(ip_bytes(frame_of({0x86, 0xdd}, 100)), 100);
  EXPECT_EQ(ip_bytes(frame_of({0x81, 0x00, 0x00, 0x64, 0x08, 0x00}, 100)), 100);
  EXPECT_EQ(ip_bytes(frame_of({0x88, 0xa8, 0x00, 0x01, 0x81, 0x00, 0x00, 0x02, 0x86, 0xdd}, 7)), 7);
  EXPECT_EQ(ip_bytes(frame_of({0x08, 0x06}, 28)), 0) << "ARP";
  EXPECT_EQ(ip_bytes(frame_of({0x81, 0x00}, 0)), 0) << "cut short";
  EXPECT_EQ(ip_bytes(Frame{}), 0);
}

TEST(Assemble, PutsTheTagBackBehindTheAddresses) {
  const Frame stripped = frame_of({0x08, 0x00}, 3);
  const Frame tagged = frame_of({0x81, 0x00, 0x20, 0x64, 0x08, 0x00}, 3);
  Frame out(64);
  out.resize(assemble(stripped, VlanTag{0x8100, 0x2064}, out.data()));
  EXPECT_EQ(out, tagged);
  out.assign(64, 0);
  out.resize(assemble(tagged, std::nullopt, out.data()));
  EXPECT_EQ(out, tagged);
}

TEST(FramePool, GivesASlotAgainOnlyWhenEveryCopyIsReleased) {
  FramePool pool(100, 2048);
  const auto slot = *pool.vacant();
  pool.keep(slot, 60, 2);
  EXPECT_EQ(pool.frame(slot).size(), 60);
  EXPECT_NE(*pool.vacant(), slot);
  pool.release(slot);
  EXPECT_NE(*pool.vacant(), slot);
  pool.release(slot);
  EXPECT_EQ(*pool.vacant(), slot);
}

TEST(FramePool, EndsAtItsLimitWithoutOverlap) {
  FramePool pool(100, 2048);
  std::set<std::uint8_t*> places;
  while (const auto slot = pool.vacant()) {
    places.insert(pool.data(*slot));
    pool.keep(*slot, 100, 1);
  }
  EXPECT_EQ(places.size(), 2048);
}

}  // namespace
}  // namespace linkem
