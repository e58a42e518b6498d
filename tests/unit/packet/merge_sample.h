#pragma once

#include <cstdint>
#include <vector>

#include "packet/merge.h"
#include "packet/sample.h"

/// What the tests of Merger share.
namespace mpquic::packet::sample {

inline constexpr Offloads all{.tcp4 = true, .tcp6 = true, .udp = true};

inline Frames merge(const std::vector<Packet>& packets, Offloads offloads = all) {
  Merger merger(offloads);
  Frames frames;
  for (const Packet& packet : packets) merger.push(packet, frames);
  merger.flush(frames);
  return frames;
}

/// A TCP sender: each call gives the next segment.
struct Sender {
  Tcp tcp{};

  Packet operator()(std::size_t size, std::uint8_t flags = tcp::ack) {
    tcp.payload = payload_of(size, tcp.sequence);
    tcp.flags = flags;
    const Packet packet = packet_of(tcp);
    tcp.sequence += static_cast<std::uint32_t>(size);
    ++tcp.ip.id;
    return packet;
  }
};

/// How many packets are in each of the frames.
inline std::vector<std::size_t> groups(const Frames& frames) {
  std::vector<std::size_t> result;
  for (const auto& frame : frames.frames) {
    Frames one;
    one.frames.push_back(frame);
    result.push_back(one.split().size());
  }
  return result;
}

}  // namespace mpquic::packet::sample
