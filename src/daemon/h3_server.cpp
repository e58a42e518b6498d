#include "daemon/h3_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "certs/token.h"
#include "daemon/server_sessions.h"
#include "masque/error_codes.h"

namespace mpquic::daemon {
namespace {

using masque::no_address;

// A connection without a tunnel is worth nothing to anybody. Time enough to ask for another after one was refused.
constexpr Duration without_tunnel = std::chrono::seconds(10);
// RFC 8200, 5: every IPv6 link carries so much; what no datagram has room for goes over the stream.
constexpr std::size_t smallest_mtu = 1280;

// In the life of a tunnel. There is one of each family to be had.
constexpr std::size_t most_address_requests = 256;

// Each costs the control thread a lease, and all workers a letter.
constexpr double decisions_per_second = 10;
constexpr double decisions_at_once = 32;
constexpr Duration decide_again_after = std::chrono::milliseconds(100);

constexpr int bad_request = 400;
constexpr int unauthorized = 401;
constexpr int forbidden = 403;
constexpr int not_found = 404;
constexpr int bad_gateway = 502;
constexpr int unavailable = 503;

std::string list(const std::vector<packet::Address>& addresses) {
  std::string text;
  for (const auto& address : addresses) text += (text.empty() ? "" : ", ") + address.to_string();
  return text;
}

}  // namespace

H3Server::H3Server(PathHost& host, ServerConnection& connection)
    : host_(host),
      connection_(connection),
      tunnels_(connection.quic(), *this, connection.drops()),
      decisions_(decisions_per_second, decisions_at_once),
      deadline_(host.worker().now() + without_tunnel) {}

void H3Server::on_established() {
  // Who may come in may have changed since the handshake began.
  if (const std::string why = host_.distrust(connection_.quic()); !why.empty()) {
    return connection_.close(masque::h3_connect_error, "the certificate is refused: " + why);
  }
  log::debug("{} at {}: connected", connection_.quic().peer_name().value_or("(no certificate)"),
             connection_.quic().remote().to_string());
}

std::uint64_t H3Server::no_error() const { return masque::h3_no_error; }

H3Server::Request* H3Server::find(masque::StreamId tunnel) {
  const auto found = std::ranges::find(requests_, tunnel, [](const auto& request) { return request->stream; });
  return found == requests_.end() ? nullptr : found->get();
}

H3Server::Request* H3Server::find(const ServerPath& path) {
  const auto found = std::ranges::find(requests_, &path, [](const auto& request) { return request->path; });
  return found == requests_.end() ? nullptr : found->get();
}

void H3Server::on_request(masque::StreamId tunnel, const masque::IpRequest& request) {
  requests_.push_back(std::make_unique<Request>(tunnels_, tunnel, request));
}

void H3Server::on_address_request(masque::StreamId tunnel, const std::vector<masque::AddressEntry>& requests) {
  Request* request = find(tunnel);
  if (request == nullptr) return;
  if (request->request_ids.size() + requests.size() > most_address_requests) {
    log::warning("{} asks for more than {} addresses", connection_.quic().remote().to_string(), most_address_requests);
    tunnels_.close(tunnel);
    return remove(tunnel);
  }
  const std::size_t before = request->unanswered.size();
  for (const auto& entry : requests) {
    if (!request->request_ids.insert(entry.request_id).second) continue;  // RFC 9484, 4.7.2: never used twice
    request->unanswered.push_back(entry);
  }
  if (request->unanswered.size() == before) return;
  if (request->path != nullptr && !request->looking_up) ask_for_addresses(*request);
}

// What the client may own is routed to it in any case. Of what else it offers it is told, since it will not come.
void H3Server::on_routes(masque::StreamId tunnel, const std::vector<masque::AddressRange>& ranges) {
  const Request* request = find(tunnel);
  if (request == nullptr || request->path == nullptr) return;
  const ServerSession& session = request->path->session();
  const auto& peer = session.peer();
  const auto owned = [&](const packet::Prefix& prefix) {
    return std::ranges::any_of(peer->prefixes, [&](const packet::Prefix& own) { return own.contains(prefix); });
  };
  std::span<const masque::AddressRange> rest = ranges;
  while (const masque::AddressRange* foreign = masque::first_outside(rest, peer->prefixes)) {
    for (const packet::Prefix& prefix : masque::prefixes_of({foreign, 1})) {
      if (owned(prefix)) continue;
      if (!host_.may_complain()) return;
      log::warning("{}: {} offers a way to {}, which it does not own", session.tunnel()->settings().name, peer->name,
                   prefix.to_string());
    }
    rest = rest.subspan(static_cast<std::size_t>(foreign - rest.data()) + 1);
  }
}

void H3Server::on_packet(masque::StreamId tunnel, Bytes packet) {
  const Request* request = find(tunnel);
  if (request == nullptr || !request->open) return connection_.drops().count(Drop::not_registered);
  request->path->receive(packet);
}

void H3Server::on_sequenced(masque::StreamId tunnel, Bytes packet) {
  const Request* request = find(tunnel);
  if (request == nullptr || !request->open) return connection_.drops().count(Drop::not_registered);
  request->path->receive_sequenced(packet);
}

void H3Server::on_probe(masque::StreamId tunnel, Bytes probe) {
  const Request* request = find(tunnel);
  if (request != nullptr && request->open) request->path->receive_probe(probe);
}

void H3Server::on_path_description(masque::StreamId tunnel, const masque::PathDescription& path) {
  Request* request = find(tunnel);
  if (request == nullptr) return;
  request->described = path;
  if (request->open) request->path->describe(path);
}

void H3Server::on_path_lost(masque::StreamId tunnel, const std::string& name) {
  const Request* request = find(tunnel);
  if (request != nullptr && request->open) request->path->session().suspect_other(*request->path, name);
}

void H3Server::on_closed(masque::StreamId tunnel, std::uint64_t, const std::string& reason) {
  if (const Request* request = find(tunnel); request != nullptr && request->open) {
    log::info("{}: {} has closed its tunnel: {}", request->path->session().tunnel()->settings().name,
              request->path->session().peer()->name, reason);
  }
  remove(tunnel);
}

void H3Server::remove(masque::StreamId tunnel) {
  Request* request = find(tunnel);
  if (request == nullptr) return;
  if (request->path != nullptr) connection_.remove_path(*request->path);
  std::erase_if(requests_, [&](const auto& each) { return each.get() == request; });
  watch_for_tunnels();
}

void H3Server::watch_for_tunnels() {
  const bool any = std::ranges::any_of(requests_, [](const auto& request) { return request->open; });
  if (any)
    deadline_ = never;
  else if (deadline_ == never)
    deadline_ = host_.worker().now() + without_tunnel;
}

// Requests are decided when all has been read that came with them: the addresses that the client would like to have
// say which tunnel it means.
void H3Server::before_writing() {
  if (connection_.over()) return;
  if (host_.worker().now() >= deadline_) {
    return connection_.close(tunnels_.settled() ? no_error() : masque::h3_missing_settings,
                             tunnels_.settled() ? "no tunnel" : "no SETTINGS");
  }
  std::vector<Request*> undecided;
  for (const auto& request : requests_) {
    // Packets to the client can only be sent once it is known how.
    if (request->path == nullptr && tunnels_.settled()) undecided.push_back(request.get());
  }
  decide_at_ = never;
  for (Request* request : undecided) {
    if (!decisions_.take(host_.worker().now())) {
      decide_at_ = host_.worker().now() + decide_again_after;
      break;
    }
    decide(*request);
  }
  if (tunnels_.datagrams()) return;
  for (const auto& request : requests_) {
    if (request->open) request->path->overflow_all(host_.worker().now());
  }
}

std::shared_ptr<const peers::Peer> H3Server::peer_of(const masque::IpRequest& request) const {
  const auto& directory = host_.rules().directory;
  return request.bearer_token ? directory.find_by_token_hash(certs::hash_of_token(*request.bearer_token))
                              : directory.find(connection_.quic().peer_name());
}

void H3Server::decide(Request& request) {
  const auto name = connection_.quic().peer_name();
  auto peer = peer_of(request.asked);
  if (peer == nullptr) {
    if (request.asked.bearer_token) return refuse(request, unauthorized, "nobody has this token");
    if (!name) return refuse(request, unauthorized, "neither a certificate nor a token");
    return refuse(request, forbidden, fmt::format("no client named \"{}\" in the configuration", *name));
  }
  if (connection_.shared_session() != nullptr) {
    return refuse(request, unavailable, "the connection is a path of a session, and carries nothing else");
  }
  if (request.asked.session.kind == masque::SessionWish::Kind::join) return join(request, *peer);
  std::vector<packet::Address> wanted;
  for (const auto& entry : request.unanswered) wanted.push_back(entry.prefix.address());
  ServerTun* tunnel = host_.tunnel_for(*peer, request.asked.tunnel, wanted);
  if (tunnel == nullptr) return refuse(request, forbidden, fmt::format("no tunnel here for {}", peer->name));
  const std::string instance = new_instance(request, *peer);
  request.path = &connection_.add_path(host_.sessions().begin(host_));
  ServerSession& session = request.path->session();
  session.set_peer(std::move(peer));
  session.set_tunnel(*tunnel, instance);
  if (const auto* target = std::get_if<std::string>(&request.asked.scope.target)) {
    request.looking_up = true;
    return host_.control().look_up(session.ref(), session.peer()->name, *target);
  }
  const auto* target = std::get_if<packet::Prefix>(&request.asked.scope.target);
  limit(request, target == nullptr ? std::vector<packet::Prefix>() : std::vector{*target});
}

// The name that the client has for the tunnel, with a number if it has more of that name.
std::string H3Server::new_instance(const Request& request, const peers::Peer& peer) const {
  std::string base = request.asked.tunnel;
  // Nobody can tell whether one who shows nothing has been here before.
  if (peer.name == peers::Directory::anyone)
    base += fmt::format("@{}.{}", host_.worker().index(), connection_.number());
  std::string instance = base;
  const auto taken = [&](const auto& other) {
    return other.get() != &request && other->path != nullptr && other->path->session().instance() == instance;
  };
  for (unsigned number = 2; std::ranges::any_of(requests_, taken); ++number) {
    instance = fmt::format("{}#{}", base, number);
  }
  return instance;
}

void H3Server::join(Request& request, const peers::Peer& peer) {
  ServerSession* session = host_.sessions().find_by_token(request.asked.session.token);
  if (session == nullptr) return refuse(request, not_found, "no session has this token");
  const std::string& tunnel = session->tunnel()->settings().name;
  if (session->peer()->name != peer.name) return refuse(request, forbidden, "somebody else's session");
  if (host_.tunnel_for(peer, tunnel, {}) != session->tunnel()) {
    return refuse(request, forbidden, fmt::format("no way into {} here for {}", tunnel, peer.name));
  }
  if (request.asked.scope != session->scope()) {
    return refuse(request, bad_request, "the session leads elsewhere");
  }
  if (!has_connection_to_itself(request)) {
    return refuse(request, bad_request, "a path of a session needs datagrams, and the connection to itself");
  }
  if (!session->make_room_for(request.described ? request.described->traits.name : std::string())) {
    return refuse(request, unavailable, fmt::format("the session has {} paths", tunnel::most_paths));
  }
  request.path = &connection_.add_path(*session);
  request.open = share(request);
  log::info("{}: {} has a path from {}, which makes {}", tunnel, peer.name, connection_.quic().remote().to_string(),
            session->paths().size());
  accept(request, request.asked.session.token);
}

void H3Server::limit(Request& request, std::vector<packet::Prefix> targets) {
  request.path->session().set_scope(request.asked.scope, std::move(targets));
  ask_for_addresses(request);
}

void H3Server::on_looked_up(ServerPath& path, const NameAnswer& answer) {
  Request* request = find(path);
  if (request == nullptr || connection_.over()) return;
  request->looking_up = false;
  if (!answer.failure.empty()) return refuse(*request, bad_gateway, answer.failure, "dns_error");
  limit(*request, {answer.addresses.begin(), answer.addresses.end()});
}

void H3Server::ask_for_addresses(Request& request) {
  std::vector<packet::Address> wanted;
  for (const auto& entry : request.unanswered) {
    if (!entry.prefix.address().is_unspecified()) wanted.push_back(entry.prefix.address());
  }
  request.path->session().ask_for_addresses(std::move(wanted));
}

void H3Server::on_assigned(ServerPath& path, const Assignment& assignment) {
  Request* request = find(path);
  if (request == nullptr || connection_.over()) return;
  if (!assignment.refusal.empty()) {
    if (!request->open) return refuse(*request, unavailable, assignment.refusal);
    return connection_.close(masque::h3_connect_error, assignment.refusal);
  }
  ServerSession& session = path.session();
  if (session.addresses() != assignment.addresses) session.set_addresses(assignment.addresses);
  if (!request->open) return open(*request);
  tell_addresses(*request);
}

void H3Server::open(Request& request) {
  ServerSession& session = request.path->session();
  request.open = true;
  std::string token;
  if (request.asked.session.kind == masque::SessionWish::Kind::open && has_connection_to_itself(request)) {
    if (auto made = host_.sessions().invite(session)) token = std::move(*made);
  }
  if (token.empty())
    carry(request);
  else
    share(request);
  log::info("{}: {} is {} at {}", session.tunnel()->settings().name, session.peer()->name, list(session.addresses()),
            connection_.quic().remote().to_string());
  accept(request, token);
}

// What the session counts are the connection's datagrams: there must be none but its own.
bool H3Server::has_connection_to_itself(const Request& request) const {
  return tunnels_.datagrams() && requests_.size() == 1 && requests_.front().get() == &request &&
         connection_.quic().statistics().tx_datagrams == 0;
}

bool H3Server::share(Request& request) {
  const auto prefix = [&](std::uint64_t context) { return tunnels_.prefix(request.stream, context); };
  const tunnel::PathPrefixes prefixes{prefix(masque::ip_context), prefix(masque::sequenced_context),
                                      prefix(masque::probe_context)};
  if (!request.path->join(tunnel::Wire::sequenced, prefixes)) return false;
  request.path->set_overflow(request, smallest_mtu);
  overhead_ = prefixes.sequenced.size() + tunnel::sequence_header_size;
  if (request.described) request.path->describe(*request.described);
  return true;
}

void H3Server::carry(Request& request) {
  const Bytes prefix = tunnels_.prefix(request.stream);
  overhead_ = std::max(overhead_, prefix.size());
  request.path->carry(prefix);
  request.path->set_overflow(request, smallest_mtu);
  if (tunnels_.datagrams()) return;
  log::warning("{}: {} takes no HTTP datagrams (SETTINGS_H3_DATAGRAM), so its packets go over a stream: slowly",
               request.path->session().tunnel()->settings().name, request.path->session().peer()->name);
}

void H3Server::accept(Request& request, std::string_view session_token) {
  connection_.opened();
  const masque::StreamId stream = request.stream;
  tunnels_.accept(stream, session_token);
  if (Request* still = find(stream)) {
    tell_addresses(*still);
    tell_routes(*still);
    tell_dns_servers(*still);
  }
  watch_for_tunnels();
  host_.wants_to_write(connection_);
}

// All that the client may send from: its addresses, each as the answer to a request of its family where there is one,
// and the prefixes behind it.
void H3Server::tell_addresses(Request& request) {
  std::vector<masque::AddressEntry> entries;
  for (const packet::Address& address : request.path->session().addresses()) {
    auto answered = std::ranges::find_if(request.unanswered, [&](const auto& entry) {
      return entry.prefix.address() == address ||
             (entry.prefix.address().is_unspecified() && entry.prefix.address().family() == address.family());
    });
    masque::AddressEntry& entry = entries.emplace_back(0, packet::Prefix(address));
    if (answered == request.unanswered.end()) continue;
    entry.request_id = answered->request_id;
    request.unanswered.erase(answered);
  }
  const std::size_t own = entries.size();
  for (const packet::Prefix& prefix : request.path->session().peer()->prefixes) {
    const auto listed = [&](const auto& entry) { return entry.prefix == prefix; };
    if (std::none_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(own), listed)) {
      entries.push_back({0, prefix});
    }
  }
  for (const auto& [id, prefix] : std::exchange(request.unanswered, {})) {
    entries.push_back({id, no_address(prefix.address().family())});
  }
  tunnels_.send_addresses(request.stream, entries);
  host_.wants_to_write(connection_);
}

void H3Server::tell_routes(const Request& request) {
  const ServerSession& session = request.path->session();
  const auto routes = host_.rules().routes.find(session.tunnel()->settings().name);
  std::vector<packet::Prefix> told;
  if (routes != host_.rules().routes.end()) told = routes->second;
  if (!session.targets().empty()) {
    std::vector<packet::Prefix> inside;
    for (const packet::Prefix& route : told) {
      for (const packet::Prefix& target : session.targets()) {
        if (target.overlaps(route)) inside.push_back(target.contains(route) ? route : target);
      }
    }
    told = std::move(inside);
  }
  tunnels_.send_routes(request.stream, masque::ranges_of(std::move(told), session.scope().protocol.value_or(0)));
}

void H3Server::tell_dns_servers(Request& request) {
  const auto known = host_.rules().dns.find(request.path->session().tunnel()->settings().name);
  const auto servers = known == host_.rules().dns.end() ? std::vector<packet::Address>() : known->second;
  if (servers == std::exchange(request.dns_servers, servers)) return;
  tunnels_.send_dns_servers(request.stream, servers);
}

void H3Server::refuse(Request& request, int status, const std::string& reason, std::string_view proxy_error) {
  if (host_.may_complain()) {
    log::warning("{}: no tunnel: {}", connection_.quic().remote().to_string(), reason);
  }
  const masque::StreamId stream = request.stream;
  remove(stream);
  tunnels_.refuse(stream, {status, reason, proxy_error});
  host_.wants_to_write(connection_);
}

void H3Server::on_superseded(ServerPath& path) {
  const Request* request = find(path);
  if (request == nullptr) return;
  const masque::StreamId stream = request->stream;
  const bool superseded = path.session().superseded();
  tunnels_.close(stream);
  remove(stream);
  if (!requests_.empty()) return;
  connection_.close(no_error(), superseded ? "a newer connection has this tunnel's addresses"
                                           : "a newer connection over this link has its place");
}

void H3Server::look_up_again() {
  if (const std::string why = host_.distrust(connection_.quic()); !why.empty()) {
    return connection_.close(masque::h3_connect_error, "the certificate is refused: " + why);
  }
  for (const auto& request : requests_) {
    if (request->path == nullptr) continue;
    auto peer = peer_of(request->asked);
    ServerSession& session = request->path->session();
    const std::string& tunnel = session.tunnel()->settings().name;
    // Who has become somebody else asks anew: a session has other paths, which have not.
    if (peer == nullptr || peer->name != session.peer()->name || !peer->may_use(tunnel)) {
      return connection_.close(masque::h3_connect_error, "is no client of this tunnel any more");
    }
    if (*peer != *session.peer()) {
      session.set_peer(peer);
      host_.control().change_peer(session.ref(), peer);
    }
    session.follow_policy();
    if (request->looking_up) continue;
    ask_for_addresses(*request);
    if (!request->open) continue;
    tell_routes(*request);
    tell_dns_servers(*request);
  }
}

}  // namespace mpquic::daemon
