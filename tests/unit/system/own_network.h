#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

namespace mpquic::system {

/// Each test gets a network namespace of its own, empty but for a loopback interface that is down. It goes with the
/// process, or with the next test that unshares.
class OwnNetwork : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "this test needs root, for a network namespace: " << std::strerror(errno);
  }

  /// "ip ..." or another command of the shell, which must succeed.
  static void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

  /// What a command of the shell prints.
  static std::string output(const std::string& command) {
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) text += static_cast<char>(c);
    pclose(pipe);
    return text;
  }
};

/// A forked process that does `prepare`, tells that it is done, and stays until this object goes.
class OtherProcess {
 public:
  explicit OtherProcess(const std::function<bool()>& prepare) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      const char prepared = prepare() ? 'y' : 'n';
      if (write(ready[1], &prepared, 1) != 1) _exit(1);
      for (;;) pause();
    }
    close(ready[1]);
    char prepared = 'n';
    EXPECT_EQ(read(ready[0], &prepared, 1), 1);
    EXPECT_EQ(prepared, 'y') << "the other process could not do its part";
    close(ready[0]);
  }
  ~OtherProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  OtherProcess(const OtherProcess&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

}  // namespace mpquic::system
