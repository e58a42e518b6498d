#pragma once

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/handle.h"
#include "base/result.h"
#include "base/time.h"
#include "packet/split.h"
#include "packet/udp_batch.h"
#include "quic/connection_id.h"
#include "quic/path_mtu.h"
#include "quic/round_trip_probe.h"
#include "quic/streams.h"
#include "quic/tls.h"

namespace mpquic::quic {

enum class CongestionControl : std::uint8_t { bbr, cubic };

/// What both ends of a path agree on by configuration (docs/protocol.md).
struct TransportSettings {
  /// Application protocols, best first: those that a client offers, and a server takes.
  std::vector<std::string> alpn = {"mpquic-ip"};
  bool streams = false;  ///< whether the other end may open streams, and answer on ours
  CongestionControl congestion = CongestionControl::bbr;
  Duration keep_alive = std::chrono::seconds(15);
  Duration idle_timeout = std::chrono::seconds(60);
  Duration handshake_timeout = std::chrono::seconds(5);
  /// Client: what the id begins with that it gives the server in its first packets; nullopt: anything. A server that
  /// steers by that byte (io/steering.h) has all such connections on one worker.
  std::optional<std::uint8_t> first_id_byte{};
};

/// Where a connection's outgoing datagrams come from.
class DatagramSource {
 public:
  /// What to send next, of 1 to max_size bytes; nullptr: nothing waits. The same until pop().
  virtual const packet::Pieces* front(std::size_t max_size, Instant now) = 0;
  /// Whether something waits behind front().
  virtual bool more() const = 0;
  virtual void pop() = 0;
  /// What stands before front() in its datagram; part of max_size. At most 16 bytes.
  virtual Bytes prefix() const { return {}; }
  /// The connection sends less than the path takes, for a moment and on purpose: what has to wait meanwhile says
  /// nothing of the path. Told before each write.
  virtual void pause([[maybe_unused]] bool pauses) {}

 protected:
  ~DatagramSource() = default;
};

/// What a connection tells its owner, from within receive() and on_deadline(). The owner must not destroy it there.
class ConnectionOwner {
 public:
  /// Keys for streams and datagrams are there, and alpn() is known; who the other end is may not be proved yet.
  virtual void on_keys() {}
  virtual void on_established() = 0;
  /// Of the datagrams sent, counted from 1, the `number`th did not arrive.
  virtual void on_lost(std::uint64_t number) = 0;
  /// It did. Also of one that was taken for lost.
  virtual void on_acknowledged(std::uint64_t) {}
  /// `datagram` is valid during the call.
  virtual void on_datagram(Bytes datagram) = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// A server's table of connection ids, kept up to date by its connections.
class ConnectionIdTable {
 public:
  virtual void add(const ngtcp2_cid& id, class Connection& connection) = 0;
  virtual void remove(const ngtcp2_cid& id) = 0;

 protected:
  ~ConnectionIdTable() = default;
};

/// What a server gives each connection. Both outlive it.
struct ServerIdentity {
  ConnectionIdTable* ids = nullptr;
  WorkerSlot slot;
  std::array<std::uint8_t, 32> reset_secret{};  ///< RFC 9000, 10.3.2: survives restarts
};

/// The client's Initial that a server accepts.
struct ClientInitial {
  ngtcp2_pkt_hd header;
  std::optional<ngtcp2_cid> original_id;  ///< when a Retry token proved the address: the id before the Retry
};

enum class CloseCause : std::uint8_t {
  none,
  idle_timeout,
  handshake_timeout,
  stateless_reset,  ///< the server has forgotten us: it was restarted
  closed_by_peer,
  refused,  ///< TLS: a certificate, name or ALPN did not suit one of the ends
  protocol_error,
  local,
};

//  handshaking --handshake confirmed--> established;  any --close, error, time out--> closed
enum class ConnectionState : std::uint8_t { handshaking, established, closed };

struct ConnectionStatistics {
  std::uint64_t tx_datagrams = 0, tx_bytes = 0;
  std::uint64_t rx_datagrams = 0, rx_bytes = 0;
  std::uint64_t acknowledged_datagrams = 0, lost_datagrams = 0;
  double recent_loss = 0;  ///< share of the datagrams of the last seconds that were lost
  Duration smoothed_rtt{}, min_rtt{};
  std::uint64_t congestion_window = 0, bytes_in_flight = 0;
};

/// One QUIC connection that carries datagrams (RFC 9000, RFC 9221): one path of a tunnel. No clock, no sockets: UDP
/// payloads and a time point go in; UDP payloads, datagrams and a next deadline come out.
///
/// Once closed() it does nothing more; its CONNECTION_CLOSE, if one is due, has been written.
class Connection {
 public:
  /// `local`, `remote`: addresses of the path. `owner` outlives the connection. Times never go backwards.
  static Result<std::unique_ptr<Connection>> connect(const TransportSettings& settings, const TlsContext& tls,
                                                     const packet::SocketAddress& local,
                                                     const packet::SocketAddress& remote, Instant now);
  static Result<std::unique_ptr<Connection>> accept(const TransportSettings& settings, const TlsContext& tls,
                                                    const ClientInitial& initial, const ServerIdentity& identity,
                                                    const packet::SocketAddress& local,
                                                    const packet::SocketAddress& remote, Instant now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Must be called before anything else.
  void set_owner(ConnectionOwner& owner) { owner_ = &owner; }
  ConnectionOwner& owner() const { return *owner_; }

  /// One UDP payload. It is decrypted in place. False: it was no valid packet of this connection.
  bool receive(MutableBytes payload, const packet::SocketAddress& local, const packet::SocketAddress& remote,
               packet::Ecn ecn, Instant now);
  /// Writes what is due: acknowledgements, probes, datagrams of `source` as congestion control and pacing let them.
  /// False: `batch` is full; send it and call again.
  bool write(DatagramSource& source, packet::UdpBatch& batch, Instant now);
  /// When on_deadline() is due; never once closed.
  Instant deadline() const;
  /// Afterwards write() is due.
  void on_deadline(Instant now);
  /// Says goodbye with an application error code (RFC 9000, 20.2) and a reason for the other end's log.
  void close(std::uint64_t code, std::string reason);
  /// Server: the id that the client puts into its packets, as long as it does not change it.
  const ngtcp2_cid& first_id() const { return first_id_; }
  /// Takes all its ids out of the server's table; before a server's connection is destroyed.
  void forget_connection_ids();

  /// Who speaks over the connection's streams, from on_keys() on. Outlives the connection, or is taken away by nullptr.
  void set_streams(StreamProtocol* protocol) { streams_ = protocol; }
  /// nullopt: the other end allows no more of them at the moment.
  std::optional<StreamId> open_stream();
  std::optional<StreamId> open_one_way_stream();
  /// Lets the other end send as much again.
  void consumed(StreamId stream, std::size_t bytes);
  /// Gives up sending (RESET_STREAM), or wants to hear no more (STOP_SENDING), with an application error code.
  void reset_stream(StreamId stream, std::uint64_t code);
  void stop_sending(StreamId stream, std::uint64_t code);
  /// Whether the other end takes DATAGRAM frames at all (RFC 9221, 3). From on_keys() on.
  bool datagrams_accepted() const;

  ConnectionState state() const { return state_; }
  CloseCause close_cause() const { return close_cause_; }
  /// One line, for the log; empty while open.
  const std::string& close_reason() const { return close_reason_; }

  /// Largest datagram that now fits one packet; 0 while handshaking. May grow and shrink (RFC 8899).
  std::size_t max_datagram_size() const;
  ConnectionStatistics statistics() const;
  /// RFC 9002, 5.3. Cheap enough for every write.
  Duration smoothed_rtt() const;
  packet::SocketAddress remote() const;
  packet::SocketAddress local() const;
  /// From its certificate; nullopt when it sent none. Server, established.
  std::optional<std::string> peer_name() const;
  /// The application protocol of this connection; empty while that is open.
  std::string_view alpn() const;
  /// Server, established: why these credentials, which are newer than the connection may be, would not let the client's
  /// certificate in; empty: they would, or it has none.
  std::string distrust(const TlsContext& now) const { return now.distrust(tls_.get(), *credentials_); }
  Instant last_received() const { return last_received_; }

 private:
  friend struct Callbacks;
  using Handle = std::unique_ptr<ngtcp2_conn, Deleter<ngtcp2_conn_del>>;

  Connection();
  bool new_connection_id(ngtcp2_cid& id, std::uint8_t* reset_token, std::size_t size);
  void fail(int library_error);
  void closed(CloseCause cause, std::string reason);
  void describe_peer_close();
  std::size_t packet_overhead() const;
  std::size_t send_quantum(const ngtcp2_conn_info& info) const;
  std::size_t sent_packet_size(std::uint64_t datagram_id) const;
  ngtcp2_ssize write_packet(DatagramSource& source, MutableBytes space);
  std::optional<ngtcp2_ssize> write_streams(MutableBytes space);
  bool write_goodbye(packet::UdpBatch& batch);
  const packet::Envelope& envelope();

  void measure_loss();
  void acknowledged(std::uint64_t datagram_id);
  void lost(std::uint64_t datagram_id);

  SessionOwner reference_{};
  std::shared_ptr<const TlsContext> credentials_;  ///< of the session
  TlsSession tls_;
  Handle handle_;
  ConnectionOwner* owner_ = nullptr;
  StreamProtocol* streams_ = nullptr;
  std::optional<ServerIdentity> identity_;
  ngtcp2_cid client_chosen_id_{};  ///< server: of the first Initial; ngtcp2 forgets it when it can't decrypt that
  ngtcp2_cid first_id_{};
  ConnectionState state_ = ConnectionState::handshaking;
  CloseCause close_cause_ = CloseCause::none;
  std::string close_reason_;
  std::optional<ngtcp2_ccerr> goodbye_;  ///< CONNECTION_CLOSE still to be written
  PathMtu path_mtu_;
  RoundTripProbe round_trip_probe_;
  ConnectionStatistics counts_;
  // As of the beginning of the current interval of loss measurement, and of the one before.
  ConnectionStatistics interval_, last_interval_;
  Instant interval_began_{};
  std::uint64_t next_datagram_ = 1;
  Instant now_{};  ///< of the call we are in
  Instant last_received_{};
  Instant handshake_deadline_{};
  bool probe_small_ = false;  ///< the next packet is to carry no datagram
  // Of the packet written last: its addresses in ngtcp2's form, and the same as an envelope, converted when they
  // change.
  ngtcp2_path_storage path_{};
  ngtcp2_path_storage envelope_path_{};
  ngtcp2_pkt_info packet_info_{};
  packet::Envelope envelope_;
};

}  // namespace mpquic::quic
