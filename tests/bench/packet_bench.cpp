// What the packet layer costs. The time of one iteration is that of one packet, one checksum or one hash.

#include <benchmark/benchmark.h>

#include "packet/checksum.h"
#include "packet/icmp.h"
#include "packet/sample.h"

namespace mpquic::packet {
namespace {

using sample::Packet;

constexpr std::size_t mss = 1360;
constexpr std::size_t segments = 40;

void checksum(benchmark::State& state) {
  const Packet data = sample::payload_of(static_cast<std::size_t>(state.range(0)) + 3);
  const Bytes unaligned = Bytes(data).subspan(3);
  for (auto _ : state) benchmark::DoNotOptimize(sum(unaligned));
}
BENCHMARK(checksum)->Arg(20)->Arg(64)->Arg(576)->Arg(1400)->Arg(9000)->Arg(65'000);

void hash_of_flow(benchmark::State& state) {
  const Packet packet =
      packet_of(sample::Udp{.ip = {.is_ipv6 = state.range(0) != 0}, .payload = sample::payload_of(100)});
  for (auto _ : state) benchmark::DoNotOptimize(flow_hash(packet));
}
BENCHMARK(hash_of_flow)->ArgName("ipv6")->Arg(0)->Arg(1);

void source_address(benchmark::State& state) {
  const Packet packet = packet_of(sample::Udp{.ip = {.is_ipv6 = state.range(0) != 0}});
  for (auto _ : state) benchmark::DoNotOptimize(source_of(packet));
}
BENCHMARK(source_address)->ArgName("ipv6")->Arg(0)->Arg(1);

void drain(benchmark::State& state, sample::SuperPacket& given) {
  std::size_t packets = 0;
  while (state.KeepRunningBatch(segments)) {
    auto splitter = Splitter::begin(given.virtio, given.packet);
    for (packets = 0; !splitter->empty(); ++packets) benchmark::DoNotOptimize(splitter->next(65'535));
  }
  if (packets != segments) state.SkipWithError("not as many segments as counted");
}

void split_tcp(benchmark::State& state) {
  const sample::Tcp tcp{
      .ip = {.is_ipv6 = state.range(0) != 0}, .options = Packet(12, 1), .payload = sample::payload_of(mss * segments)};
  auto given = sample::super_packet(packet_of(tcp), mss);
  drain(state, given);
}
BENCHMARK(split_tcp)->ArgName("ipv6")->Arg(0)->Arg(1);

void split_udp(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  auto given = sample::super_packet(packet_of(sample::Udp{.payload = sample::payload_of(size * segments)}),
                                    static_cast<std::uint16_t>(size));
  drain(state, given);
}
BENCHMARK(split_udp)->ArgName("bytes")->Arg(160)->Arg(1360);

void split_plain_packet(benchmark::State& state) {
  Packet packet = packet_of(sample::Tcp{.options = Packet(12, 1)});
  for (auto _ : state) {
    auto splitter = Splitter::begin({}, packet);
    benchmark::DoNotOptimize(splitter->next(1400));
  }
}
BENCHMARK(split_plain_packet);

class NullSink : public FrameSink {
 public:
  void write(const VirtioHeader&, Bytes packet) override { benchmark::DoNotOptimize(packet.data()); }
};

/// Pushes rounds of one packet of every flow; flushes every `segments` rounds, which is a full super-packet.
void merge(benchmark::State& state, const std::vector<std::vector<Packet>>& rounds) {
  Merger merger({.tcp4 = true, .tcp6 = true, .udp = true});
  NullSink sink;
  const auto packets = static_cast<benchmark::IterationCount>(rounds.size() * rounds[0].size());
  while (state.KeepRunningBatch(packets)) {
    for (const auto& round : rounds) {
      for (const Packet& packet : round) merger.push(packet, sink);
    }
    merger.flush(sink);
  }
}

void merge_tcp(benchmark::State& state) {
  std::vector<std::vector<Packet>> rounds;
  for (std::size_t i = 0; i < segments; ++i) {
    std::vector<Packet> round;
    for (std::uint16_t flow = 0; flow < static_cast<std::uint16_t>(state.range(1)); ++flow) {
      round.push_back(packet_of(sample::Tcp{.ip = {.is_ipv6 = state.range(0) != 0},
                                            .source_port = flow,
                                            .sequence = static_cast<std::uint32_t>(i * mss),
                                            .options = Packet(12, 1),
                                            .payload = sample::payload_of(mss)}));
    }
    rounds.push_back(std::move(round));
  }
  merge(state, rounds);
}
BENCHMARK(merge_tcp)->ArgNames({"ipv6", "flows"})->Args({0, 1})->Args({1, 1})->Args({0, 8})->Args({0, 16});

void merge_udp(benchmark::State& state) {
  const Packet packet = packet_of(sample::Udp{.payload = sample::payload_of(static_cast<std::size_t>(state.range(0)))});
  merge(state, std::vector<std::vector<Packet>>(segments, {packet}));
}
BENCHMARK(merge_udp)->ArgName("bytes")->Arg(160)->Arg(1360);

void merge_pure_acknowledgements(benchmark::State& state) {
  merge(state, std::vector<std::vector<Packet>>(segments, {packet_of(sample::Tcp{.options = Packet(12, 1)})}));
}
BENCHMARK(merge_pure_acknowledgements);

void packet_too_big(benchmark::State& state) {
  const Packet packet = packet_of(sample::Udp{.payload = sample::payload_of(1472)});
  const Address reporter = *Address::parse("10.0.0.1");
  Packet out(icmp_error_size_max);
  for (auto _ : state) benchmark::DoNotOptimize(write_packet_too_big(out, {packet, {}}, reporter, 1400));
}
BENCHMARK(packet_too_big);

}  // namespace
}  // namespace mpquic::packet
