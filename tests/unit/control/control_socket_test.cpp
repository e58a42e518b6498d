#include "control/control_socket.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "control/query.h"

namespace mpquic::control {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

mode_t mode_of(const fs::path& path) {
  struct stat found{};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

/// The client's side, in the test's own thread: nothing here waits.
class RawClient {
 public:
  explicit RawClient(const fs::path& path) : socket_(*unix_stream()) {
    EXPECT_TRUE(connect_to(socket_, *unix_address(path)));
  }
  void send(std::string_view text) { ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
  void finish() { ::shutdown(socket_.get(), SHUT_WR); }
  /// All that has come so far.
  std::string read() {
    std::array<char, 4096> buffer;
    ssize_t got;
    while ((got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0)
      text_.append(buffer.data(), static_cast<std::size_t>(got));
    closed_ = got == 0 || (errno != EAGAIN && errno != EINTR);
    return text_;
  }
  bool closed() {
    read();
    return closed_;
  }

 private:
  Fd socket_;
  std::string text_;
  bool closed_ = false;
};

class ControlSocketTest : public testing::Test {
 protected:
  ControlSocketTest() {
    std::string pattern = testing::TempDir() + "control.XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ / "run" / "box1.sock";
  }
  ~ControlSocketTest() override { fs::remove_all(directory_); }

  void open() {
    auto opened = ControlSocket::open(path_);
    ASSERT_TRUE(opened) << opened.error().message;
    socket_.emplace(std::move(*opened));
  }
  bool readable() const {
    pollfd ready{.fd = socket_->fd(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 0) == 1;
  }
  /// What a loop does, for as long as there is something to do.
  void turn() {
    int turns = 0;
    for (; readable() && turns < 1000; ++turns) {
      socket_->on_readable(now_, [this](ControlRequest request) { requests_.push_back(std::move(request)); });
    }
    EXPECT_LT(turns, 1000) << "the loop spins";
  }

  fs::path directory_;
  fs::path path_;
  std::optional<ControlSocket> socket_;
  std::vector<ControlRequest> requests_;
  Instant now_ = Instant() + 1h;
};

TEST_F(ControlSocketTest, IsForItsOwnUserAloneInADirectoryForAll) {
  const mode_t before = ::umask(0077);
  open();
  ::umask(0);
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_EQ(mode_of(path_.parent_path()), 0755U);
  socket_.reset();
  open();
  EXPECT_EQ(mode_of(path_), 0600U);
  ::umask(before);
}

TEST_F(ControlSocketTest, LeavesNoFileBehind) {
  open();
  EXPECT_TRUE(fs::exists(path_));
  ControlSocket moved = std::move(*socket_);
  socket_.reset();
  EXPECT_TRUE(fs::exists(path_));
  {
    ControlSocket gone = std::move(moved);
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(ControlSocketTest, DoesNotRemoveAFileThatIsNotItsOwn) {
  open();
  fs::remove(path_);
  std::ofstream(path_) << "somebody else's";
  socket_.reset();
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(ControlSocketTest, ReplacesWhatADeadProcessLeft) {
  fs::create_directories(path_.parent_path());
  {
    const Fd dead = *unix_stream();
    const auto address = *unix_address(path_);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ASSERT_TRUE(fs::exists(path_));
  open();
  EXPECT_TRUE(query(path_, "x", 0s).error().message.find("no answer in time") != std::string::npos);
}

TEST_F(ControlSocketTest, RefusesToReplaceALiveOne) {
  open();
  const auto second = ControlSocket::open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, fmt::format("{}: another mpquic (pid {}) already runs with this control socket",
                                                path_.native(), ::getpid()));
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(ControlSocketTest, RefusesToReplaceWhatIsNoSocket) {
  fs::create_directories(path_.parent_path());
  std::ofstream(path_) << "precious";
  EXPECT_EQ(ControlSocket::open(path_).error().message, path_.native() + ": exists and is no socket");
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(ControlSocketTest, RefusesANameTooLongForASocket) {
  EXPECT_FALSE(ControlSocket::open(directory_ / std::string(120, 'x')));
}

TEST_F(ControlSocketTest, AnswersALine) {
  open();
  RawClient client(path_);
  turn();
  client.send("sta");
  turn();
  EXPECT_TRUE(requests_.empty());
  client.send("tus\n");
  turn();
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(requests_[0].line(), "status");
  EXPECT_EQ(client.read(), "");

  requests_[0].reply("{}");
  requests_[0].reply("once more");
  turn();
  EXPECT_EQ(client.read(), "{}\n");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(socket_->clients(), 0U);
}

TEST_F(ControlSocketTest, AnswersWhoHasFinishedSending) {
  open();
  RawClient client(path_);
  client.send("status\n");
  client.finish();
  turn();
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(socket_->clients(), 1U);
  requests_[0].refuse("no \"such\" thing");
  turn();
  EXPECT_EQ(client.read(), "{\"error\":\"no \\\"such\\\" thing\"}\n");
}

TEST_F(ControlSocketTest, MayBeAnsweredWithinTheHandler) {
  open();
  RawClient client(path_);
  client.send("status\n");
  for (int i = 0; i < 3; ++i) socket_->on_readable(now_, [](const ControlRequest& request) { request.reply("[]"); });
  EXPECT_EQ(client.read(), "[]\n");
}

TEST_F(ControlSocketTest, ARequestMayOutliveItsClientAndTheSocket) {
  open();
  {
    RawClient client(path_);
    client.send("status\n");
    turn();
  }
  turn();
  EXPECT_EQ(socket_->clients(), 0U) << "who has hung up is forgotten";
  requests_.at(0).reply("{}");

  RawClient client(path_);
  client.send("status\n");
  turn();
  socket_.reset();
  EXPECT_TRUE(client.closed());
  requests_.at(1).reply("{}");
}

TEST_F(ControlSocketTest, WritesALongAnswerAsItIsRead) {
  open();
  RawClient client(path_);
  client.send("status\n");
  turn();
  const std::string answer(5 << 20, 'x');
  requests_.at(0).reply(answer);
  turn();
  EXPECT_EQ(socket_->clients(), 1U);
  while (!client.closed()) turn();
  EXPECT_EQ(client.read(), answer + '\n');
}

TEST_F(ControlSocketTest, PartsWithAReaderWhoDoesNotRead) {
  open();
  RawClient client(path_);
  client.send("status\n");
  turn();
  requests_.at(0).reply(std::string(5 << 20, 'x'));
  turn();
  EXPECT_EQ(socket_->deadline(), now_ + ControlSocket::time_for_answer);
  now_ = socket_->deadline();
  socket_->on_deadline(now_);
  EXPECT_EQ(socket_->clients(), 0U);
}

TEST_F(ControlSocketTest, PartsWithWhoDoesNotFinishItsLine) {
  open();
  EXPECT_EQ(socket_->deadline(), never);
  RawClient client(path_);
  client.send("stat");
  turn();
  EXPECT_EQ(socket_->deadline(), now_ + ControlSocket::time_for_line);
  now_ = socket_->deadline() - 1ns;
  socket_->on_deadline(now_);
  EXPECT_FALSE(client.closed());
  now_ += 1ns;
  socket_->on_deadline(now_);
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(socket_->deadline(), never);
}

TEST_F(ControlSocketTest, PartsWithWhoEndsInTheMiddleOfALine) {
  open();
  RawClient client(path_);
  client.send("stat");
  client.finish();
  turn();
  EXPECT_EQ(socket_->clients(), 0U);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(ControlSocketTest, RefusesALineWithoutAnEnd) {
  open();
  RawClient client(path_);
  client.send(std::string(1 << 20, 'x'));
  turn();
  EXPECT_EQ(client.read(), "{\"error\":\"the request is too long\"}\n");
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(requests_.empty());
}

TEST_F(ControlSocketTest, TakesALineOfTheGreatestLength) {
  open();
  RawClient client(path_);
  client.send(std::string(ControlSocket::line_max, 'x') + '\n');
  turn();
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(requests_[0].line().size(), ControlSocket::line_max);
}

TEST_F(ControlSocketTest, AnswersTheNewestOfAHundredWhoSayNothing) {
  open();
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(std::make_unique<RawClient>(path_));
  RawClient client(path_);
  client.send("status\n");
  turn();
  EXPECT_EQ(socket_->clients(), ControlSocket::clients_max);
  ASSERT_EQ(requests_.size(), 1U);
  requests_[0].reply("{}");
  turn();
  EXPECT_EQ(client.read(), "{}\n");
}

TEST_F(ControlSocketTest, DoesNotSpinWithoutDescriptors) {
  open();
  RawClient client(path_);
  client.send("status\n");
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  ASSERT_TRUE(readable());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  socket_->on_readable(now_, [](const ControlRequest&) { FAIL(); });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_FALSE(readable());
  now_ = socket_->deadline();
  ASSERT_NE(now_, never);
  socket_->on_deadline(now_);
  turn();
  EXPECT_EQ(requests_.size(), 1U);
}

TEST_F(ControlSocketTest, IsAskedForAStatus) {
  open();
  std::jthread node([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd ready{.fd = socket_->fd(), .events = POLLIN, .revents = 0};
      ::poll(&ready, 1, 10);
      socket_->on_readable(Clock::now(), [](const ControlRequest& request) {
        if (request.line() != "status") return request.refuse("unknown request");
        request.reply(to_text({.instance = "box1"}));
      });
    }
  });
  const auto status = query_status(path_, 5s);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->instance, "box1");
  EXPECT_EQ(query(path_, "restart", 5s), R"({"error":"unknown request"})");
}

TEST_F(ControlSocketTest, TellsThatNobodyIsThere) {
  EXPECT_EQ(query_status(path_, 1s).error().message, path_.native() + ": no mpquic runs with this control socket");
}

}  // namespace
}  // namespace mpquic::control
