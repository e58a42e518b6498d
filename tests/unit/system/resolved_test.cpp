#include "system/resolved.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <systemd/sd-bus.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "base/time.h"
#include "system/bus.h"

namespace mpquic::system {
namespace {

constexpr const char* name = "org.freedesktop.resolve1";
constexpr unsigned wan = 5, busy = 7, no_domains = 8, silent = 9, denied = 10, gone = 404;

packet::Address address(std::string_view text) { return packet::Address::parse(text).value(); }

/// What of resolved's interface a node uses (org.freedesktop.resolve1(5)): writes down what it is told, one line a
/// call, and refuses where the number of the interface says so.
class FakeResolved {
 public:
  explicit FakeResolved(std::filesystem::path log) : log_(std::move(log)) {}

  void serve() {
    static constexpr sd_bus_vtable methods[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("SetLinkDNS", "ia(iay)", "", &FakeResolved::set_servers, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetLinkDomains", "ia(sb)", "", &FakeResolved::set_domains, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetLinkDefaultRoute", "ib", "", &FakeResolved::set_default_route, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RevertLink", "i", "", &FakeResolved::revert, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END};
    sd_bus* bus = nullptr;
    sd_bus_open_system(&bus);
    sd_bus_add_object_vtable(bus, nullptr, "/org/freedesktop/resolve1", "org.freedesktop.resolve1.Manager", methods,
                             this);
    sd_bus_request_name(bus, name, 0);
    std::ofstream(log_, std::ios::app).flush();  // it is there
    for (;;) {
      while (sd_bus_process(bus, nullptr) > 0) continue;
      sd_bus_wait(bus, UINT64_MAX);
    }
  }

 private:
  static int set_servers(sd_bus_message* call, void* self, sd_bus_error* error) {
    int ifindex = 0, family = 0;
    sd_bus_message_read(call, "i", &ifindex);
    std::string line = "SetLinkDNS " + std::to_string(ifindex);
    sd_bus_message_enter_container(call, 'a', "(iay)");
    while (sd_bus_message_enter_container(call, 'r', "iay") > 0) {
      const void* bytes = nullptr;
      std::size_t size = 0;
      sd_bus_message_read(call, "i", &family);
      sd_bus_message_read_array(call, 'y', &bytes, &size);
      sd_bus_message_exit_container(call);
      const auto server = packet::Address::from_bytes({static_cast<const std::uint8_t*>(bytes), size});
      line += (family == AF_INET6 ? " 6:" : " 4:") + server.to_string();
    }
    if (ifindex == static_cast<int>(silent)) return 1;
    if (ifindex == static_cast<int>(denied)) {
      return sd_bus_error_set(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                              "Interactive authentication required.");
    }
    return answer(self, line, call, ifindex == static_cast<int>(busy) ? "LinkBusy" : nullptr, error);
  }
  static int set_domains(sd_bus_message* call, void* self, sd_bus_error* error) {
    int ifindex = 0, routing_only = 0;
    const char* domain = nullptr;
    sd_bus_message_read(call, "i", &ifindex);
    std::string line = "SetLinkDomains " + std::to_string(ifindex);
    sd_bus_message_enter_container(call, 'a', "(sb)");
    while (sd_bus_message_read(call, "(sb)", &domain, &routing_only) > 0) {
      line += std::string(" ") + (routing_only != 0 ? "~" : "") + domain;
    }
    return answer(self, line, call, ifindex == static_cast<int>(no_domains) ? "Broken" : nullptr, error);
  }
  static int set_default_route(sd_bus_message* call, void* self, sd_bus_error* error) {
    int ifindex = 0, on = 0;
    sd_bus_message_read(call, "ib", &ifindex, &on);
    return answer(self, "SetLinkDefaultRoute " + std::to_string(ifindex) + (on != 0 ? " yes" : " no"), call, nullptr,
                  error);
  }
  static int revert(sd_bus_message* call, void* self, sd_bus_error* error) {
    int ifindex = 0;
    sd_bus_message_read(call, "i", &ifindex);
    return answer(self, "RevertLink " + std::to_string(ifindex), call,
                  ifindex == static_cast<int>(gone) ? "NoSuchLink" : nullptr, error);
  }

  static int answer(void* self, const std::string& line, sd_bus_message* call, const char* refusal,
                    sd_bus_error* error) {
    std::ofstream(static_cast<FakeResolved*>(self)->log_, std::ios::app) << line << std::endl;
    if (refusal == nullptr) return sd_bus_reply_method_return(call, nullptr);
    return sd_bus_error_set(error, (std::string(name) + "." + refusal).c_str(), "not like that");
  }

  std::filesystem::path log_;
};

class ResolvedTest : public testing::Test {
 protected:
  void start() {
    resolved_ = std::make_unique<Child>([this] { FakeResolved(log_).serve(); });
    for (int tries = 0; tries < 1000 && !std::filesystem::exists(log_); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(std::filesystem::exists(log_));
  }
  /// What resolved was told, and the next time what came after.
  std::string told() {
    std::ifstream file(log_);
    file.seekg(static_cast<std::streamoff>(read_));
    std::ostringstream text;
    text << file.rdbuf();
    read_ += text.str().size();
    return text.str();
  }
  static std::string error(const Result<void>& result) { return result ? "" : result.error().message; }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("mpquic_resolved_" + std::to_string(getpid()));
  std::filesystem::path log_ = folder_ / "log";
  OwnBus bus_{folder_, name};
  std::unique_ptr<Child> resolved_;
  std::size_t read_ = 0;
  const std::vector<packet::Address> servers_ = {address("192.0.2.53"), address("2001:db8::53")};
};

TEST_F(ResolvedTest, IsToldTheServersOfAnInterfaceAndToForgetThem) {
  start();
  EXPECT_EQ(error(Resolved().set(wan, servers_)), "");
  EXPECT_EQ(told(), "SetLinkDNS 5 4:192.0.2.53 6:2001:db8::53\nSetLinkDomains 5\nSetLinkDefaultRoute 5 yes\n");
  EXPECT_EQ(error(Resolved().revert(wan)), "");
  EXPECT_EQ(told(), "RevertLink 5\n");
}

TEST_F(ResolvedTest, AllNamesAreSentThereOnlyWhenAskedFor) {
  start();
  EXPECT_EQ(error(Resolved().set(wan, {servers_.data(), 1}, Resolved::Names::all)), "");
  EXPECT_EQ(told(), "SetLinkDNS 5 4:192.0.2.53\nSetLinkDomains 5 ~.\nSetLinkDefaultRoute 5 yes\n");
}

TEST_F(ResolvedTest, ARefusalIsTheErrorAndNothingIsLeftHalfDone) {
  start();
  EXPECT_EQ(error(Resolved().set(busy, servers_)), "systemd-resolved: SetLinkDNS: not like that");
  EXPECT_EQ(told(), "SetLinkDNS 7 4:192.0.2.53 6:2001:db8::53\n");
  EXPECT_EQ(error(Resolved().set(no_domains, servers_)), "systemd-resolved: SetLinkDomains: not like that");
  EXPECT_EQ(told(), "SetLinkDNS 8 4:192.0.2.53 6:2001:db8::53\nSetLinkDomains 8\nRevertLink 8\n");
}

TEST_F(ResolvedTest, WhoMayNotIsSentToPolkit) {
  start();
  EXPECT_EQ(error(Resolved().set(denied, servers_)),
            "systemd-resolved lets this user set no DNS servers: polkit decides who may");
}

TEST_F(ResolvedTest, AnInterfaceThatIsGoneNeedsNoReverting) {
  start();
  EXPECT_EQ(error(Resolved().revert(gone)), "");
  EXPECT_EQ(told(), "RevertLink 404\n");
}

TEST_F(ResolvedTest, IsNotWaitedForForLong) {
  start();
  const Instant begun = Clock::now();
  EXPECT_EQ(error(Resolved().set(silent, servers_)), "systemd-resolved: SetLinkDNS: Connection timed out");
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(8));
}

TEST_F(ResolvedTest, ThatDoesNotRunIsAnErrorAndIsNotStarted) {
  EXPECT_EQ(error(Resolved().set(wan, servers_)), "systemd-resolved does not run here");
  EXPECT_EQ(error(Resolved().revert(wan)), "");
  EXPECT_FALSE(std::filesystem::exists(bus_.started()));
}

TEST_F(ResolvedTest, ABusThatDoesNotGreetIsNotWaitedForForLong) {
  bus_.stop();
  const Deaf deaf(bus_.socket());
  const Instant begun = Clock::now();
  EXPECT_EQ(error(Resolved().set(wan, servers_)),
            "systemd-resolved can't be told anything: the system bus (D-Bus): Connection timed out");
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(8));
}

TEST_F(ResolvedTest, WithoutABusThereIsNoResolved) {
  bus_.stop();
  EXPECT_EQ(error(Resolved().set(wan, servers_)),
            "systemd-resolved can't be told anything: the system bus (D-Bus): Connection refused");
  EXPECT_EQ(error(Resolved().revert(wan)), "");
}

}  // namespace
}  // namespace mpquic::system
