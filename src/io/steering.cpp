#include "io/steering.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>

namespace mpquic::io {

Result<void> steer_by_connection_id(int fd, unsigned workers) {
  // The program sees the UDP payload. RFC 8999, 5: bit 0x80 of the first byte marks a long header, whose destination id
  // begins at byte 6 (behind the version and the id's length); with a short header it begins at byte 1.
  std::array<sock_filter, 9> program = {{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80, 3, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
      BPF_STMT(BPF_RET | BPF_A, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
      BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, workers),
      BPF_STMT(BPF_RET | BPF_A, 0),
  }};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) != 0) {
    return os_failure("steer packets to workers by connection id");
  }
  return {};
}

}  // namespace mpquic::io
