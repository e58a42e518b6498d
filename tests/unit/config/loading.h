#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "certs/make.h"
#include "config/load.h"

namespace mpquic::config {

using Lines = std::vector<std::string>;
using TimePoint = std::chrono::system_clock::time_point;

inline constexpr TimePoint today = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);

/// Loads texts as if they stood in a folder that has tls/ca.pem, tls/server.{pem,key} and tls/box1.{pem,key} in it,
/// made today and good for a year (the authority: ten).
class Loading : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::filesystem::temp_directory_path() / ("mpquic_config_" + std::to_string(getpid()));
    const certs::Options options{std::chrono::days(365), certs::Existing::refuse, today};
    certs::Options longer = options;
    longer.valid = std::chrono::days(3650);
    ASSERT_TRUE(certs::make_authority(folder_ / "tls", "", longer));
    ASSERT_TRUE(certs::make_server(folder_ / "tls", std::vector<std::string>{"vps.example.net"}, options));
    ASSERT_TRUE(certs::make_client(folder_ / "tls", "box1", options));
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }

  static Loaded load_here(const std::string& text, TimePoint now = today + std::chrono::hours(1)) {
    return load_text(text, folder_ / "box.yaml", now);
  }
  static Configuration good(const std::string& text) {
    auto loaded = load_here(text);
    if (loaded) return std::move(loaded->configuration);
    for (const Problem& problem : loaded.error()) ADD_FAILURE() << to_string("box.yaml", problem) << "\nin\n" << text;
    return {};
  }

  /// "LINE:COLUMN: TEXT", of another file with its name before it, and the folder's name taken out.
  static Lines errors(const std::string& text, TimePoint now = today + std::chrono::hours(1)) {
    const auto loaded = load_here(text, now);
    return loaded ? Lines() : in_words(loaded.error());
  }
  static Lines warnings(const std::string& text) {
    const auto loaded = load_here(text);
    return loaded ? in_words(loaded->warnings) : Lines{"not loaded: " + in_words(loaded.error()).front()};
  }

  static std::filesystem::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  static inline std::filesystem::path folder_;

 private:
  static Lines in_words(const std::vector<Problem>& problems) {
    Lines lines;
    for (const Problem& problem : problems) {
      std::string line = to_string("", problem);
      if (problem.file.empty()) line.erase(0, 1);
      const std::string folder = folder_.string() + "/";
      for (auto at = line.find(folder); at != std::string::npos; at = line.find(folder)) line.erase(at, folder.size());
      lines.push_back(line);
    }
    return lines;
  }
};

/// The smallest files that are right, for tests to add to.
inline const std::string client_start =
    "role: client\n"
    "server: 192.0.2.1:45010\n"
    "tls: {ca: tls/ca.pem}\n";  // 3 lines
inline const std::string server_start =
    "role: server\n"
    "listen: 0.0.0.0:45010\n"
    "tls: {certificate: tls/server.pem, key: tls/server.key, client_ca: tls/ca.pem}\n";  // 3 lines

}  // namespace mpquic::config
