// Any bytes as a stream of capsules, in reads of any size, and the values of capsules. Input: number of reads (1 byte),
// the size of each (1 byte), the stream; what is left of it is the last read.

#include <algorithm>
#include <cstdlib>

#include "masque/address_capsules.h"
#include "masque/capsule.h"
#include "masque/dns_capsule.h"
#include "masque/http_datagram.h"
#include "masque/path_capsule.h"
#include "masque/route_capsule.h"
#include "masque/wire.h"

namespace {

using namespace mpquic;
using namespace mpquic::masque;

void require(bool holds) {
  if (!holds) std::abort();
}

/// What came of a stream.
struct Outcome {
  std::vector<wire::Capsule> capsules;
  std::string error;
  bool ended_within = false;
  std::uint64_t oversized_datagrams = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(Bytes stream, Bytes sizes) {
  Outcome outcome;
  wire::Capsules capsules;
  CapsuleReader reader;
  Result<void> result;
  for (const std::uint8_t size : sizes) {
    if (!result) break;
    const Bytes part = stream.first(std::min<std::size_t>(size, stream.size()));
    result = reader.read(part, capsules);
    stream = stream.subspan(part.size());
  }
  if (result) result = reader.read(stream, capsules);
  outcome.capsules = std::move(capsules.seen);
  outcome.error = wire::error_of(result);
  outcome.ended_within = result && !reader.finish();
  outcome.oversized_datagrams = reader.oversized_datagrams();
  return outcome;
}

void check_dns_servers(Bytes value) {
  const auto servers = parse_dns_servers(value);
  if (!servers) return;
  std::vector<std::uint8_t> stream;
  append_dns_servers(stream, *servers);
  require(parse_dns_servers(wire::value_of(stream, CapsuleType::dns_servers)) == *servers);
}

void check_path(Bytes value) {
  const auto path = parse_path_description(value);
  if (!path) return;
  std::vector<std::uint8_t> stream;
  append_path_description(stream, *path);
  require(parse_path_description(wire::value_of(stream, CapsuleType::path)) == *path);
}

void check_path_lost(Bytes value) {
  const auto name = parse_path_lost(value);
  if (!name) return;
  std::vector<std::uint8_t> stream;
  append_path_lost(stream, *name);
  require(parse_path_lost(wire::value_of(stream, CapsuleType::path_lost)) == *name);
}

void check_addresses(Bytes value) {
  const auto assigned = parse_address_assign(value);
  const auto requested = parse_address_request(value);
  require(assigned || !requested);  // a request is an assignment with rules of its own
  std::vector<std::uint8_t> stream;
  if (assigned) {
    append_address_assign(stream, *assigned);
    require(parse_address_assign(wire::value_of(stream, CapsuleType::address_assign)) == *assigned);
  }
  if (requested) {
    require(*requested == *assigned);
    stream.clear();
    append_address_request(stream, *requested);
    require(parse_address_request(wire::value_of(stream, CapsuleType::address_request)) == *requested);
  }
}

void check_routes(Bytes value) {
  const auto ranges = parse_route_advertisement(value);
  if (!ranges) return;
  std::vector<std::uint8_t> stream;
  append_route_advertisement(stream, *ranges);
  require(wire::value_of(stream, CapsuleType::route_advertisement) == wire::Buffer(value.begin(), value.end()));
  for (const AddressRange& range : std::span(*ranges).first(std::min<std::size_t>(ranges->size(), 64))) {
    const auto prefixes = prefixes_of({&range, 1});
    require(prefixes.size() <= 254);
    require(ranges_of(prefixes, range.protocol) == std::vector{range});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  if (input.empty() || input.size() < 1u + input[0]) return 0;
  const Bytes sizes = input.subspan(1, input[0]);
  const Bytes stream = input.subspan(1 + sizes.size());
  const Outcome outcome = outcome_of(stream, {});
  require(outcome == outcome_of(stream, sizes));

  check_addresses(stream);
  check_dns_servers(stream);
  check_path(stream);
  check_path_lost(stream);
  check_routes(stream);
  for (const wire::Capsule& capsule : outcome.capsules) {
    std::vector<std::uint8_t> written;
    append_capsule(written, capsule.type, capsule.value);
    require(wire::value_of(written, capsule.type) == capsule.value);
    check_addresses(capsule.value);
    check_routes(capsule.value);
    check_path(capsule.value);
    check_path_lost(capsule.value);
    parse_ip_datagram(capsule.value);
  }
  return 0;
}
