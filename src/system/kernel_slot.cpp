#include "system/kernel_slot.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>

namespace mpquic::system {
namespace {

constexpr std::string_view prefix = "mpquic.";
constexpr std::string_view lock_name = "mpquic-kernel-state";  // an abstract socket: one of each network namespace
constexpr int lock_tries = 200;
constexpr std::chrono::milliseconds lock_pause{10};

std::string identifier(std::string_view node) {
  std::string name(node);
  for (char& c : name) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
    if (!fits) c = '_';
  }
  return name;
}

}  // namespace

KernelSlot::KernelSlot(std::uint32_t number, std::string_view node)
    : number_(number), node_(identifier(node)), table_(fmt::format("{}{}.{}", prefix, number, node_)) {}

std::optional<KernelSlot> KernelSlot::parse(std::string_view table) {
  if (!table.starts_with(prefix)) return std::nullopt;
  table.remove_prefix(prefix.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(table.data(), table.data() + table.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(table.data() + table.size() - end));
  if (error != std::errc() || number >= slots || !rest.starts_with('.')) return std::nullopt;
  return KernelSlot(number, rest.substr(1));
}

std::optional<KernelSlot> KernelSlot::choose(std::string_view node, const std::vector<std::string>& tables) {
  std::set<std::uint32_t> taken;
  for (const std::string& table : tables) {
    const auto slot = parse(table);
    if (!slot) continue;
    if (slot->is_of(node)) return slot;
    taken.insert(slot->number());
  }
  for (std::uint32_t number = 0; number < slots; ++number) {
    if (!taken.contains(number)) return KernelSlot(number, node);
  }
  return std::nullopt;
}

bool KernelSlot::is_of(std::string_view node) const { return node_ == identifier(node); }

Result<KernelLock> KernelLock::take() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path + 1, lock_name.data(), lock_name.size());  // after a NUL: abstract, unix(7)
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + lock_name.size());
  for (int i = 0; i < lock_tries; ++i) {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return os_failure("make the lock on kernel state");
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0) return KernelLock(std::move(socket));
    if (errno != EADDRINUSE) return os_failure("lock kernel state");
    std::this_thread::sleep_for(lock_pause);
  }
  return failure("another process has been changing kernel state for two seconds");
}

}  // namespace mpquic::system
