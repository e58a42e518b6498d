#include "system/tun_device.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "system/own_network.h"

namespace mpquic::system {
namespace {

bool exists(const char* name) { return if_nametoindex(name) != 0; }

class TunDeviceTest : public OwnNetwork {
 protected:
  static std::string error_of(std::string_view name, unsigned queues = 1) {
    const auto opened = TunDevice::open(name, queues, {});
    return opened ? "no error" : opened.error().message;
  }
  static int header_size(const Fd& queue) {
    int size = 0;
    EXPECT_EQ(ioctl(queue.get(), TUNGETVNETHDRSZ, &size), 0);
    return size;
  }
  static short flags(const Fd& queue) {
    ifreq request{};
    EXPECT_EQ(ioctl(queue.get(), TUNGETIFF, &request), 0);
    return request.ifr_flags;
  }
};

TEST_F(TunDeviceTest, HasTheQueuesAskedForAndIsGoneWithTheLastOfThem) {
  for (const unsigned queues : {1u, 2u, 8u}) {
    std::vector<Fd> handed_out;
    {
      auto tun = TunDevice::open("mpq1", queues, {});
      ASSERT_TRUE(tun) << tun.error().message;
      EXPECT_EQ(tun->name(), "mpq1");
      handed_out = tun->take_queues();
      EXPECT_TRUE(tun->take_queues().empty());
    }
    ASSERT_EQ(handed_out.size(), queues);
    for (const Fd& queue : handed_out) {
      EXPECT_EQ(header_size(queue), 10);
      EXPECT_TRUE(flags(queue) & IFF_VNET_HDR);
      EXPECT_TRUE(flags(queue) & IFF_NO_PI);
      EXPECT_TRUE(fcntl(queue.get(), F_GETFL) & O_NONBLOCK);
      EXPECT_TRUE(fcntl(queue.get(), F_GETFD) & FD_CLOEXEC);
    }
    while (!handed_out.empty()) {
      EXPECT_TRUE(exists("mpq1"));
      handed_out.pop_back();
    }
    EXPECT_FALSE(exists("mpq1"));
  }
}

TEST_F(TunDeviceTest, GrantsNoMoreThanWasWantedAndNothingWithoutWhatItNeeds) {
  struct Case {
    Offloads wanted, most;
  };
  for (const auto& [wanted, most] : std::vector<Case>{{{true, true, true}, {true, true, true}},
                                                      {{true, true, false}, {true, true, false}},
                                                      {{true, false, false}, {true, false, false}},
                                                      {{false, false, false}, {false, false, false}},
                                                      {{false, true, true}, {false, false, false}},
                                                      {{true, false, true}, {true, false, false}}}) {
    auto tun = TunDevice::open("mpq1", 1, wanted);
    ASSERT_TRUE(tun) << tun.error().message;
    EXPECT_EQ(tun->offloads().checksum, most.checksum);
    EXPECT_EQ(tun->offloads().segment_tcp, most.segment_tcp);
    // Older kernels can't do this one.
    EXPECT_LE(tun->offloads().segment_udp, most.segment_udp);
    const std::string tso = tun->offloads().segment_tcp ? "on" : "off";
    run("if command -v ethtool >/dev/null; then ethtool -k mpq1 | grep -q '^tcp-segmentation-offload: " + tso +
        "'; fi");
  }
}

TEST_F(TunDeviceTest, OpenTwiceSaysWhoHasIt) {
  for (const unsigned theirs : {1u, 2u}) {
    OtherProcess other([&] {
      static std::optional<Result<TunDevice>> tun;
      tun.emplace(TunDevice::open("mpq1", theirs, {}));
      return tun->has_value();
    });
    for (const unsigned ours : {1u, 2u}) {
      const std::string error = error_of("mpq1", ours);
      EXPECT_TRUE(error.starts_with("TUN device mpq1 is in use by process " + std::to_string(other.pid()) + " ("))
          << error;
      EXPECT_TRUE(exists("mpq1")) << "theirs is still there";
    }
  }
}

TEST_F(TunDeviceTest, APersistentLeftoverIsTakenOverAndThenAsMuchOursAsANewOne) {
  for (const char* leftover : {"", "multi_queue", "vnet_hdr", "pi", "pi multi_queue user 65534"}) {
    for (const unsigned queues : {1u, 2u}) {
      SCOPED_TRACE(std::string(leftover) + ", for " + std::to_string(queues));
      run(std::string("ip tuntap add dev mpq1 mode tun ") + leftover);
      {
        auto tun = TunDevice::open("mpq1", queues, {});
        ASSERT_TRUE(tun) << tun.error().message;
        const auto handed_out = tun->take_queues();
        ASSERT_EQ(handed_out.size(), queues);
        for (const Fd& queue : handed_out) {
          EXPECT_EQ(header_size(queue), 10);
          EXPECT_TRUE(flags(queue) & IFF_VNET_HDR);
          EXPECT_TRUE(flags(queue) & IFF_NO_PI);
          EXPECT_EQ((flags(queue) & IFF_MULTI_QUEUE) != 0, queues > 1);
          EXPECT_FALSE(flags(queue) & IFF_PERSIST);
        }
      }
      EXPECT_FALSE(exists("mpq1"));
    }
  }
}

TEST_F(TunDeviceTest, ALeftoverOfTheRightKindKeepsItsInterface) {
  run("ip tuntap add dev mpq1 mode tun && ip link set mpq1 up && ip addr add 10.1.0.1/24 dev mpq1");
  const unsigned before = if_nametoindex("mpq1");
  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  EXPECT_EQ(if_nametoindex("mpq1"), before);
  run("ip addr show dev mpq1 | grep -q 10.1.0.1/24");
}

TEST_F(TunDeviceTest, ALeftoverThatSomebodyHasOpenIsTheirs) {
  run("ip tuntap add dev mpq1 mode tun multi_queue");
  OtherProcess other([] {
    static auto tun = ::open("/dev/net/tun", O_RDWR);
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE;
    std::string("mpq1").copy(request.ifr_name, IFNAMSIZ);
    return ioctl(tun, TUNSETIFF, &request) == 0;
  });
  for (const unsigned queues : {1u, 2u}) {
    EXPECT_NE(error_of("mpq1", queues).find(std::to_string(other.pid())), std::string::npos);
  }
  run("ip -d link show mpq1 | grep -q 'persist on'");
}

TEST_F(TunDeviceTest, AnotherKindOfInterfaceIsLeftAlone) {
  run("ip link add mpq1 type veth peer name peer1");
  run("ip tuntap add dev mpq2 mode tap");
  EXPECT_EQ(error_of("mpq1"), "interface mpq1 exists already and is no TUN device but of kind veth");
  EXPECT_EQ(error_of("mpq2"), "interface mpq2 exists already and is no TUN device but of kind TAP");
  EXPECT_EQ(error_of("lo"), "interface lo exists already and is no TUN device but of kind hardware or loopback");
  EXPECT_TRUE(exists("mpq1"));
  EXPECT_TRUE(exists("mpq2"));
}

TEST_F(TunDeviceTest, ANameThatIsNoneIsRefused) {
  for (const char* name : {"", ".", "..", "a/b", "a b", "a:b", "mpq%d", "sixteen-is-more.", "t\tb"}) {
    EXPECT_EQ(error_of(name), "\"" + std::string(name) + "\" can't be the name of an interface");
  }
  EXPECT_EQ(error_of("fifteen-is-most"), "no error");
}

bool drop_net_admin() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return false;
  for (__u32* set : {&sets[0].effective, &sets[0].permitted}) *set &= ~(1U << CAP_NET_ADMIN);
  return syscall(SYS_capset, &header, sets.data()) == 0;
}

// Not as another user: who may open /dev/net/tun is up to the machine.
TEST_F(TunDeviceTest, WithoutPrivilegeTheErrorSaysWhatIsMissing) {
  OtherProcess other([] {
    if (!drop_net_admin()) return false;
    const std::string error = error_of("mpq1");
    return error == "create TUN device mpq1 (this needs root or CAP_NET_ADMIN): Operation not permitted";
  });
  EXPECT_FALSE(exists("mpq1"));
}

}  // namespace
}  // namespace mpquic::system
