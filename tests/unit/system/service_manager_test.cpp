#include "system/service_manager.h"

#include "system/notify_socket.h"

namespace mpquic::system {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;

TEST(ServiceManagerTest, SaysNothingWhereNobodyListens) {
  const ServiceManager manager;
  EXPECT_FALSE(manager.listens());
  EXPECT_EQ(manager.watchdog_interval(), std::nullopt);
  manager.ready("0 of 1 tunnels up");
  manager.alive();
  NotifySocket later;
  EXPECT_TRUE(manager.listens());
  EXPECT_EQ(later.receive(10ms), std::nullopt);
}

TEST(ServiceManagerTest, TellsWhatANodeGoesThrough) {
  NotifySocket socket;
  const ServiceManager manager;
  manager.ready("0 of 1 tunnels up");
  EXPECT_EQ(socket.receive(patience), "READY=1\nSTATUS=0 of 1 tunnels up");
  manager.status("1 of 1 tunnels up");
  EXPECT_EQ(socket.receive(patience), "STATUS=1 of 1 tunnels up");
  manager.alive();
  EXPECT_EQ(socket.receive(patience), "WATCHDOG=1");
  manager.stopping();
  EXPECT_EQ(socket.receive(patience), "STOPPING=1\nSTATUS=stopping");
}

TEST(ServiceManagerTest, AReloadCarriesTheTimeOfItsBeginning) {
  NotifySocket socket;
  const auto microseconds = [](Instant when) {
    return std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
  };
  const auto before = microseconds(Clock::now());
  ServiceManager().reloading();
  const auto after = microseconds(Clock::now());
  const std::string message = socket.receive(patience).value_or("");
  const std::string opening = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_TRUE(message.starts_with(opening)) << message;
  const auto told = std::stoll(message.substr(opening.size()));
  EXPECT_LE(before, told);
  EXPECT_LE(told, after);
}

TEST(ServiceManagerTest, AStatusIsOneLine) {
  NotifySocket socket;
  ServiceManager().status("up\nREADY=1");
  EXPECT_EQ(socket.receive(patience), "STATUS=up READY=1");
}

TEST(ServiceManagerTest, TheWatchdogIsForThisProcessOnly) {
  const ServiceManager manager;
  {
    const WatchdogInterval ours(1500ms);
    EXPECT_EQ(manager.watchdog_interval(), Duration(1500ms));
  }
  const WatchdogInterval of_another(1500ms, getppid());
  EXPECT_EQ(manager.watchdog_interval(), std::nullopt);
}

}  // namespace
}  // namespace mpquic::system
