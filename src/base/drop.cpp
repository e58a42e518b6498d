#include "base/drop.h"

namespace mpquic {

std::string_view name(Drop reason) {
  switch (reason) {
    case Drop::malformed: return "malformed";
    case Drop::no_route: return "no_route";
    case Drop::no_path: return "no_path";
    case Drop::foreign_source: return "foreign_source";
    case Drop::not_registered: return "not_registered";
    case Drop::unknown_tunnel: return "unknown_tunnel";
    case Drop::unknown_context: return "unknown_context";
    case Drop::out_of_scope: return "out_of_scope";
    case Drop::between_clients: return "between_clients";
    case Drop::duplicate: return "duplicate";
    case Drop::superseded: return "superseded";
    case Drop::too_big: return "too_big";
    case Drop::queue_full: return "queue_full";
    case Drop::queue_delay: return "queue_delay";
    case Drop::buffers_exhausted: return "buffers_exhausted";
    case Drop::tun_write: return "tun_write";
    case Drop::tun_read: return "tun_read";
    case Drop::udp_send: return "udp_send";
    case Drop::udp_garbage: return "udp_garbage";
    case Drop::unknown_connection: return "unknown_connection";
    case Drop::bad_packet: return "bad_packet";
    case Drop::version: return "version";
    case Drop::half_open_limit: return "half_open_limit";
    case Drop::source_limit: return "source_limit";
    case Drop::bad_token: return "bad_token";
    case Drop::count_: break;
  }
  return "unknown";
}

}  // namespace mpquic
