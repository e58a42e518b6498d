#include "system/name_servers.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace mpquic::system {
namespace {

// A longer file is no resolv.conf; libraries take three servers.
constexpr int most_lines = 1000;

std::vector<packet::Address> servers_in(const std::filesystem::path& file) {
  std::vector<packet::Address> servers;
  std::ifstream lines(file);
  std::string line;
  for (int number = 0; number < most_lines && std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string keyword, value;
    if (!(words >> keyword >> value) || keyword != "nameserver") continue;
    const auto address = packet::Address::parse(value);
    if (!address || address->is_loopback() || address->is_unspecified()) continue;
    if (std::ranges::find(servers, *address) == servers.end()) servers.push_back(*address);
  }
  return servers;
}

}  // namespace

std::vector<packet::Address> machine_name_servers(const ResolvConf& files) {
  auto servers = servers_in(files.of_resolved);
  return servers.empty() ? servers_in(files.of_programs) : servers;
}

}  // namespace mpquic::system
