#include "system/conntrack.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "system/own_network.h"

namespace mpquic::system {
namespace {

class ConntrackTest : public OwnNetwork {
 protected:
  /// Packets that came through with this mark.
  static std::string count(const std::string& counter) {
    return output("nft list counter inet t " + counter + " | grep -o 'packets [0-9]*'");
  }
};

TEST_F(ConntrackTest, MarksOfARangeAreTakenOffAndNothingElse) {
  run("ip link set lo up && nft 'table inet t { counter one { }; counter two { }; counter three { }; "
      "chain o { type filter hook output priority mangle; udp length 9 udp dport vmap { 7001 : goto first, 7002 : goto "
      "second, 7003 : goto third }; }; "
      "chain first { ct mark set 0x00100007; }; chain second { ct mark set 0x00200000; }; "
      "chain third { ct mark set 0x00300007; }; "
      "chain i { type filter hook input priority filter; udp dport 7001 ct mark 0x7 counter name one; "
      "udp dport 7002 ct mark 0 counter name two; udp dport 7003 ct mark 0x300007 counter name three; }; }'");
  std::vector<Fd> sockets;
  for (const std::uint16_t port : {std::uint16_t{7001}, std::uint16_t{7002}, std::uint16_t{7003}}) {
    sockets.emplace_back(::socket(AF_INET, SOCK_DGRAM, 0));
    const sockaddr_in to{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    ASSERT_EQ(::connect(sockets.back().get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    ASSERT_EQ(::send(sockets.back().get(), "x", 1, 0), 1);
  }
  EXPECT_EQ(count("one") + count("two") + count("three"), "packets 0\npackets 0\npackets 1\n");

  const auto cleared = clear_connection_marks(0x00100000, 0x00200000, 0xfff00000);
  ASSERT_TRUE(cleared) << cleared.error().message;
  for (const Fd& socket : sockets) {
    ::send(socket.get(), "yy", 2, 0);  // may tell of the first one, which nobody has taken
    ::send(socket.get(), "yy", 2, 0);
  }
  EXPECT_NE(count("one"), "packets 0\n") << "the rest of the mark stays";
  EXPECT_NE(count("two"), "packets 0\n");
  EXPECT_NE(count("three"), "packets 1\n") << "not in the range";
}

}  // namespace
}  // namespace mpquic::system
