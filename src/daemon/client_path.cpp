#include "daemon/client_path.h"

#include <algorithm>
#include <utility>

#include "masque/error_codes.h"

namespace mpquic::daemon {
namespace {

// A server that does not answer for so long is dialled anew: QUIC's own probes come ever more seldom and the idle
// timeout is a minute, while a restarted server or a healed link is worth noticing at once.
constexpr Duration silence_limit = std::chrono::seconds(3);

constexpr std::uint64_t no_error = 0;

// RFC 8200, 5: every IPv6 link carries so much; what no datagram has room for goes over the request's stream.
constexpr std::size_t smallest_mtu = 1280;

}  // namespace

Result<std::unique_ptr<ClientPath>> ClientPath::dial(Worker& worker, const Settings& settings, const Way& way,
                                                     tunnel::Session& queue, ClientPathOwner& owner,
                                                     DropCounters& drops) {
  auto socket = io::UdpSocket::open({.bind = {way.source, 0}, .device = way.interface});
  if (!socket) return std::unexpected(socket.error());
  auto connection =
      quic::Connection::connect(settings.transport, *settings.tls, socket->local(), way.server, worker.now());
  if (!connection) return std::unexpected(connection.error());
  return std::unique_ptr<ClientPath>(
      new ClientPath(worker, settings, way.server, std::move(*socket), std::move(*connection), queue, owner, drops));
}

ClientPath::ClientPath(Worker& worker, const Settings& settings, const packet::SocketAddress& remote,
                       io::UdpSocket socket, std::unique_ptr<quic::Connection> connection, tunnel::Session& queue,
                       ClientPathOwner& owner, DropCounters& drops)
    : worker_(worker),
      settings_(settings),
      queue_(queue),
      source_(queue),
      owner_(owner),
      drops_(drops),
      remote_(remote),
      connection_(std::move(connection)),
      port_(worker, std::move(socket),
            UdpPort::Handlers{[this](auto arrivals) { on_arrivals(arrivals); }, [this] { owner_.has_news(); }}, drops),
      timer_([this] { on_timer(); }) {
  connection_->set_owner(*this);
}

ClientPath::~ClientPath() {
  if (session_ != nullptr) session_->remove(id_);
}

ClientPathState ClientPath::state() const {
  if (!end_reason_.empty()) return ClientPathState::ended;
  if (!asked_) {
    const bool ready = speaks_h3() ? h3_ != nullptr && h3_->ready() : established_;
    return ready ? ClientPathState::ready : ClientPathState::handshaking;
  }
  const bool open = established_ && (h3_ == nullptr || h3_->open());
  return open ? ClientPathState::usable : ClientPathState::asked;
}

bool ClientPath::server_answered() const {
  const quic::CloseCause cause = connection_->close_cause();
  return cause != quic::CloseCause::none && cause != quic::CloseCause::handshake_timeout;
}

void ClientPath::ask(const masque::SessionWish& wish) {
  asked_ = true;
  wish_ = wish;
  if (h3_ == nullptr && settings_.policy) return owner_.on_session(*this, {});
  if (h3_ == nullptr) return register_address();
  if (established_) answer_by_ = worker_.now() + H3Client::time_limit;
  h3_->ask(wish);
  describe();
}

void ClientPath::on_keys() {
  if (speaks_h3())
    h3_ = std::make_unique<H3Client>(*connection_, settings_.tunnel, *settings_.handed_out,
                                     static_cast<H3ClientOwner&>(*this), drops_);
}

void ClientPath::on_established() {
  established_ = true;
  if (speaks_h3()) answer_by_ = worker_.now() + H3Client::time_limit;
}

// What the session counts are the connection's datagrams, from its first.
void ClientPath::on_session(const std::string& token) { owner_.on_session(*this, token); }

void ClientPath::join(SessionPaths& session) {
  const auto prefix = [this](std::uint64_t context) { return h3_->prefix(context); };
  tunnel::PathPrefixes prefixes;
  if (h3_ == nullptr)
    prefixes.probe = own_ipv4().bytes();  // a registration
  else
    prefixes = {prefix(masque::ip_context), prefix(masque::sequenced_context), prefix(masque::probe_context)};
  const auto id = session.add(*connection_, settings_.traits, prefixes);
  if (!id) {
    const std::uint64_t code = h3_ != nullptr ? masque::h3_request_cancelled : no_error;
    return connection_->close(code, "the session has all the paths that it can");
  }
  session_ = &session;
  id_ = *id;
  if (h3_ != nullptr) session.sender().set_overflow(id_, *h3_, smallest_mtu);
  owner_.has_news();
}

void ClientPath::describe() {
  const bool told = h3_ != nullptr && wish_.kind != masque::SessionWish::Kind::none;
  if (told) h3_->describe({settings_.traits, settings_.policy});
  if (session_ == nullptr) return;
  session_->describe(id_, settings_.traits);
  owner_.has_news();
}

void ClientPath::tell_lost(const std::string& link) {
  if (h3_ != nullptr && session_ != nullptr) h3_->tell_lost(link);
}

void ClientPath::on_tunnel_open() {
  if (session_ != nullptr) return;
  source_.set_prefix(h3_->prefix(masque::ip_context));
  source_.set_overflow(*h3_, smallest_mtu);
}

void ClientPath::on_tunnel_packet(Bytes packet) {
  count_received(packet.size());
  owner_.on_packet(packet);
}

void ClientPath::on_tunnel_sequenced(Bytes packet) {
  if (session_ == nullptr) return drops_.count(Drop::unknown_context);
  count_received(packet.size() - std::min(packet.size(), tunnel::sequence_header_size));
  session_->receive(id_, packet);
}

void ClientPath::on_tunnel_probe(Bytes probe) {
  if (session_ == nullptr) return drops_.count(Drop::unknown_context);
  session_->receive_probe(id_, probe);
}

// The queue may be open for another path long before this one has a tunnel.
quic::DatagramSource& ClientPath::source() {
  if (session_ != nullptr) return session_->sender().source(id_);
  if (state() == ClientPathState::usable) return source_;
  return nothing_;
}

std::optional<SessionPaths::PathSnapshot> ClientPath::session_snapshot() const {
  if (session_ == nullptr) return std::nullopt;
  return session_->snapshot(id_);
}

control::Traffic ClientPath::traffic() const {
  control::Traffic traffic{source_.packets(), source_.bytes(), received_packets_, received_bytes_};
  if (session_ == nullptr) return traffic;
  const auto sent = session_->snapshot(id_).sent;
  traffic.tx_packets = sent.packets;
  traffic.tx_bytes = sent.bytes;
  return traffic;
}

void ClientPath::count_received(std::size_t size) {
  ++received_packets_;
  received_bytes_ += size;
}

void ClientPath::on_tunnel_failed(std::uint64_t code, const std::string& reason) { connection_->close(code, reason); }

void ClientPath::register_address() {
  registration_number_ = connection_->statistics().tx_datagrams + 1;
  queue_.send_registration(own_ipv4());
}

const packet::Address& ClientPath::own_ipv4() const {
  return *std::ranges::find_if(settings_.tunnel.addresses, &packet::Address::is_ipv4);
}

void ClientPath::on_lost(std::uint64_t number) {
  if (session_ == nullptr) {
    if (number == registration_number_) register_address();
    return;
  }
  session_->lost(id_, number);
  if (h3_ == nullptr && number == 1) session_->sender().probe_now(id_);  // which is the registration
}

void ClientPath::on_acknowledged(std::uint64_t number) {
  if (session_ == nullptr) return;
  unanswered_since_ = never;
  session_->acknowledged(id_, number);
}

void ClientPath::on_datagram(Bytes datagram) {
  if (h3_ != nullptr)
    h3_->on_datagram(datagram);
  else
    on_tunnel_packet(datagram);
}

void ClientPath::offer_networks() {
  if (h3_ == nullptr) return;
  h3_->offer(settings_.tunnel.networks);
  owner_.has_news();
}

void ClientPath::on_arrivals(std::span<packet::UdpArrival> arrivals) {
  for (packet::UdpArrival& arrival : arrivals) {
    for (std::size_t offset = 0; offset < arrival.bytes.size(); offset += arrival.segment_size) {
      const std::size_t size = std::min(arrival.segment_size, arrival.bytes.size() - offset);
      if (connection_->receive(arrival.bytes.subspan(offset, size), arrival.local, arrival.remote, arrival.ecn,
                               worker_.now())) {
        if (session_ == nullptr) unanswered_since_ = never;
      } else if (connection_->state() != quic::ConnectionState::closed) {
        drops_.count(Drop::bad_packet);
      }
    }
  }
  owner_.has_news();
}

void ClientPath::on_timer() {
  connection_->on_deadline(worker_.now());
  if (worker_.now() >= silence_due()) end_reason_ = "the server does not answer";
  if (worker_.now() >= answer_due()) connection_->close(masque::h3_request_cancelled, h3_->waits_for());
  owner_.has_news();
}

void ClientPath::write() {
  if (!end_reason_.empty()) return;
  const Instant now = worker_.now();
  const bool usable = state() == ClientPathState::usable;
  if (usable && session_ == nullptr && h3_ != nullptr && !h3_->datagrams()) source_.overflow_all(now);
  while (!port_.blocked()) {
    const bool done = connection_->write(source(), port_.batch(), now);
    if (!port_.send() || done) break;
  }
  if (connection_->state() == quic::ConnectionState::closed) {
    end_reason_ = connection_->close_reason();
    return worker_.timers().set(timer_, never);
  }
  watch_silence();
  worker_.timers().set(
      timer_, std::min({connection_->deadline(), port_.blocked() || session_ != nullptr ? never : queue_.deadline(),
                        silence_due(), answer_due()}));
}

void ClientPath::close(std::string reason) {
  connection_->close(h3_ != nullptr ? masque::h3_no_error : no_error, std::move(reason));
  if (port_.blocked()) return;
  connection_->write(source(), port_.batch(), worker_.now());
  port_.send();
}

void ClientPath::watch_silence() {
  const quic::ConnectionStatistics statistics = connection_->statistics();
  const bool usable = state() == ClientPathState::usable;
  if (usable && session_ == nullptr) queue_.follow_round_trip(statistics.smoothed_rtt);
  if (!usable || statistics.bytes_in_flight == 0) {
    unanswered_since_ = never;
  } else if (unanswered_since_ == never) {
    unanswered_since_ = worker_.now();
  }
}

Instant ClientPath::silence_due() const {
  return unanswered_since_ == never ? never : unanswered_since_ + silence_limit;
}

// A path that has not been told to ask has no answer to wait for.
Instant ClientPath::answer_due() const {
  const ClientPathState now = state();
  return now == ClientPathState::handshaking || now == ClientPathState::asked ? answer_by_ : never;
}

std::size_t ClientPath::mtu() const {
  const std::size_t datagram = connection_->max_datagram_size();
  const bool sequenced = session_ != nullptr && h3_ != nullptr;
  const std::size_t before = sequenced ? h3_->prefix(masque::sequenced_context).size() + tunnel::sequence_header_size
                                       : source_.prefix().size();
  return datagram - std::min(datagram, before);
}

}  // namespace mpquic::daemon
