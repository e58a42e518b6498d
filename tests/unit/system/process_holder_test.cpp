#include "system/process_holder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include "system/own_network.h"
#include "system/tun_device.h"

namespace mpquic::system {
namespace {

// In a forked process the descriptor stays open until the process ends.
bool bind_udp(const std::string& text, bool only_ipv6 = false) {
  const auto wanted = packet::SocketAddress::parse(text).value();
  const bool ipv4 = wanted.address.is_ipv4();
  const int fd = socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  const int on = 1;
  if (only_ipv6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(wanted.port);
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(wanted.port);
  if (ipv4) {
    std::copy(wanted.address.bytes().begin(), wanted.address.bytes().end(),
              reinterpret_cast<std::uint8_t*>(&in.sin_addr));
    return bind(fd, reinterpret_cast<sockaddr*>(&in), sizeof in) == 0;
  }
  std::copy(wanted.address.bytes().begin(), wanted.address.bytes().end(), in6.sin6_addr.s6_addr);
  return bind(fd, reinterpret_cast<sockaddr*>(&in6), sizeof in6) == 0;
}

class ProcessHolderTest : public OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    run("ip link set lo up");
  }
  static std::optional<Holder> holder(const char* wanted) {
    return holder_of_udp_port(packet::SocketAddress::parse(wanted).value());
  }
};

TEST_F(ProcessHolderTest, NamesTheProcessThatKeepsUsFromBinding) {
  struct Case {
    const char* bound;
    const char* wanted;
    bool found;
  };
  const std::vector<Case> cases = {
      {"127.0.0.1:45010", "127.0.0.1:45010", true},
      {"0.0.0.0:45010", "127.0.0.1:45010", true},
      {"127.0.0.1:45010", "0.0.0.0:45010", true},
      {"[::]:45010", "127.0.0.1:45010", true},
      {"127.0.0.1:45010", "[::]:45010", true},
      {"[::1]:45010", "[::1]:45010", true},
      {"[::]:45010", "[::1]:45010", true},
      {"[::1]:45010", "[::]:45010", true},
      {"[::ffff:127.0.0.1]:45010", "127.0.0.1:45010", true},
      {"127.0.0.1:45010", "127.0.0.1:45011", false},
      {"127.0.0.2:45010", "127.0.0.1:45010", false},
      {"[::1]:45010", "0.0.0.0:45010", false},
      {"0.0.0.0:45010", "[::1]:45010", false},
  };
  for (const auto& [bound, wanted, found] : cases) {
    OtherProcess other([&] {
      prctl(PR_SET_NAME, "somebody else");
      return bind_udp(bound);
    });
    const auto who = holder(wanted);
    ASSERT_EQ(who.has_value(), found) << bound << " against " << wanted;
    if (found) {
      EXPECT_EQ(who->pid, other.pid());
      EXPECT_EQ(who->command, "somebody else");
    }
  }
}

TEST_F(ProcessHolderTest, PrefersTheSocketOfTheVeryAddress) {
  OtherProcess overlapping([] { return bind_udp("[::]:45010", true); });
  OtherProcess same([] { return bind_udp("127.0.0.1:45010"); });
  const auto who = holder("127.0.0.1:45010");
  ASSERT_TRUE(who);
  EXPECT_EQ(who->pid, same.pid());
}

TEST_F(ProcessHolderTest, TellsWhoHasATun) {
  OtherProcess other([] {
    static auto tun = TunDevice::open("mpq1", 1, {});
    return tun.has_value();
  });
  const auto who = holder_of_tun("mpq1");
  ASSERT_TRUE(who);
  EXPECT_EQ(who->pid, other.pid());
  EXPECT_FALSE(holder_of_tun("mpq")) << "a name is not its beginning";
  EXPECT_FALSE(holder_of_tun("mpq11"));
}

TEST_F(ProcessHolderTest, ATunOfThatNameInAnotherNamespaceIsAnotherTun) {
  OtherProcess other([] {
    static std::optional<Result<TunDevice>> tun;
    if (unshare(CLONE_NEWNET) != 0) return false;
    tun.emplace(TunDevice::open("mpq1", 1, {}));
    return tun->has_value();
  });
  EXPECT_FALSE(holder_of_tun("mpq1"));
}

TEST_F(ProcessHolderTest, ReadsWellInAnErrorLine) {
  EXPECT_EQ((Holder{4711, "mpquic"}).to_string(), "process 4711 (mpquic)");
}

}  // namespace
}  // namespace mpquic::system
