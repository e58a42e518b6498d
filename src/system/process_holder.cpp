#include "system/process_holder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

namespace mpquic::system {
namespace {

namespace fs = std::filesystem;

// Processes end and descriptors close while we look: what can't be read any more is as if it had never been there.
std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::string link_target(const fs::path& path) {
  std::error_code error;
  return fs::read_symlink(path, error).string();
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    found.push_back(entry->path());
  }
  return found;
}

// The first process that has a descriptor `holds` says yes to: `holds` gets a file of /proc/PID/`folder`.
std::optional<Holder> find_process(const char* folder, const std::function<bool(const fs::path& process)>& looked_into,
                                   const std::function<bool(const fs::path& descriptor)>& holds) {
  for (const fs::path& process : entries("/proc")) {
    const auto pid = parse_number<pid_t>(process.filename().string());
    if (!pid || !looked_into(process)) continue;
    if (std::ranges::any_of(entries(process / folder), holds)) {
      std::string command = read_text(process / "comm");
      if (command.ends_with('\n')) command.pop_back();
      return Holder{*pid, std::move(command)};
    }
  }
  return std::nullopt;
}

struct UdpSocket {
  packet::SocketAddress local;
  std::string inode;
};

// "0100007F" is 127.0.0.1: each 32-bit word of the address in network order, printed as a number of this machine.
std::optional<packet::Address> parse_proc_address(std::string_view hex) {
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t word = 0; word < hex.size() / 8; ++word) {
    const auto value = parse_number<std::uint32_t>(hex.substr(8 * word, 8), 16);
    if (!value) return std::nullopt;
    std::memcpy(&bytes[4 * word], &*value, sizeof *value);
  }
  const Bytes address(bytes);
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (hex.size() == 32 && std::ranges::equal(address.first(12), mapped)) {
    return packet::Address::from_bytes(address.subspan(12));
  }
  return packet::Address::from_bytes(address.first(hex.size() / 2));
}

// "  sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt   uid  timeout inode ..."
std::optional<UdpSocket> parse_proc_udp(const std::string& line) {
  std::istringstream words(line);
  std::array<std::string, 10> word;
  for (std::string& one : word) words >> one;
  const std::string& local = word[1];
  const auto colon = local.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto address = parse_proc_address(std::string_view(local).substr(0, colon));
  const auto port = parse_number<std::uint16_t>(std::string_view(local).substr(colon + 1), 16);
  if (!address || !port) return std::nullopt;
  return UdpSocket{{*address, *port}, word[9]};
}

bool conflicts(const packet::SocketAddress& bound, const packet::SocketAddress& wanted) {
  if (bound.port != wanted.port) return false;
  // [::] takes IPv4 too, unless its socket is IPV6_V6ONLY, which /proc does not tell.
  if (bound.address.is_unspecified()) return !bound.address.is_ipv4() || wanted.address.is_ipv4();
  if (wanted.address.is_unspecified()) return !wanted.address.is_ipv4() || bound.address.is_ipv4();
  return bound.address == wanted.address;
}

std::vector<UdpSocket> conflicting_sockets(const packet::SocketAddress& wanted) {
  std::vector<UdpSocket> found;
  for (const char* table : {"/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"}) {
    std::istringstream lines(read_text(table));
    for (std::string line; std::getline(lines, line);) {
      if (auto socket = parse_proc_udp(line); socket && conflicts(socket->local, wanted)) found.push_back(*socket);
    }
  }
  // The very address first, then what only overlaps.
  std::ranges::stable_partition(found, [&](const UdpSocket& socket) { return socket.local == wanted; });
  return found;
}

}  // namespace

std::string Holder::to_string() const { return fmt::format("process {} ({})", pid, command); }

std::optional<Holder> holder_of_tun(std::string_view name) {
  // A descriptor tells its device's name but not the namespace, and every namespace may have a device of that name.
  const std::string here = link_target("/proc/thread-self/ns/net");
  const std::string line = fmt::format("iff:\t{}\n", name);
  return find_process(
      "fdinfo", [&](const fs::path& process) { return link_target(process / "ns/net") == here; },
      [&](const fs::path& descriptor) { return read_text(descriptor).find(line) != std::string::npos; });
}

std::optional<Holder> holder_of_udp_port(const packet::SocketAddress& wanted) {
  for (const UdpSocket& socket : conflicting_sockets(wanted)) {
    const std::string target = fmt::format("socket:[{}]", socket.inode);
    auto holder = find_process(
        "fd", [](const fs::path&) { return true; },
        [&](const fs::path& descriptor) { return link_target(descriptor) == target; });
    if (holder) return holder;
  }
  return std::nullopt;
}

}  // namespace mpquic::system
