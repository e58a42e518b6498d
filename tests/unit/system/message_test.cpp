#include "system/message.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <random>
#include <vector>

#include "system/request.h"
#include "system/rtnetlink.h"

namespace mpquic::system {
namespace {

TEST(Message, IsReadBackAsARequestWroteIt) {
  Request request("test", RTM_NEWLINK, NLM_F_CREATE, ifinfomsg{});
  request.put_text(IFLA_IFNAME, "mpq1").put_u32(IFLA_MTU, 1300).put_u8(IFLA_OPERSTATE, 6);
  request.nest(IFLA_LINKINFO, [](Request& info) { info.put_text(IFLA_INFO_KIND, "tun"); });
  request.put_u32(IFLA_TXQLEN, 50);

  Bytes bytes = request.bytes();
  const auto message = next_message(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(message->type, RTM_NEWLINK);
  EXPECT_EQ(message->flags, NLM_F_REQUEST | NLM_F_CREATE);
  const auto attributes = Attributes::of(*message, sizeof(ifinfomsg));
  EXPECT_EQ(attributes.text(IFLA_IFNAME), "mpq1");
  EXPECT_EQ(attributes.u32(IFLA_MTU), 1300);
  EXPECT_EQ(attributes.u8(IFLA_OPERSTATE), 6);
  EXPECT_EQ(attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND), "tun");
  EXPECT_EQ(attributes.u32(IFLA_TXQLEN), 50) << "the attribute after a nest";
}

TEST(Message, AnAttributeThatIsMissingOrOfAnotherSizeIsNoValue) {
  Request request("test", RTM_NEWLINK, 0, ifinfomsg{});
  request.put_u32(IFLA_MTU, 1300);
  Bytes bytes = request.bytes();
  const auto attributes = Attributes::of(*next_message(bytes), sizeof(ifinfomsg));
  EXPECT_EQ(attributes.u8(IFLA_MTU), std::nullopt);
  EXPECT_EQ(attributes.u32(IFLA_TXQLEN), std::nullopt);
  EXPECT_EQ(attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND), std::nullopt);
}

TEST(Message, SeveralOfOneReceiveComeOneByOneAndTheCutOffOneNever) {
  Request request("test", RTM_NEWADDR, 0, ifaddrmsg{});
  const Bytes one = request.put_u32(IFA_FLAGS, 1).bytes();
  std::vector<std::uint8_t> received(one.begin(), one.end());
  received.resize((received.size() + 3) & ~std::size_t{3});
  received.insert(received.end(), one.begin(), one.end());
  received.insert(received.end(), one.begin(), one.end() - 1);
  Bytes left(received);
  EXPECT_TRUE(next_message(left));
  EXPECT_TRUE(next_message(left));
  EXPECT_FALSE(next_message(left));
}

// The sanitizers are what watches this test.
TEST(Message, NoBytesWhateverMakeTheParsersReadElsewhere) {
  const std::uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Request link("test", RTM_NEWLINK, 0, ifinfomsg{});
  link.nest(IFLA_LINKINFO, [](Request& info) {
    info.put_text(IFLA_INFO_KIND, "tun").nest(IFLA_INFO_DATA, [](Request& tun) { tun.put_u8(IFLA_TUN_TYPE, 1); });
  });
  Request route("test", RTM_NEWROUTE, 0, rtmsg{});
  route.put_u32(RTA_OIF, 3).put_bytes(RTA_VIA, link.bytes()).put_bytes(RTA_MULTIPATH, link.bytes());
  Request address("test", RTM_NEWADDR, 0, ifaddrmsg{});
  address.put_u32(IFA_LOCAL, 1).put_u32(IFA_ADDRESS, 2).put_u32(IFA_FLAGS, 3);
  for (const Request& request : {link, route, address}) {
    for (int i = 0; i < 20'000; ++i) {
      // On the heap and of exact size, so that a byte too far is seen.
      std::vector<std::uint8_t> bytes(request.bytes().begin(), request.bytes().end());
      for (int flips = 0; flips < 4; ++flips) bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      bytes.resize(random() % 2 ? bytes.size() : random() % bytes.size());
      bytes.shrink_to_fit();
      Bytes left(bytes);
      while (const auto message = next_message(left)) {
        parse_link(*message);
        parse_address(*message);
        parse_route(*message);
      }
    }
  }
}

}  // namespace
}  // namespace mpquic::system
