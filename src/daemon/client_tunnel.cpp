#include "daemon/client_tunnel.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/log.h"
#include "masque/error_codes.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

// A server that does not answer for so long is dialled anew: QUIC's own probes come ever more seldom and the idle
// timeout is a minute, while a restarted server or a healed link is worth noticing at once.
constexpr Duration silence_limit = std::chrono::seconds(3);

constexpr std::uint64_t no_error = 0;

// RFC 8200, 5: every IPv6 link carries so much; what no datagram has room for goes over the request's stream.
constexpr std::size_t smallest_mtu = 1280;

double random_fraction() {
  static thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

std::optional<packet::Address> LinkView::source(packet::Address::Family family) const {
  const auto found = std::ranges::find(sources, family, &packet::Address::family);
  return found == sources.end() ? std::nullopt : std::optional(*found);
}

ClientTunnel::ClientTunnel(Worker& worker, Settings settings, io::TunQueue tun, const packet::Offloads& offloads)
    : worker_(worker),
      settings_(std::move(settings)),
      tun_(worker, std::move(tun), offloads, settings_.own_addresses, *this, drops_),
      session_({}, drops_, tun_),
      source_(session_),
      h3_settings_{.name = settings_.name,
                   .authority = settings_.authority,
                   .token = settings_.token,
                   .addresses = settings_.own_addresses,
                   .networks = settings_.networks},
      timer_([this] { on_timer(); }),
      since_(worker.now()) {}

ClientTunnel::~ClientTunnel() { worker_.forget(*this); }

void ClientTunnel::enter(TunnelState state, std::string detail) {
  if (state != state_) since_ = worker_.now();
  if ((state == TunnelState::up) != (state_ == TunnelState::up)) settings_.on_up(state == TunnelState::up);
  state_ = state;
  detail_ = std::move(detail);
}

void ClientTunnel::set_tls(std::shared_ptr<const quic::TlsContext> tls, std::optional<std::string> token) {
  settings_.tls = std::move(tls);
  h3_settings_.token = std::move(token);
}

void ClientTunnel::set_networks(std::vector<packet::Prefix> networks) {
  if (networks == h3_settings_.networks) return;
  h3_settings_.networks = std::move(networks);
  if (h3_ == nullptr) return;
  h3_->offer(h3_settings_.networks);
  worker_.at_end_of_turn(*this);
}

void ClientTunnel::set_link(const LinkView& link) {
  if (link == link_) return;
  const auto family = remote_.address.family();
  const bool same_way = connection_ != nullptr && link.usable && link_.usable && link.index == link_.index &&
                        link.source(family) == link_.source(family);
  link_ = link;
  if (same_way) return;
  hang_up();
  if (!link.usable) {
    enter(TunnelState::waiting_for_link, link.obstacle);
    log::info("{}: waiting for {}: {}", settings_.name, link.interface, link.obstacle);
    return;
  }
  redial_.start_over();  // a new way: what failed on the old one says nothing
  dial();
}

void ClientTunnel::set_servers(std::vector<packet::SocketAddress> servers) {
  if (servers == servers_) return;
  servers_ = std::move(servers);
  turn_ = 0;
  const bool on_its_way = connection_ != nullptr && std::ranges::find(servers_, remote_) != servers_.end();
  if (!link_.usable || state_ == TunnelState::up || on_its_way) return;
  redial_.start_over();  // as with a new link
  dial();
}

/// The next one that the link can reach.
std::optional<packet::SocketAddress> ClientTunnel::choose_server() {
  for (std::size_t tried = 0; tried < servers_.size(); ++tried, ++turn_) {
    const packet::SocketAddress& server = servers_[turn_ % servers_.size()];
    if (link_.source(server.address.family())) return server;
  }
  return std::nullopt;
}

void ClientTunnel::dial() {
  hang_up();
  tried_at_ = worker_.now();
  const auto server = choose_server();
  if (!server) return redial("the server has no address of a family that the link has");
  remote_ = *server;
  auto socket = io::UdpSocket::open({.bind = {*link_.source(remote_.address.family()), 0}, .device = link_.interface});
  if (!socket) return redial(socket.error().message);
  const packet::SocketAddress local = socket->local();
  auto connection = quic::Connection::connect(settings_.transport, *settings_.tls, local, remote_, worker_.now());
  if (!connection) return redial(connection.error().message);
  connection_ = std::move(*connection);
  connection_->set_owner(*this);
  port_ = std::make_unique<UdpPort>(
      worker_, std::move(*socket),
      UdpPort::Handlers{[this](auto arrivals) { on_arrivals(arrivals); }, [this] { worker_.at_end_of_turn(*this); }},
      drops_);
  if (state_ != TunnelState::backing_off) enter(TunnelState::connecting, {});
  state_ = TunnelState::connecting;
  log::debug("{}: connecting to {} from {} on {}", settings_.name, remote_.to_string(), local.to_string(),
             link_.interface);
  write();
}

void ClientTunnel::hang_up() {
  session_.close();
  worker_.timers().set(timer_, never);
  retry_at_ = unanswered_since_ = answer_by_ = never;
  established_ = false;
  if (connection_ == nullptr) return;
  past_ += connection_->statistics();
  h3_.reset();
  connection_.reset();
  port_.reset();
}

void ClientTunnel::redial(std::string reason) {
  const bool news = state_ == TunnelState::up || detail_ != reason;
  hang_up();
  if (news) log::warning("{}: {}", settings_.name, reason);
  if (state_ == TunnelState::up) {
    redial_.stood(worker_.now() - since_);
  } else {
    ++turn_;
  }
  settings_.on_try_failed();
  enter(TunnelState::backing_off, std::move(reason));
  retry_at_ = redial_.next(tried_at_, random_fraction(), worker_.now());
  worker_.timers().set(timer_, retry_at_);
}

void ClientTunnel::on_arrivals(std::span<packet::UdpArrival> arrivals) {
  for (packet::UdpArrival& arrival : arrivals) {
    for (std::size_t offset = 0; offset < arrival.bytes.size(); offset += arrival.segment_size) {
      const std::size_t size = std::min(arrival.segment_size, arrival.bytes.size() - offset);
      if (connection_->receive(arrival.bytes.subspan(offset, size), arrival.local, arrival.remote, arrival.ecn,
                               worker_.now())) {
        unanswered_since_ = never;
      } else if (connection_->state() != quic::ConnectionState::closed) {
        drops_.count(Drop::bad_packet);
      }
    }
  }
  worker_.at_end_of_turn(*this);
}

void ClientTunnel::on_keys() {
  if (speaks_h3())
    h3_ = std::make_unique<H3Client>(*connection_, h3_settings_, static_cast<H3ClientOwner&>(*this), drops_);
}

void ClientTunnel::on_established() {
  established_ = true;
  ++connections_;
  if (!speaks_h3() || h3_->open()) return come_up();
  answer_by_ = worker_.now() + H3Client::time_limit;
}

void ClientTunnel::on_tunnel_open() {
  source_.set_prefix(h3_->prefix());
  source_.set_overflow(*h3_, smallest_mtu);
  if (established_) come_up();
}

void ClientTunnel::come_up() {
  answer_by_ = never;
  enter(TunnelState::up, {});
  session_.open(worker_.now());
  if (!speaks_h3()) register_address();
  log::info("{}: up: {} through {} ({})", settings_.name, remote_.to_string(), link_.interface,
            port_->local().address.to_string());
}

void ClientTunnel::register_address() {
  registration_number_ = connection_->statistics().tx_datagrams + 1;
  session_.send_registration(*std::ranges::find_if(settings_.own_addresses, &packet::Address::is_ipv4));
}

void ClientTunnel::on_lost(std::uint64_t number) {
  if (number == registration_number_) register_address();
}

void ClientTunnel::on_datagram(Bytes datagram) {
  if (h3_ != nullptr)
    h3_->on_datagram(datagram);
  else
    on_tunnel_packet(datagram);
}

void ClientTunnel::on_tunnel_packet(Bytes packet) {
  if (!packet::source_of(packet)) return drops_.count(Drop::malformed);
  tun_.deliver(packet);
}

void ClientTunnel::on_tunnel_failed(std::uint64_t code, const std::string& reason) { connection_->close(code, reason); }

void ClientTunnel::on_burst(Burst burst) {
  auto packets = packet::Splitter::begin(burst.header, burst.packet);
  if (!packets) return drops_.count(packets.error());
  session_.push(std::move(burst.memory), std::move(*packets), packet::flow_hash(burst.packet), worker_.now());
  if (state_ == TunnelState::up) worker_.expect_answer(connection_->smoothed_rtt());
  worker_.at_end_of_turn(*this);
}

void ClientTunnel::on_timer() {
  if (connection_ == nullptr) return dial();
  connection_->on_deadline(worker_.now());
  if (worker_.now() - silence_limit >= unanswered_since_) return redial("the server does not answer");
  if (worker_.now() >= answer_by_) connection_->close(masque::h3_request_cancelled, h3_->waits_for());
  write();
}

void ClientTunnel::end_of_turn() {
  if (connection_ != nullptr) write();
}

void ClientTunnel::write() {
  const Instant now = worker_.now();
  if (state_ == TunnelState::up && h3_ != nullptr && !h3_->datagrams()) source_.overflow_all(now);
  while (!port_->blocked()) {
    const bool done = connection_->write(source_, port_->batch(), now);
    if (!port_->send() || done) break;
  }
  if (connection_->state() == quic::ConnectionState::closed) return redial(connection_->close_reason());
  follow_mtu();
  watch_silence();
  const Instant silence = unanswered_since_ == never ? never : unanswered_since_ + silence_limit;
  worker_.timers().set(
      timer_, std::min({connection_->deadline(), port_->blocked() ? never : session_.deadline(), silence, answer_by_}));
}

void ClientTunnel::watch_silence() {
  const quic::ConnectionStatistics statistics = connection_->statistics();
  session_.follow_round_trip(statistics.smoothed_rtt);
  if (state_ != TunnelState::up || statistics.bytes_in_flight == 0) {
    unanswered_since_ = never;
  } else if (unanswered_since_ == never) {
    unanswered_since_ = worker_.now();
  }
}

void ClientTunnel::follow_mtu() {
  if (state_ != TunnelState::up) return;
  const std::size_t datagram = connection_->max_datagram_size();
  const std::size_t mtu = datagram - std::min(datagram, source_.prefix().size());
  if (mtu == 0 || mtu == mtu_) return;
  mtu_ = mtu;
  settings_.on_mtu(mtu);
}

void ClientTunnel::stop() {
  if (connection_ != nullptr) {
    connection_->close(h3_ != nullptr ? masque::h3_no_error : no_error, "the client stops");
    if (!port_->blocked()) {
      connection_->write(source_, port_->batch(), worker_.now());
      port_->send();
    }
  }
  hang_up();
  enter(TunnelState::waiting_for_link, "stopped");
}

ClientTunnel::Snapshot ClientTunnel::snapshot() const {
  Snapshot result{.state = state_,
                  .detail = detail_,
                  .local = {},
                  .remote = {},
                  .since = since_,
                  .mtu = mtu_,
                  .connections = connections_,
                  .queued_bytes = session_.queued_bytes(),
                  .connection = {},
                  .total = past_,
                  .drops = drops_};
  if (connection_ == nullptr) return result;
  result.local = port_->local();
  result.remote = remote_;
  result.connection = connection_->statistics();
  result.total += result.connection;
  return result;
}

}  // namespace mpquic::daemon
