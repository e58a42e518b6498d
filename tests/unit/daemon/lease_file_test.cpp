#include "daemon/lease_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace mpquic::daemon {
namespace {

using namespace std::chrono_literals;

class LeaseFileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("mpquic_leases_" + std::to_string(getpid()));
  std::filesystem::path path_ = folder_ / "nodes/server.leases";
  std::string text_ = "one\n";
  LeaseFile file_{path_, [this] { return text_; }};
  Instant now_ = Instant(1h);
};

TEST_F(LeaseFileTest, IsWrittenOnceForAllThatHasChanged) {
  EXPECT_EQ(file_.read(), "");
  EXPECT_EQ(file_.deadline(), never);
  file_.changed(now_);
  file_.changed(now_ + 1ms);
  const Instant first = file_.deadline();
  EXPECT_LE(first, now_ + 10ms);
  EXPECT_FALSE(std::filesystem::exists(path_));
  file_.on_deadline(first - 1ms);
  EXPECT_FALSE(std::filesystem::exists(path_)) << "not yet";
  file_.on_deadline(first);
  EXPECT_EQ(file_.read(), "one\n");
  EXPECT_EQ(file_.deadline(), never);
  text_ = "two\n";
  file_.changed(first + 1ms);
  EXPECT_GE(file_.deadline(), first + 1s) << "not for every one of a stampede";
  file_.on_deadline(file_.deadline());
  EXPECT_EQ(LeaseFile(path_, {}).read(), "two\n") << "of the next run";
}

TEST_F(LeaseFileTest, IsForNobodyElseToReadAndLeavesNoOther) {
  file_.changed(now_);
  file_.on_deadline(file_.deadline());
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_.parent_path()), {}), 1);
}

TEST_F(LeaseFileTest, IsWrittenAtTheEndIfThereIsSomethingToWrite) {
  file_.finish();
  EXPECT_FALSE(std::filesystem::exists(path_));
  file_.changed(now_);
  file_.finish();
  EXPECT_EQ(file_.read(), "one\n");
  EXPECT_EQ(file_.deadline(), never);
}

TEST_F(LeaseFileTest, ThatCantBeWrittenIsSaidOnceAndTriedAgain) {
  std::ofstream(folder_) << "a file where the directory should be";
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    file_.changed(now_);
    now_ = file_.deadline();
    file_.on_deadline(now_);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  const auto at = log.find(path_.string() + ": addresses given to clients are forgotten at the next start: make ");
  EXPECT_NE(at, std::string::npos) << log;
  EXPECT_EQ(log.find(path_.string(), at + 1), std::string::npos) << log;
  std::filesystem::remove(folder_);
  file_.changed(now_);
  file_.on_deadline(file_.deadline());
  EXPECT_EQ(file_.read(), "one\n");
}

}  // namespace
}  // namespace mpquic::daemon
