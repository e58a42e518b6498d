#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/drop.h"
#include "control/status.h"
#include "daemon/server_session.h"

namespace mpquic::daemon {

/// The sessions of one of a server's workers, whichever ports their connections come in through, and what those that
/// are gone have carried.
class ServerSessions {
 public:
  /// `next_number`: never the same twice on this worker.
  ServerSessions(unsigned worker, std::uint64_t& next_number) : worker_(worker), next_number_(next_number) {}

  /// A new one, for the path that is made for it next.
  ServerSession& begin(PathHost& host);
  /// nullptr: it is gone.
  ServerSession* find(std::uint64_t number);
  /// The path is about to go: what it has carried is added up, and if it was the last one, its session ends.
  void remove(std::unique_ptr<ServerPath> path);

  /// Lets other connections join the session: whoever knows what this returns. Error: the system gives no randomness.
  Result<std::string> invite(ServerSession& session);
  /// nullptr: no session has this token.
  ServerSession* find_by_token(std::string_view token);

  /// Lets other connections of mpquic-ip join the session: those that register its address.
  void found_group(const ServerSession& session);
  /// nullptr: there is none, or a newer session has its address.
  ServerSession* find_group(const ServerTun& tunnel, const packet::Address& address);

  void each(const std::function<void(const ServerSession&)>& visit) const;
  /// What tunnels have carried, by name: to clients over paths that are gone, from clients in sessions that are.
  const std::map<std::string, control::Traffic>& past() const { return past_; }
  /// Of sessions that ended before they had a tunnel.
  const DropCounters& drops() const { return drops_; }

 private:
  struct Entry {
    std::unique_ptr<ServerSession> session;
    std::string token_hash;  ///< empty: nobody is invited
  };

  unsigned worker_;
  std::uint64_t& next_number_;
  std::unordered_map<std::uint64_t, Entry> sessions_;
  std::unordered_map<std::string, std::uint64_t> invited_;  ///< by hash of their tokens: compared in any time
  std::map<std::pair<const ServerTun*, packet::Address>, std::uint64_t> groups_;
  std::map<std::string, control::Traffic> past_;
  DropCounters drops_;
};

}  // namespace mpquic::daemon
