#pragma once

#include <poll.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "io/udp_socket.h"

namespace mpquic::io {

inline packet::SocketAddress address(std::string_view text) { return packet::SocketAddress::parse(text).value(); }

inline UdpSocket open(const UdpOptions& options) {
  auto socket = UdpSocket::open(options);
  if (!socket) throw std::runtime_error(socket.error().message);
  return std::move(*socket);
}

inline bool wait_for(int fd, short what = POLLIN, int milliseconds = 5000) {
  pollfd entry{fd, what, 0};
  return poll(&entry, 1, milliseconds) == 1;
}

/// A payload that has arrived, or several that the kernel glued together.
struct Arrival {
  std::vector<std::uint8_t> bytes;
  std::size_t segment_size;
  packet::SocketAddress remote, local;
  packet::Ecn ecn;
};

/// What a socket receives until it has got `payloads` payloads, or nothing more comes.
inline std::vector<Arrival> receive(UdpSocket& socket, std::size_t payloads) {
  ReceiveBuffers buffers;
  std::vector<Arrival> all;
  for (std::size_t got = 0; got < payloads && wait_for(socket.fd());) {
    for (const auto& arrival : socket.receive(buffers)) {
      all.push_back({{arrival.bytes.begin(), arrival.bytes.end()},
                     arrival.segment_size,
                     arrival.remote,
                     arrival.local,
                     arrival.ecn});
      got += (arrival.bytes.size() + arrival.segment_size - 1) / arrival.segment_size;
    }
  }
  return all;
}

inline void put(packet::UdpBatch& batch, const std::vector<std::uint8_t>& payload, const packet::Envelope& envelope) {
  std::ranges::copy(payload, batch.space(payload.size()).begin());
  batch.commit(payload.size(), envelope);
}

}  // namespace mpquic::io
