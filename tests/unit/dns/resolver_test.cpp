#include "dns/resolver.h"

#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "dns/tiny_server.h"
#include "system/own_network.h"

namespace mpquic::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

packet::Address address(std::string_view text) { return packet::Address::parse(text).value(); }

std::string in_words(const std::vector<packet::Address>& addresses) {
  std::string text;
  for (const auto& one : addresses) text += (text.empty() ? "" : " ") + one.to_string();
  return text;
}

/// What becomes of each name that the tests ask for.
std::optional<Message> answer(const Asked& asked) {
  const std::vector<std::string> both = {"203.0.113.1", "203.0.113.2", "2001:db8:113::1"};
  if (asked.name == "both.test") return reply(asked, both);
  if (asked.name == "four.test") return reply(asked, {"203.0.113.4"});
  if (asked.name == "six.test") return reply(asked, {"2001:db8:113::6"});
  if (asked.name == "none.test") return reply(asked, {});
  if (asked.name == "nowhere.test") return reply(asked, {"0.0.0.0", "224.0.0.1", "::"});
  if (asked.name == "lost.test") return asked.times < 2 ? std::nullopt : std::optional(reply(asked, both));
  if (asked.name == "only-six.test") return asked.ipv6 ? std::optional(reply(asked, both)) : std::nullopt;
  if (asked.name == "only-four.test") return asked.ipv6 ? std::nullopt : std::optional(reply(asked, both));
  if (asked.name == "long.test")
    return reply(asked, asked.by_tcp ? both : std::vector<std::string>(), Code::ok, !asked.by_tcp);
  if (asked.name == "fails.test") return reply(asked, {}, Code::server_failure);
  if (asked.name == "short.test") return reply(asked, both, Code::ok, false, 40);
  if (asked.name == "noise.test") return Message{0xff, 0xfe, 1, 2, 3};
  if (asked.name == "silent.test") return std::nullopt;
  return reply(asked, {}, Code::no_such_name);
}

/// A machine with two links, behind each of which a DNS server has the address 192.0.2.53, and only there.
class ResolverTest : public system::OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    write("/etc/hosts", "127.0.0.1 localhost\n203.0.113.9 box.test\n");
    write("/etc/resolv.conf", "nameserver 127.0.0.1\nsearch test\noptions ndots:3\n");
    run("ip link set lo up");
    connect("wan1", here_);
    connect("wan2", there_);
  }
  void TearDown() override {
    for (const std::string& path : mounted_) umount2(path.c_str(), MNT_DETACH);
    std::filesystem::remove_all(folder_);
  }

  /// Another file in its place, for this process.
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(folder_);
    const auto file = folder_ / std::filesystem::path(path).filename();
    std::ofstream(file) << text;
    ASSERT_EQ(mount(file.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0) << path << ": " << std::strerror(errno);
    mounted_.push_back(path);
  }

  static void connect(const std::string& interface, const TinyServer& server) {
    const std::string pid = std::to_string(server.pid());
    run("ip link add " + interface + " type veth peer name eth0 netns " + pid);
    run("ip address add 192.0.2." + interface.substr(3) + "/24 dev " + interface);
    run("ip address add 2001:db8::" + interface.substr(3) + "/64 nodad dev " + interface);
    run("ip link set " + interface + " up");
    run("nsenter --net=/proc/" + pid +
        "/ns/net sh -ec '"
        "ip address add 192.0.2.53/24 dev eth0; ip address add 2001:db8::53/64 nodad dev eth0; ip link set eth0 up'");
  }

  /// The addresses, or the error.
  std::string resolve(const std::string& name, const Way& way) {
    std::string result;
    resolver_.resolve(name, way,
                      [&](const auto& answer) { result = answer ? in_words(*answer) : answer.error().message; });
    EXPECT_EQ(result, "") << "not from within";
    const Instant begun = loop_.refresh();
    while (result.empty()) turn();
    took_ = loop_.now() - begun;
    return result;
  }
  void turn() {
    loop_.turn(timers_.next());
    timers_.run(loop_.now());
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("mpquic_dns_" + std::to_string(getpid()));
  std::vector<std::string> mounted_;
  TinyServer here_{answer};
  TinyServer there_{[](const Asked& asked) { return reply(asked, {"198.51.100.1"}); }};
  io::EventLoop loop_ = io::EventLoop::create().value();
  Timers timers_;
  Resolver resolver_{loop_, timers_};
  Duration took_{};
  const Way wan1_{"wan1", {address("192.0.2.53")}};
};

TEST_F(ResolverTest, FamiliesTakeTurnsAndIpv6ComesFirst) {
  EXPECT_EQ(resolve("both.test", wan1_), "2001:db8:113::1 203.0.113.1 203.0.113.2");
  EXPECT_EQ(resolve("four.test", wan1_), "203.0.113.4");
  EXPECT_EQ(resolve("six.test", wan1_), "2001:db8:113::6");
  EXPECT_LT(took_, seconds(2));
}

TEST_F(ResolverTest, TheQuestionLeavesByTheLink) {
  EXPECT_EQ(resolve("four.test", {"wan2", {address("192.0.2.53")}}), "198.51.100.1");
  EXPECT_EQ(resolve("four.test", {"wan1", {address("2001:db8::53")}}), "203.0.113.4");
  EXPECT_EQ(resolve("four.test", {"wan2", {address("2001:db8::53")}}), "198.51.100.1");
  EXPECT_EQ(resolve("four.test", {"wan3", {address("192.0.2.53")}}),
            "four.test: the DNS servers can't be reached, or fail (asked: 192.0.2.53 over wan3)");
}

TEST_F(ResolverTest, WhatIsLostIsAskedAgain) {
  EXPECT_EQ(resolve("lost.test", wan1_), "2001:db8:113::1 203.0.113.1 203.0.113.2");
  EXPECT_GE(took_, milliseconds(900));
}

TEST_F(ResolverTest, OneFamilyIsEnoughForAServerThatIsSilentAboutTheOther) {
  EXPECT_EQ(resolve("only-six.test", wan1_), "2001:db8:113::1");
  EXPECT_LT(took_, seconds(2));
  EXPECT_EQ(resolve("only-four.test", wan1_), "203.0.113.1 203.0.113.2");
  EXPECT_LT(took_, seconds(2));
}

TEST_F(ResolverTest, ALongAnswerIsFetchedByTcp) {
  EXPECT_EQ(resolve("long.test", wan1_), "2001:db8:113::1 203.0.113.1 203.0.113.2");
}

TEST_F(ResolverTest, AServerThatIsNotThereIsPassedOver) {
  EXPECT_EQ(resolve("four.test", {"wan1", {address("192.0.2.99"), address("192.0.2.53")}}), "203.0.113.4");
}

TEST_F(ResolverTest, SaysWhyThereIsNoAddress) {
  const std::string whom = " (asked: 192.0.2.53 over wan1)";
  EXPECT_EQ(resolve("nobody.test", wan1_), "nobody.test: no such name");
  EXPECT_EQ(resolve("none.test", wan1_), "none.test: the name has no address");
  EXPECT_EQ(resolve("nowhere.test", wan1_), "nowhere.test: the name has no address");
  EXPECT_EQ(resolve("short.test", wan1_), "short.test: what the DNS server answers makes no sense" + whom);
  EXPECT_EQ(resolve("fails.test", wan1_), "fails.test: the DNS servers can't be reached, or fail" + whom);
  EXPECT_EQ(resolve("silent.test", wan1_), "silent.test: no DNS server answers" + whom);
  EXPECT_GE(took_, seconds(4));
  EXPECT_LT(took_, seconds(8));
  const std::string noise = resolve("noise.test", wan1_);  // c-ares 1.18 waits for something better to come
  EXPECT_TRUE(noise == "noise.test: no DNS server answers" + whom ||
              noise == "noise.test: what the DNS server answers makes no sense" + whom)
      << noise;
}

TEST_F(ResolverTest, HostsAndAddressesNeedNoServer) {
  const Way silent{"wan1", {address("192.0.2.99")}};
  EXPECT_EQ(resolve("box.test", silent), "203.0.113.9") << "and its IPv6 address is not asked for";
  EXPECT_EQ(resolve("192.0.2.7", silent), "192.0.2.7");
  EXPECT_EQ(resolve("2001:db8::7", silent), "2001:db8::7");
}

TEST_F(ResolverTest, WithoutServersTheMachinesOwnAreAskedAndNoSearchDomains) {
  EXPECT_EQ(resolve("four.test", {"wan1", {}}),
            "four.test: the DNS servers can't be reached, or fail (asked: those of /etc/resolv.conf)");
  write("/etc/resolv.conf", "nameserver 192.0.2.53\nsearch test\noptions ndots:3\n");
  EXPECT_EQ(resolve("four.test", {}), "203.0.113.4") << "read anew";
  EXPECT_EQ(resolve("four", {}), "four: no such name");
  EXPECT_EQ(resolve("four", wan1_), "four: no such name");
}

TEST_F(ResolverTest, ManyAtOnce) {
  std::vector<std::string> results;
  const auto collect = [&](const auto& found) { results.push_back(found ? in_words(*found) : found.error().message); };
  for (int i = 0; i < 20; ++i) resolver_.resolve("four.test", wan1_, collect);
  resolver_.resolve("six.test", wan1_, [&](const auto& found) {
    collect(found);
    resolver_.resolve("box.test", wan1_, collect);  // from within
  });
  while (results.size() < 22) turn();
  EXPECT_EQ(std::ranges::count(results, "203.0.113.4"), 20);
  EXPECT_EQ(std::ranges::count(results, "2001:db8:113::6"), 1);
  EXPECT_EQ(results.back(), "203.0.113.9");
}

TEST_F(ResolverTest, NobodyHearsOfWhatWasUnderWayWhenItGoes) {
  {
    Resolver gone(loop_, timers_);
    gone.resolve("silent.test", wan1_, [](const auto&) { ADD_FAILURE(); });
    gone.resolve("box.test", wan1_, [](const auto&) { ADD_FAILURE(); });
    gone.resolve("four.test", wan1_, [](const auto&) { ADD_FAILURE(); });
  }
  EXPECT_EQ(timers_.next(), never);
  EXPECT_EQ(loop_.turn(loop_.now() + milliseconds(300)), 0U) << "no socket is watched any more";
}

TEST(OrderOfTrying, KeepsTheOrderWithinAFamilyAndDropsDoubles) {
  const auto ordered = [](const std::vector<std::string>& texts) {
    std::vector<packet::Address> addresses;
    for (const auto& text : texts) addresses.push_back(address(text));
    return in_words(in_order_of_trying(addresses));
  };
  EXPECT_EQ(ordered({}), "");
  EXPECT_EQ(ordered({"192.0.2.2", "192.0.2.1", "192.0.2.2"}), "192.0.2.2 192.0.2.1");
  EXPECT_EQ(ordered({"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::1"}),
            "2001:db8::2 192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.3");
}

}  // namespace
}  // namespace mpquic::dns
