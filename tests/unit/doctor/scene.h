#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "certs/make.h"
#include "config/load.h"
#include "doctor/examine.h"

namespace mpquic::doctor {

/// "problem: WHAT", those that are not ok.
inline std::vector<std::string> wrong(const Findings& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    if (finding.severity != Severity::ok) lines.push_back(std::string(name(finding.severity)) + ": " + finding.what);
  }
  return lines;
}

/// A directory with certificates of any age and a configuration that names them.
class Scene {
 public:
  Scene() {
    directory_ = std::filesystem::temp_directory_path() / ("mpquic-doctor-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
  }
  ~Scene() { std::filesystem::remove_all(directory_); }
  Scene(const Scene&) = delete;

  const std::filesystem::path& directory() const { return directory_; }

  void make_certificates(std::chrono::system_clock::time_point when, std::chrono::days valid) const {
    const certs::Options options{valid, certs::Existing::replace, when};
    EXPECT_TRUE(certs::make_authority(directory_, "", {valid + std::chrono::days(1), options.existing, when}));
    EXPECT_TRUE(certs::make_server(directory_, std::vector<std::string>{"vps.example.net"}, options));
    EXPECT_TRUE(certs::make_client(directory_, "box1", options));
  }

  config::Configuration load(const std::string& text) const {
    const auto file = directory_ / "node.yaml";
    std::ofstream(file) << text;
    auto loaded = config::load_without_files(file);
    EXPECT_TRUE(loaded) << text;
    return loaded ? std::move(loaded->configuration) : config::Configuration();
  }
  config::Configuration client(const std::string& more = {}) const {
    return load("role: client\nserver: 192.0.2.10:45010\ncontrol: " + (directory_ / "c.sock").string() +
                "\ntls: {ca: ca.pem, certificate: box1.pem, key: box1.key}\nlinks: {wan1: {interface: eth7}}\n"
                "tunnels:\n  cr: {links: [wan1], address: 10.200.15.1/24}\n" +
                more);
  }
  config::Configuration server(const std::string& more = {}) const {
    return load("role: server\nlisten: 127.0.0.1:45010\ncontrol: " + (directory_ / "s.sock").string() +
                "\ntls: {certificate: server.pem, key: server.key, client_ca: ca.pem}\n"
                "tunnels:\n  mt: {address: 10.200.15.254/24}\n"
                "clients: {box1: {prefixes: [10.200.15.1, 172.16.21.0/30]}}\n" +
                more);
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace mpquic::doctor
