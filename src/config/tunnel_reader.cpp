#include "config/role_reader.h"
#include "config/values.h"

namespace mpquic::config {

void read_tunnel(Fields& fields, Tunnel& tunnel, const Defaults& defaults) {
  tunnel.place = fields.place();
  tunnel.congestion = defaults.congestion;
  if (const auto valid = parse_interface(tunnel.name); !valid) {
    fields.problems().error(tunnel.place, "a tunnel is named as its network interface: {}", valid.error().message);
  }
  fields.read("mtu", tunnel.mtu, parse_mtu);
  fields.read("congestion", tunnel.congestion, parse_congestion);
}

}  // namespace mpquic::config
