#include "io/tun_queue.h"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace mpquic::io {

MutableBytes TunQueue::read(packet::VirtioHeader& header, MutableBytes space) {
  const std::array<iovec, 2> pieces = {{{&header, sizeof header}, {space.data(), space.size()}}};
  const ssize_t size = readv(fd_.get(), pieces.data(), static_cast<int>(pieces.size()));
  if (size < 0 && errno == EBADFD) gone_ = true;
  if (size <= static_cast<ssize_t>(sizeof header)) return {};
  return space.first(static_cast<std::size_t>(size) - sizeof header);
}

bool TunQueue::write(const packet::VirtioHeader& header, Bytes packet, DropCounters& drops) {
  const std::array<iovec, 2> pieces = {{{const_cast<packet::VirtioHeader*>(&header), sizeof header},
                                        {const_cast<std::uint8_t*>(packet.data()), packet.size()}}};
  if (writev(fd_.get(), pieces.data(), static_cast<int>(pieces.size())) > 0) return true;
  drops.count(Drop::tun_write);
  return false;
}

}  // namespace mpquic::io
