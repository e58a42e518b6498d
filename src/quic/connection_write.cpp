// How a connection's packets are written, from the journey's side:
//   source.front() -> DATAGRAM frame, small ones sharing a packet -> AEAD -> UdpBatch, until congestion control, pacing
//   or the end of the source says stop.
#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "quic/connection.h"
#include "quic/sockaddr.h"

namespace mpquic::quic {
namespace {

constexpr std::size_t largest_payload = 1472;
// Packets that several small datagrams share stay below what every path carries (RFC 9000, 14), so that they say
// nothing about the path MTU and can't be hit by a black hole.
constexpr std::size_t shared_packet_size = 1200;
constexpr std::size_t small_datagram = 512;

constexpr std::size_t frame_header = 3;   // RFC 9221, 4: type 0x31 and a two-byte length
constexpr std::size_t packet_number = 4;  // at most
constexpr std::size_t aead_tag = 16;

// On a fast path, 64 KiB (the most that ngtcp2 asks for) are gone sooner than a timer can fire.
constexpr double burst_seconds = 0.0002;
constexpr double longest_burst = 256 << 10;

ngtcp2_vec vector_of(Bytes bytes) { return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()}; }

bool same_address(const ngtcp2_addr& a, const ngtcp2_addr& b) {
  return a.addrlen == b.addrlen && std::memcmp(a.addr, b.addr, a.addrlen) == 0;
}

}  // namespace

std::size_t Connection::packet_overhead() const {
  return 1 + ngtcp2_conn_get_dcid(handle_.get())->datalen + packet_number + frame_header + aead_tag;
}

// What may leave in one go: as much as the path takes in a fraction of a millisecond. Pacing counts it all the same.
std::size_t Connection::send_quantum(const ngtcp2_conn_info& info) const {
  const double round_trip = std::chrono::duration<double>(std::chrono::nanoseconds(info.smoothed_rtt)).count();
  const double burst = round_trip > 0 ? static_cast<double>(info.cwnd) / round_trip * burst_seconds : 0;
  return std::max(ngtcp2_conn_get_send_quantum(handle_.get()),
                  static_cast<std::size_t>(std::min(burst, longest_burst)));
}

std::size_t Connection::sent_packet_size(std::uint64_t datagram_id) const {
  return (datagram_id & 0xffff) + packet_overhead();
}

std::size_t Connection::max_datagram_size() const {
  if (state_ != ConnectionState::established) return 0;
  const ngtcp2_transport_params* remote = ngtcp2_conn_get_remote_transport_params(handle_.get());
  if (remote == nullptr || remote->max_datagram_frame_size <= frame_header) return 0;
  const std::size_t payload = std::min(path_mtu_.cap(), ngtcp2_conn_get_path_max_tx_udp_payload_size(handle_.get()));
  return std::min(payload - packet_overhead(),
                  static_cast<std::size_t>(remote->max_datagram_frame_size) - frame_header);
}

bool Connection::write(DatagramSource& source, packet::UdpBatch& batch, Instant now) {
  now_ = now;
  measure_loss();
  const auto time = static_cast<ngtcp2_tstamp>(now.time_since_epoch().count());
  bool room = true;
  if (state_ != ConnectionState::closed) {
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(handle_.get(), &info);
    source.pause(round_trip_probe_.follow(info.cwnd, now));
    const std::size_t quantum = send_quantum(info);
    for (std::size_t written = 0; written < quantum;) {
      const MutableBytes space = batch.space(largest_payload);
      room = !space.empty();
      if (!room) break;
      const ngtcp2_ssize size = write_packet(source, space);
      if (size < 0) fail(static_cast<int>(size));
      if (size <= 0) break;
      batch.commit(static_cast<std::size_t>(size), envelope());
      written += static_cast<std::size_t>(size);
    }
    if (state_ != ConnectionState::closed) ngtcp2_conn_update_pkt_tx_time(handle_.get(), time);
  }
  if (state_ == ConnectionState::closed) return write_goodbye(batch);
  return room;
}

ngtcp2_ssize Connection::write_packet(DatagramSource& source, MutableBytes space) {
  const auto time = static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
  const std::size_t largest = max_datagram_size();
  std::size_t room = std::min(space.size(), path_mtu_.cap());
  if (std::exchange(probe_small_, false)) {
    const ngtcp2_ssize written =
        ngtcp2_conn_write_pkt(handle_.get(), &path_.path, &packet_info_, space.data(), room, time);
    if (written != 0) return written;
  }
  if (const auto written = write_streams(space.first(room))) return *written;
  for (bool begun = false;; begun = true) {
    const packet::Pieces* next = largest == 0 ? nullptr : source.front(largest, now_);
    if (next == nullptr) {
      // What front() found too large for a datagram, it may have given to a stream.
      if (const auto written = write_streams(space.first(room))) return *written;
      return ngtcp2_conn_write_pkt(handle_.get(), &path_.path, &packet_info_, space.data(), room, time);
    }
    const bool share = next->size() <= small_datagram && source.more();
    if (share && !begun) room = std::min(room, shared_packet_size);
    const Bytes prefix = source.prefix();
    std::array<ngtcp2_vec, 3> pieces;
    std::size_t piece_count = 0;
    for (const Bytes piece : {prefix, next->head, next->rest}) {
      if (!piece.empty()) pieces[piece_count++] = vector_of(piece);
    }
    const std::size_t size = prefix.size() + next->size();
    int accepted = 0;
    const ngtcp2_ssize written =
        ngtcp2_conn_writev_datagram(handle_.get(), &path_.path, &packet_info_, space.data(), room, &accepted,
                                    share ? NGTCP2_WRITE_DATAGRAM_FLAG_MORE : NGTCP2_WRITE_DATAGRAM_FLAG_NONE,
                                    next_datagram_ << 16 | size, pieces.data(), piece_count, time);
    if (accepted != 0) {
      ++next_datagram_;
      ++counts_.tx_datagrams;
      counts_.tx_bytes += size;
      source.pop();
    }
    if (written != NGTCP2_ERR_WRITE_MORE) return written;
  }
}

// What streams have to say comes first, in the packet that datagrams then fill. nullopt: that packet has still room.
std::optional<ngtcp2_ssize> Connection::write_streams(MutableBytes space) {
  const auto time = static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
  // What all streams together may send is not held back by ngtcp2 stream by stream: it would write nothing at all, and
  // datagrams have no such limit.
  while (streams_ != nullptr && state_ != ConnectionState::closed &&
         ngtcp2_conn_get_max_data_left(handle_.get()) != 0) {
    const StreamData data = streams_->next_data();
    if (data.stream < 0) break;
    std::array<ngtcp2_vec, StreamData::most_pieces> pieces;
    std::ranges::transform(std::span(data.pieces).first(data.piece_count), pieces.begin(), vector_of);
    const std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (data.end ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0U);
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize written =
        ngtcp2_conn_writev_stream(handle_.get(), &path_.path, &packet_info_, space.data(), space.size(), &taken, flags,
                                  data.stream, pieces.data(), data.piece_count, time);
    if (taken >= 0) streams_->on_stream_sent(data.stream, static_cast<std::size_t>(taken));
    switch (written) {
      case NGTCP2_ERR_WRITE_MORE: break;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED: streams_->on_stream_blocked(data.stream); break;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND: streams_->on_stream_unwritable(data.stream); break;
      default: return written;
    }
  }
  return std::nullopt;
}

bool Connection::write_goodbye(packet::UdpBatch& batch) {
  if (!goodbye_) return true;
  const MutableBytes space = batch.space(largest_payload);
  if (space.empty()) return false;
  const ngtcp2_ccerr goodbye = *goodbye_;
  goodbye_.reset();
  const auto time = static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
  const ngtcp2_ssize size = ngtcp2_conn_write_connection_close(handle_.get(), &path_.path, &packet_info_, space.data(),
                                                               space.size(), &goodbye, time);
  if (size > 0) batch.commit(static_cast<std::size_t>(size), envelope());
  return true;
}

const packet::Envelope& Connection::envelope() {
  const ngtcp2_path& path = path_.path;
  ngtcp2_path& known = envelope_path_.path;
  if (!same_address(path.remote, known.remote) || !same_address(path.local, known.local)) {
    ngtcp2_path_copy(&known, &path);
    envelope_.remote = socket_address(path.remote);
    envelope_.local = socket_address(path.local).address;
  }
  envelope_.ecn = static_cast<packet::Ecn>(packet_info_.ecn);
  return envelope_;
}

}  // namespace mpquic::quic
