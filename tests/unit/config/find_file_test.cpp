#include "config/find_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace mpquic::config {
namespace {

class FindFile : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_ / "instances");
    std::filesystem::current_path(folder_);
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  void make(const std::string& name) { std::ofstream(folder_ / name) << "role: client\n"; }
  /// Relative to the folder, or the error.
  std::string found(const std::string& argument) {
    const auto file = find_file(argument, folder_);
    return file ? file->lexically_proximate(folder_).string() : file.error().message;
  }

  std::filesystem::path before_ = std::filesystem::current_path();
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("mpquic_find_file_" + std::to_string(getpid()));
};

TEST_F(FindFile, ANameIsLookedUpNativelyFirst) {
  EXPECT_EQ(found("cr5"), "no configuration \"cr5\": neither " + (folder_ / "cr5.yaml").string() + " nor " +
                              (folder_ / "instances/cr5.yaml").string() + " is there");
  make("instances/cr5.yaml");
  EXPECT_EQ(found("cr5"), "instances/cr5.yaml");
  make("cr5.yaml");
  EXPECT_EQ(found("cr5"), "cr5.yaml");
}

TEST_F(FindFile, AFileOfExactlyThatNameIsMeant) {
  make("instances/cr5.yaml");
  make("cr5");
  EXPECT_EQ(find_file("cr5", folder_).value(), "cr5");
}

TEST_F(FindFile, WhatLooksLikeAFileNameIsOne) {
  make("instances/cr5.yaml");
  for (const char* name : {"cr5.yaml", "cr5.yml", "./cr5", "/cr5", ""}) {
    EXPECT_EQ(find_file(name, folder_).value(), name);
  }
}

}  // namespace
}  // namespace mpquic::config
