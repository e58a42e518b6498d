#include "system/kernel_slot.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

namespace mpquic::system {
namespace {

constexpr std::string_view prefix = "mpquic.";
constexpr std::string_view lock_name = "mpquic-kernel-state";  // an abstract socket: one of each network namespace
constexpr int lock_tries = 200;
constexpr std::chrono::milliseconds lock_pause{10};

/// Whether a process has CAP_NET_ADMIN, as far as that can be seen: "CapEff:\t000001ffffffffff" (proc(5)).
bool is_net_admin(pid_t pid) {
  constexpr unsigned cap_net_admin = 12;
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("CapEff:")) continue;
    return (std::strtoull(line.c_str() + 7, nullptr, 16) >> cap_net_admin & 1) != 0;
  }
  return false;
}

// Anybody may bind an abstract name, and the kernel says who has.
bool held_by_pretender(const sockaddr_un& name, socklen_t size) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
    return errno != ECONNREFUSED && errno != EAGAIN;  // it is only about to listen, or others wait as well
  }
  ucred holder{};
  socklen_t length = sizeof holder;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &holder, &length) != 0) return false;
  // Of another user's process nothing may be to be seen here (hidepid of proc(5)); root's is good.
  return holder.uid != 0 && holder.uid != ::geteuid() && !is_net_admin(holder.pid);
}

}  // namespace

KernelSlot::KernelSlot(std::uint32_t number, std::string_view node)
    : number_(number), node_(nft_identifier(node)), table_(fmt::format("{}{}.{}", prefix, number, node_)) {}

std::optional<KernelSlot> KernelSlot::parse(std::string_view table) {
  const std::string text(table);
  if (!table.starts_with(prefix)) return std::nullopt;
  table.remove_prefix(prefix.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(table.data(), table.data() + table.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(table.data() + table.size() - end));
  if (error != std::errc() || number >= slots || !rest.starts_with('.')) return std::nullopt;
  KernelSlot slot(number, {});
  slot.node_ = rest.substr(1);
  slot.table_ = text;
  return slot;
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

bool KernelSlot::is_of(std::string_view node) const { return node_ == nft_identifier(node); }

Result<KernelLock> KernelLock::take() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path + 1, lock_name.data(), lock_name.size());  // after a NUL: abstract, unix(7)
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + lock_name.size());
  for (int i = 0; i < lock_tries; ++i) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return os_failure("make the lock on kernel state");
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0) {
      if (::listen(socket.get(), 0) != 0) return os_failure("lock kernel state");
      return KernelLock(std::move(socket));
    }
    if (errno != EADDRINUSE) return os_failure("lock kernel state");
    if (held_by_pretender(name, size)) return KernelLock(std::move(socket));
    std::this_thread::sleep_for(lock_pause);
  }
  return failure("another process has been changing kernel state for two seconds");
}

}  // namespace mpquic::system
