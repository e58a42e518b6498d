#include "sim/end.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace mpquic::sim {
namespace {

// HTTP datagrams of the first request: quarter stream id 0, and the context.
constexpr std::array<std::uint8_t, 2> plain = {0, 0};
constexpr std::array<std::uint8_t, 2> sequenced = {0, 2};
constexpr std::array<std::uint8_t, 2> probe = {0, 4};

class Nothing final : public quic::DatagramSource {
  const packet::Pieces* front(std::size_t, Instant) override { return nullptr; }
  bool more() const override { return false; }
  void pop() override {}
};

}  // namespace

End::End(tunnel::Policy policy, Instant now)
    : session_({.flows = 1024}, drops_, *this),
      sender_(std::make_unique<tunnel::Sender>(session_, pool_, policy, now)),
      receiver_(std::make_unique<tunnel::Receiver>(tunnel::ReceiverLimits{}, pool_, drops_)),
      now_(now) {
  session_.open(now);
}

End::~End() {
  sender_.reset();
  session_.close();
}

End::Path& End::add(packet::SocketAddress local, Link& link, tunnel::PathTraits traits) {
  paths_.push_back(std::make_unique<Path>(*this, local, link));
  paths_.back()->traits = std::move(traits);
  dirty_ = true;
  return *paths_.back();
}

void End::on_established(Path& path) {
  path.id = sender_->add_path(path.traits, {plain, sequenced, probe}, now_);
  receiver_->add_path(*path.id);
}

void End::on_datagram(Path& path, Bytes datagram) {
  if (datagram.size() < 2 || !path.id) return;
  const Bytes rest = datagram.subspan(2);
  switch (datagram[1]) {
    case 0: return on_packet(rest);
    case 2: return receiver_->receive(*path.id, rest, now_, *this);
    case 4: return receiver_->receive_probe(*path.id, rest, now_, *this);
    default: break;
  }
}

void End::receive(Path& path, Parcel& parcel, Instant now) {
  now_ = now;
  dirty_ = true;
  path.connection->receive(parcel.payload, path.local, parcel.from, packet::Ecn::not_ect, now);
}

void End::push(Bytes packet, bool in_order, Instant now) {
  packet::Buffer memory = pool_.take();
  if (!memory) return drops_.count(Drop::buffers_exhausted);
  const MutableBytes bytes = memory.bytes().first(packet.size());
  std::memcpy(bytes.data(), packet.data(), packet.size());
  const std::uint32_t hash = packet::flow_hash(bytes);
  auto packets = packet::Splitter::begin({}, bytes);
  if (!packets) return drops_.count(packets.error());
  sender_->push(std::move(memory), std::move(*packets), hash, in_order, now);
  dirty_ = true;
}

Instant End::deadline() const {
  Instant first = std::min(sender_->deadline(), receiver_->deadline());
  for (const auto& path : paths_) first = std::min(first, path->connection->deadline());
  return first;
}

void End::turn(Instant now) {
  now_ = now;
  dirty_ = false;
  for (const auto& path : paths_) {
    if (path->connection->deadline() <= now) path->connection->on_deadline(now);
    if (!path->id) continue;
    sender_->after_receive(*path->id, now);
    receiver_->follow_round_trip(*path->id, path->connection->smoothed_rtt());
  }
  sender_->on_deadline(now);
  receiver_->on_deadline(now, *this);
  for (const tunnel::PathId id : sender_->write_order()) {
    write(**std::ranges::find_if(paths_, [&](const auto& path) { return path->id == id; }));
  }
  for (const auto& path : paths_) {
    if (!path->id) write(*path);
  }
}

void End::write(Path& path) {
  Nothing nothing;
  packet::UdpBatch batch(packet::UdpBatch::max_run, true);
  for (bool done = false; !done;) {
    quic::DatagramSource& source = path.id ? sender_->source(*path.id) : nothing;
    done = path.connection->write(source, batch, now_);
    for (const auto& run : batch.runs()) {
      const Bytes bytes = batch.bytes(run);
      for (std::size_t at = 0; at < bytes.size(); at += run.segment_size) {
        const Bytes payload = bytes.subspan(at, std::min<std::size_t>(run.segment_size, bytes.size() - at));
        path.link.send({{payload.begin(), payload.end()}, path.local, run.envelope.remote}, now_);
      }
    }
    batch.clear();
  }
}

}  // namespace mpquic::sim
