#include "daemon/server_sessions.h"

#include <utility>

#include "certs/token.h"
#include "daemon/server_path.h"

namespace mpquic::daemon {

ServerSession& ServerSessions::begin(PathHost& host) {
  const peers::SessionRef ref{worker_, next_number_++};
  Entry& entry = sessions_[ref.number];
  entry.session = std::make_unique<ServerSession>(host, ref);
  return *entry.session;
}

ServerSession* ServerSessions::find(std::uint64_t number) {
  const auto found = sessions_.find(number);
  return found == sessions_.end() ? nullptr : found->second.session.get();
}

void ServerSessions::remove(std::unique_ptr<ServerPath> path) {
  ServerSession& session = path->session();
  const control::Traffic sent = path->snapshot().traffic;
  path.reset();
  const bool last = session.paths().empty();
  if (session.tunnel() != nullptr) {
    control::Traffic& past = past_[session.tunnel()->settings().name];
    past += {sent.tx_packets, sent.tx_bytes, 0, 0};
    const ServerSession::Snapshot received = session.snapshot();
    if (last) past += {0, 0, received.rx_packets, received.rx_bytes};
  }
  if (!last) return;
  (session.tunnel() != nullptr ? session.tunnel()->drops() : drops_) += session.drops();
  const auto found = sessions_.find(session.ref().number);
  invited_.erase(found->second.token_hash);
  std::erase_if(groups_, [&](const auto& group) { return group.second == session.ref().number; });
  sessions_.erase(found);
}

Result<std::string> ServerSessions::invite(ServerSession& session) {
  auto token = certs::make_token();
  if (!token) return token;
  Entry& entry = sessions_.at(session.ref().number);
  entry.token_hash = certs::hash_of_token(*token);
  invited_[entry.token_hash] = session.ref().number;
  return token;
}

ServerSession* ServerSessions::find_by_token(std::string_view token) {
  const auto found = invited_.find(certs::hash_of_token(token));
  return found == invited_.end() ? nullptr : find(found->second);
}

void ServerSessions::found_group(const ServerSession& session) {
  groups_[{session.tunnel(), session.addresses().front()}] = session.ref().number;
}

ServerSession* ServerSessions::find_group(const ServerTun& tunnel, const packet::Address& address) {
  const auto found = groups_.find({&tunnel, address});
  ServerSession* group = found == groups_.end() ? nullptr : find(found->second);
  const bool has_it = group != nullptr && !group->superseded() && group->addresses().front() == address;
  return has_it ? group : nullptr;
}

void ServerSessions::each(const std::function<void(const ServerSession&)>& visit) const {
  for (const auto& [number, entry] : sessions_) visit(*entry.session);
}

}  // namespace mpquic::daemon
