#include "sim/end.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ranges>
#include <utility>

namespace mpquic::sim {
namespace {

// HTTP datagrams of the first request: quarter stream id 0, and the context.
constexpr std::array<std::uint8_t, 2> plain = {0, 0};
constexpr std::array<std::uint8_t, 2> sequenced = {0, 2};
constexpr std::array<std::uint8_t, 2> probe = {0, 4};

constexpr std::size_t buffer_size = 2048;

/// What a connection has to send before it is a path.
class Nothing final : public quic::DatagramSource {
  const packet::Pieces* front(std::size_t, Instant) override { return nullptr; }
  bool more() const override { return false; }
  void pop() override {}
};

}  // namespace

End::End(const EndSettings& settings, Watch& out, Watch& in, Instant now)
    : settings_(settings),
      pool_(buffer_size, settings.buffers),
      out_(out),
      in_(in),
      session_({.flows = 1024}, drops_, *this),
      sender_(session_, pool_, settings.policy, tunnel::Wire::sequenced, now),
      receiver_(tunnel::ReceiverLimits{}, pool_, drops_),
      now_(now) {
  if (settings.lies > 0) in_.expect_lies();
  session_.open(now);
}

End::~End() { session_.close(); }

End::Path& End::add(std::size_t wan, packet::SocketAddress local, tunnel::PathTraits traits,
                    std::unique_ptr<quic::Connection> connection) {
  paths_.push_back(std::make_unique<Path>(*this, next_path_++, wan, local));
  Path& path = *paths_.back();
  path.traits = std::move(traits);
  path.connection = std::move(connection);
  path.connection->set_owner(path);
  dirty_ = true;
  return path;
}

End::Path* End::path(std::size_t wan) {
  auto newest_first = std::views::reverse(paths_);
  const auto found = std::ranges::find(newest_first, wan, [](const auto& path) { return path->wan; });
  return found == newest_first.end() ? nullptr : found->get();
}

void End::on_established(Path& path) {
  path.id = sender_.add_path(path.traits, {plain, sequenced, probe}, path.connection->smoothed_rtt(), now_);
  if (path.id) receiver_.add_path(*path.id);
}

void End::on_datagram(Path& path, Bytes datagram) {
  if (datagram.size() < 2 || !path.id) return;
  const Bytes rest = datagram.subspan(2);
  switch (datagram[1]) {
    case plain[1]: in_.arrive(rest, now_); return deliver(rest);
    case sequenced[1]: in_.arrive(rest, now_); return receiver_.receive(*path.id, falsified(rest), now_, *this);
    case probe[1]: return receiver_.receive_probe(*path.id, rest, now_);
    default: return drops_.count(Drop::unknown_context);
  }
}

/// As a peer might write it that means harm, or is broken: the packet is that of another flow, another place in it,
/// another time, or there is none.
Bytes End::falsified(Bytes datagram) {
  if (settings_.lies == 0 || std::uniform_real_distribution<double>(0, 1)(random_) >= settings_.lies) return datagram;
  std::ranges::copy(datagram, falsified_.begin());
  const auto any = static_cast<std::uint32_t>(random_() * 2);
  switch (random_() % 6) {
    case 0: store_be16(&falsified_[0], static_cast<std::uint16_t>(any)); break;
    case 1: store_be32(&falsified_[2], any); break;
    case 2: store_be32(&falsified_[2], load_be32(&falsified_[2]) + any % 20'000); break;
    case 3: store_be32(&falsified_[6], any); break;
    case 4: store_be32(&falsified_[10], any); break;
    default: return Bytes(falsified_).first(any % tunnel::sequence_header_size);
  }
  return Bytes(falsified_).first(datagram.size());
}

void End::deliver(Bytes packet) {
  in_.leave(packet, now_);
  on_packet(packet.first(packet.size() - Watch::mark_size));
}

bool End::receive(Path& path, Parcel& parcel, Instant now) {
  now_ = now;
  dirty_ = true;
  return path.connection->receive(parcel.payload, path.local, parcel.from, packet::Ecn::not_ect, now);
}

void End::push(MutableBytes packet, bool in_order, Instant now) {
  const std::uint32_t hash = packet::flow_hash(packet);
  out_.enter(packet, hash, in_order, now);
  packet::Buffer memory = pool_.take();
  if (!memory) return drops_.count(Drop::buffers_exhausted);
  const MutableBytes bytes = memory.bytes().first(packet.size());
  std::memcpy(bytes.data(), packet.data(), packet.size());
  auto packets = packet::Splitter::begin({}, bytes);
  if (!packets) return drops_.count(packets.error());
  sender_.push(std::move(memory), std::move(*packets), hash, in_order, now);
  dirty_ = true;
}

void End::link_down(std::size_t wan, Instant now) {
  now_ = now;
  for (const auto& path : paths_) {
    if (path->wan == wan && path->id) sender_.down(*path->id, now);
  }
  dirty_ = true;
}

Instant End::deadline() const {
  Instant first = std::min(sender_.deadline(), receiver_.deadline());
  for (const auto& path : paths_) first = std::min(first, path->connection->deadline());
  return first;
}

std::string End::due(Instant now) const {
  std::string names;
  if (sender_.deadline() <= now) names += " sender";
  if (receiver_.deadline() <= now) names += " receiver";
  for (const auto& path : paths_) {
    if (path->connection->deadline() <= now) names += fmt::format(" connection over link {}", path->wan + 1);
  }
  return names;
}

void End::turn(Instant now) {
  now_ = now;
  dirty_ = false;
  for (const auto& path : paths_) {
    if (path->connection->deadline() <= now) path->connection->on_deadline(now);
    if (!path->id) continue;
    sender_.after_receive(*path->id, now);
    receiver_.follow_round_trip(*path->id, path->connection->smoothed_rtt());
  }
  sender_.on_deadline(now);
  receiver_.on_deadline(now, *this);
  for (const tunnel::PathId id : sender_.write_order()) {
    write(**std::ranges::find_if(paths_, [&](const auto& path) { return path->id == id; }));
  }
  for (const auto& path : paths_) {
    if (!path->id) write(*path);
  }
  remove_closed();
}

void End::remove_closed() {
  for (std::size_t i = 0; i < paths_.size();) {
    Path& path = *paths_[i];
    if (path.connection->state() != quic::ConnectionState::closed) {
      ++i;
      continue;
    }
    if (path.id) {
      sender_.remove_path(*path.id, now_);
      receiver_.remove_path(*path.id, now_, *this);
    }
    const std::unique_ptr<Path> gone = std::move(paths_[i]);
    paths_.erase(paths_.begin() + static_cast<std::ptrdiff_t>(i));
    dirty_ = true;
    on_closed(*gone);
  }
}

void End::write(Path& path) {
  Nothing nothing;
  for (bool done = false; !done;) {
    quic::DatagramSource& source = path.id ? sender_.source(*path.id) : nothing;
    done = path.connection->write(source, batch_, now_);
    for (const auto& run : batch_.runs()) {
      const Bytes bytes = batch_.bytes(run);
      for (std::size_t at = 0; at < bytes.size(); at += run.segment_size) {
        const Bytes payload = bytes.subspan(at, std::min<std::size_t>(run.segment_size, bytes.size() - at));
        on_parcel(path, {{payload.begin(), payload.end()}, path.local, run.envelope.remote});
      }
    }
    batch_.clear();
  }
}

}  // namespace mpquic::sim
