#include "certs/write_files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <array>
#include <vector>

#include "certs/temporary_directory.h"

namespace mpquic::certs {
namespace {

constexpr std::array<std::uint8_t, 4> small{'n', 'e', 'w', '\n'};

class WriteFiles : public testing::Test {
 protected:
  std::array<NewFile, 2> two(Bytes second = small) const {
    return {NewFile{directory_ / "a.key", small, 0600}, NewFile{directory_ / "a.pem", second, 0644}};
  }

  TemporaryDirectory directory_;
};

TEST_F(WriteFiles, BothAppearWithTheirModes) {
  const auto written = write_files(two(), false);
  ASSERT_TRUE(written) << message(written);
  EXPECT_EQ(contents(directory_ / "a.key"), "new\n");
  EXPECT_EQ(contents(directory_ / "a.pem"), "new\n");
  EXPECT_EQ(mode(directory_ / "a.key"), 0600u);
  EXPECT_EQ(mode(directory_ / "a.pem"), 0644u);
  EXPECT_EQ(directory_.entries(), 2);
}

TEST_F(WriteFiles, NeitherAppearsWhenTheSecondNameIsTaken) {
  directory_.write("a.pem", "old");
  EXPECT_EQ(message(write_files(two(), false)), "can't make " + (directory_ / "a.pem").string() + ": File exists");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "a.key"));
  EXPECT_EQ(contents(directory_ / "a.pem"), "old");
  EXPECT_EQ(directory_.entries(), 1);
}

TEST_F(WriteFiles, TheFirstIsGivenBackWhenTheSecondCanNotBeReplaced) {
  directory_.write("a.key", "old");
  std::filesystem::permissions(directory_ / "a.key", std::filesystem::perms(0640));
  std::filesystem::create_directory(directory_ / "a.pem");
  EXPECT_TRUE(message(write_files(two(), true)).starts_with("can't replace " + (directory_ / "a.pem").string()));
  EXPECT_EQ(contents(directory_ / "a.key"), "old");
  EXPECT_EQ(mode(directory_ / "a.key"), 0640u);
  EXPECT_EQ(directory_.entries(), 2);
}

TEST_F(WriteFiles, ReplacingKeepsNothingOfTheOld) {
  directory_.write("a.key", "much longer than the new one");
  std::filesystem::permissions(directory_ / "a.key", std::filesystem::perms(0666));
  ASSERT_TRUE(write_files(two(), true));
  EXPECT_EQ(contents(directory_ / "a.key"), "new\n");
  EXPECT_EQ(mode(directory_ / "a.key"), 0600u);
  EXPECT_EQ(directory_.entries(), 2);
}

/// No file of this process may become larger than 4096 bytes: what a full disk looks like, as far as a test can have
/// it.
class FullDisk {
 public:
  FullDisk() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    former_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small_files{4096, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small_files);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, former_);
  }

 private:
  rlimit before_{};
  sighandler_t former_;
};

TEST_F(WriteFiles, AFullDiskLosesNothing) {
  directory_.write("a.key", "old key");
  directory_.write("a.pem", "old certificate");
  const std::vector<std::uint8_t> large(5000, 'x');
  std::string said;
  {
    const FullDisk full;
    said = message(write_files(two(large), true));
  }
  EXPECT_EQ(said, (directory_ / "a.pem").string() + ": write: File too large");
  EXPECT_EQ(contents(directory_ / "a.key"), "old key");
  EXPECT_EQ(contents(directory_ / "a.pem"), "old certificate");
  EXPECT_EQ(directory_.entries(), 2);
}

TEST_F(WriteFiles, AMissingDirectoryIsNamed) {
  const std::array files{NewFile{directory_ / "none/a.key", small, 0600}};
  EXPECT_EQ(message(write_files(files, false)),
            "can't make " + (directory_ / "none/a.key").string() + ": No such file or directory");
}

}  // namespace
}  // namespace mpquic::certs
