#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace mpquic::system {

/// Ended with this object.
class Child {
 public:
  explicit Child(const std::function<void()>& run) {
    pid_ = fork();
    if (pid_ != 0) return;
    run();
    _exit(1);
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;

 private:
  pid_t pid_ = -1;
};

/// Takes calls at a socket and says nothing.
class Deaf {
 public:
  explicit Deaf(const std::filesystem::path& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    std::filesystem::remove(path);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 8), 0);
  }
  ~Deaf() { close(fd_); }
  Deaf(const Deaf&) = delete;

 private:
  int fd_;
};

/// Instead of the machine's system bus one of the test's own, in this process and its children, for as long as it is
/// there: dbus-daemon(1). It would start `activatable`, a service, by making the file `started`.
class OwnBus {
 public:
  OwnBus(const std::filesystem::path& folder, const std::string& activatable) : folder_(folder) {
    std::filesystem::create_directories(folder_ / "services");
    std::ofstream(folder_ / "services" / (activatable + ".service"))
        << "[D-BUS Service]\nName=" << activatable << "\nExec=/usr/bin/touch " << started().string() << "\nUser=root\n";
    std::ofstream(folder_ / "bus.conf")
        << "<busconfig><listen>unix:path=" << socket().string() << "</listen><servicedir>"
        << (folder_ / "services").string() << "</servicedir><policy context=\"default\"><allow user=\"*\"/>"
        << "<allow own=\"*\"/><allow send_destination=\"*\"/><allow eavesdrop=\"true\"/></policy></busconfig>";
    setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + socket().string()).c_str(), 1);
    daemon_ = std::make_unique<Child>([this] {
      const std::string configuration = "--config-file=" + (folder_ / "bus.conf").string();
      execlp("dbus-daemon", "dbus-daemon", configuration.c_str(), "--nofork", "--nopidfile", nullptr);
    });
    for (int tries = 0; tries < 1000 && !answers(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(answers()) << "dbus-daemon does not run";
  }
  ~OwnBus() {
    daemon_.reset();
    unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
    std::filesystem::remove_all(folder_);
  }
  OwnBus(const OwnBus&) = delete;

  std::filesystem::path started() const { return folder_ / "started"; }
  /// From now on nobody listens there.
  void stop() { daemon_.reset(); }
  std::filesystem::path socket() const { return folder_ / "bus"; }

 private:
  bool answers() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket().string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return connected;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Child> daemon_;
};

}  // namespace mpquic::system
