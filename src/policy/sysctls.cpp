#include "policy/sysctls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "system/sysctl.h"

namespace mpquic::policy {
namespace {

constexpr std::string_view prefix = "restore/";
constexpr std::string_view forward_ipv4 = "net/ipv4/ip_forward";
constexpr std::string_view forward_ipv6 = "net/ipv6/conf/all/forwarding";
constexpr std::string_view redirects = "net/ipv4/conf/all/accept_redirects";

bool of_all_interfaces(std::string_view name) { return name == forward_ipv4 || name == forward_ipv6; }

/// "net/ipv4/conf/eth0/forwarding" of every interface.
std::vector<std::string> forwarding_of_interfaces(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/sys/" + folder, error)) {
    names.push_back(folder + "/" + entry.path().filename().string() + "/forwarding");
  }
  return names;
}

Result<void> write(const std::string& name, const std::string& value, Sysctls& changed) {
  const std::string now = system::read_sysctl(name);
  if (now.empty() || now == value) return {};
  if (auto written = system::write_sysctl(name, value); !written) return written;
  changed[name] = now;
  return {};
}

Result<void> write_if(const Sysctls& values, bool of_all, Sysctls& changed) {
  for (const auto& [name, value] : values) {
    if (of_all_interfaces(name) != of_all) continue;
    if (auto done = write(name, value, changed); !done) return done;
  }
  return {};
}

}  // namespace

bool can_be_recorded(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

Sysctls side_effects(const std::string& name, const std::string& value) {
  Sysctls found;
  const std::string before = system::read_sysctl(name);
  if (!of_all_interfaces(name) || before == value) return found;
  const bool ipv4 = name == forward_ipv4;
  for (const std::string& one : forwarding_of_interfaces(ipv4 ? "net/ipv4/conf" : "net/ipv6/conf")) {
    const std::string now = system::read_sysctl(one);
    if (one != name && now != before && can_be_recorded(one)) found[one] = now;
  }
  // A host listens to redirects, a router does not (inet_forward_change() of the kernel).
  const std::string name_of_redirects(redirects);
  if (ipv4 && system::read_sysctl(name_of_redirects) == before) found[name_of_redirects] = before;
  return found;
}

bool is_side_effect(std::string_view name, std::string_view of) {
  if (name == of || !of_all_interfaces(of)) return false;
  const std::string_view folder = of == forward_ipv4 ? "net/ipv4/conf/" : "net/ipv6/conf/";
  return (name.starts_with(folder) && name.ends_with("/forwarding")) || (of == forward_ipv4 && name == redirects);
}

Result<void> write_sysctls(const Sysctls& wanted, Sysctls& changed) {
  if (auto done = write_if(wanted, false, changed); !done) return done;
  return write_if(wanted, true, changed);
}

Result<void> restore_sysctls(const Sysctls& originals) {
  Sysctls changed;
  if (auto done = write_if(originals, true, changed); !done) return done;
  return write_if(originals, false, changed);
}

std::vector<std::string> chains_of(const Sysctls& originals) {
  std::vector<std::string> chains;
  for (const auto& [name, value] : originals) chains.push_back(fmt::format("{}{}/{}", prefix, name, value));
  return chains;
}

void read_original(std::string_view chain, Sysctls& originals) {
  if (!chain.starts_with(prefix)) return;
  chain.remove_prefix(prefix.size());
  const std::size_t slash = chain.rfind('/');
  if (slash != std::string_view::npos) originals[std::string(chain.substr(0, slash))] = chain.substr(slash + 1);
}

}  // namespace mpquic::policy
