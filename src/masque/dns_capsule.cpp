#include "masque/dns_capsule.h"

#include "masque/capsule.h"
#include "masque/fields.h"

namespace mpquic::masque {

Result<std::vector<packet::Address>> parse_dns_servers(Bytes value) {
  std::vector<packet::Address> servers;
  Fields fields(value);
  while (!fields.empty()) {
    const auto version = fields.version();
    if (!version) return failure("DNS_SERVERS, entry {}: {}", servers.size() + 1, version.error().message);
    const auto address = fields.address(*version);
    if (!address) return failure("DNS_SERVERS, entry {}: {}", servers.size() + 1, address.error().message);
    if (address->is_unspecified() || address->is_multicast()) {
      return failure("DNS_SERVERS, entry {}: {} is no host's address", servers.size() + 1, address->to_string());
    }
    servers.push_back(*address);
  }
  return servers;
}

void append_dns_servers(std::vector<std::uint8_t>& to, std::span<const packet::Address> servers) {
  std::vector<std::uint8_t> value;
  for (const packet::Address& server : servers) {
    append_version(value, server);
    append_address(value, server);
  }
  append_capsule(to, CapsuleType::dns_servers, value);
}

}  // namespace mpquic::masque
