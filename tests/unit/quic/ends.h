#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "quic/certificates.h"
#include "quic/server_endpoint.h"
#include "quic/wire.h"

namespace mpquic::quic {

/// Owner of a connection and source of its datagrams: what was sent through it and what came out.
class User final : public ConnectionOwner, public DatagramSource {
 public:
  using Datagram = std::vector<std::uint8_t>;

  void send(Datagram datagram) { waiting_.push_back(std::move(datagram)); }
  /// `count` datagrams, each as large as fits when its turn comes.
  void send_largest(std::size_t count) { largest_ += count; }
  std::size_t waiting() const { return waiting_.size() + largest_; }

  bool established = false;
  std::vector<Datagram> received;
  std::vector<std::uint64_t> lost;               ///< numbers
  std::size_t too_big = 0;                       ///< datagrams that did not fit and were dropped
  bool ignores_limits = false;                   ///< shows them to the connection all the same
  std::function<void()> begin_protocol = [] {};  ///< over streams
  std::function<void(bool)> on_pause = [](bool) {};
  Datagram datagram_prefix;

  // What the connection calls:
  const packet::Pieces* front(std::size_t max_size, Instant) override {
    if (waiting_.empty() && largest_ != 0) {
      --largest_;
      waiting_.emplace_back(max_size, std::uint8_t{0x5a});
    }
    while (!waiting_.empty() && waiting_.front().size() + datagram_prefix.size() > max_size && !ignores_limits) {
      waiting_.pop_front();
      ++too_big;
    }
    if (waiting_.empty()) return nullptr;
    // In two pieces, as a super-packet is cut.
    const std::size_t cut = std::min<std::size_t>(waiting_.front().size(), 40);
    front_ = {Bytes(waiting_.front()).first(cut), Bytes(waiting_.front()).subspan(cut)};
    return &front_;
  }
  bool more() const override { return waiting() > 1; }
  Bytes prefix() const override { return datagram_prefix; }
  void pause(bool pauses) override { on_pause(pauses); }
  void on_keys() override { begin_protocol(); }
  void pop() override { waiting_.pop_front(); }
  void on_established() override { established = true; }
  void on_lost(std::uint64_t number) override { lost.push_back(number); }
  void on_datagram(Bytes datagram) override { received.emplace_back(datagram.begin(), datagram.end()); }

 private:
  std::deque<Datagram> waiting_;
  std::size_t largest_ = 0;
  packet::Pieces front_;
};

/// Takes what `write` puts into a batch, again while the batch is full, as parcels from `from`.
template <class Write>
void write_parcels(const packet::SocketAddress& from, Wire& wire, Instant now, Write write) {
  packet::UdpBatch batch(packet::UdpBatch::max_run, true);
  for (bool done = false; !done;) {
    done = write(batch);
    for (const auto& run : batch.runs()) {
      const Bytes bytes = batch.bytes(run);
      for (std::size_t at = 0; at < bytes.size(); at += run.segment_size) {
        const Bytes payload = bytes.subspan(at, std::min<std::size_t>(run.segment_size, bytes.size() - at));
        wire.send({{payload.begin(), payload.end()}, from, run.envelope.remote, run.envelope.ecn}, now);
      }
    }
    batch.clear();
  }
}

/// A client with one connection. A NAT may give it another `outside` address at any time.
class Client {
 public:
  Client(const TransportSettings& settings, const TlsContext& tls, const packet::SocketAddress& address,
         const packet::SocketAddress& server, Instant now)
      : outside(address),
        inside_(address),
        connection_(must(Connection::connect(settings, tls, address, server, now))) {
    connection_->set_owner(user);
  }

  Connection& connection() { return *connection_; }
  Connection* operator->() { return connection_.get(); }

  bool receive(Parcel& parcel, Instant now) {
    return connection_->receive(parcel.payload, inside_, parcel.from, parcel.ecn, now);
  }
  void write(Wire& wire, Instant now) {
    write_parcels(outside, wire, now, [&](packet::UdpBatch& batch) { return connection_->write(user, batch, now); });
  }
  Instant deadline() const { return connection_->deadline(); }
  void on_deadline(Instant now) { connection_->on_deadline(now); }

  User user;
  packet::SocketAddress outside;

 private:
  packet::SocketAddress inside_;
  std::unique_ptr<Connection> connection_;
};

/// What a server keeps of each client. A closed connection stays, to be looked at, but nothing leads to it any more.
class AcceptedConnection {
 public:
  AcceptedConnection(ServerEndpoint& endpoint, std::unique_ptr<Connection> connection)
      : endpoint_(endpoint), connection_(std::move(connection)) {
    connection_->set_owner(user);
  }
  ~AcceptedConnection() { leave(); }

  Connection& connection() { return *connection_; }
  Connection* operator->() { return connection_.get(); }
  void settle() {
    if (user.established) end_handshake();
    if (connection_->state() == ConnectionState::closed) leave();
  }

  User user;

 private:
  void end_handshake() {
    if (std::exchange(handshaking_, false)) endpoint_.handshake_over();
  }
  void leave() {
    end_handshake();
    connection_->forget_connection_ids();
  }

  ServerEndpoint& endpoint_;
  std::unique_ptr<Connection> connection_;
  bool handshaking_ = true;
};

/// A server on one port, with all that it accepts.
class Server {
 public:
  /// Called for each connection that is accepted, before anything is read.
  std::function<void(AcceptedConnection&)> on_accept = [](AcceptedConnection&) {};

  struct Settings {
    TransportSettings transport;
    std::shared_ptr<const TlsContext> tls;
    ServerSecrets secrets{};
    WorkerSlot slot;
    AdmissionLimits limits;
  };

  Server(const packet::SocketAddress& address, const Settings& settings)
      : endpoint(settings.transport, {settings.tls, settings.secrets}, settings.slot, settings.limits, drops),
        address_(address) {}

  void receive(Parcel& parcel, Wire& wire, Instant now) {
    write_parcels(address_, wire, now, [&](packet::UdpBatch& replies) {
      auto destination = endpoint.find({parcel.payload, parcel.to, parcel.from}, replies, now);
      if (destination.accepted) {
        accepted.push_back(std::make_unique<AcceptedConnection>(endpoint, std::move(destination.accepted)));
        on_accept(*accepted.back());
      }
      if (destination.connection != nullptr) {
        destination.connection->receive(parcel.payload, parcel.to, parcel.from, parcel.ecn, now);
      }
      return true;
    });
  }
  void write(Wire& wire, Instant now) {
    for (const auto& each : accepted) {
      write_parcels(address_, wire, now,
                    [&](packet::UdpBatch& batch) { return (*each)->write(each->user, batch, now); });
      each->settle();
    }
  }
  Instant deadline() const {
    Instant first = never;
    for (const auto& each : accepted) first = std::min(first, (*each)->deadline());
    return first;
  }
  void on_deadline(Instant now) {
    for (const auto& each : accepted) {
      if ((*each)->deadline() <= now) (*each)->on_deadline(now);
    }
  }

  DropCounters drops;
  ServerEndpoint endpoint;
  std::vector<std::unique_ptr<AcceptedConnection>> accepted;

 private:
  packet::SocketAddress address_;
};

}  // namespace mpquic::quic
