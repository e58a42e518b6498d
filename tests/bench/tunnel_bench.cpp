// What the receiving side of a session over several paths costs. The time of one iteration is that of one packet.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "tunnel/receiver.h"

namespace mpquic::tunnel {
namespace {

class Nobody final : public PacketSink {
 public:
  void deliver(Bytes packet) override { benchmark::DoNotOptimize(packet.data()); }
};

/// A receiver of two paths, and a packet of 1400 bytes whose numbers are changed in place.
struct Bench {
  Bench() : bytes(sequence_header_size + 1400) {
    for (PathId path = 0; path < 2; ++path) receiver.add_path(path);
  }
  void receive(PathId path, SequenceHeader header) {
    header.path_sequence = path_sequence++;
    header.sent_at = microseconds(now);
    write(header, std::span(bytes).first<sequence_header_size>());
    receiver.receive(path, bytes, now, sink);
  }
  /// As a worker does after each batch.
  void end_of_batch() {
    now += std::chrono::microseconds(100);
    receiver.on_deadline(now, sink);
    benchmark::DoNotOptimize(receiver.deadline());
  }

  packet::BufferPool pool{2048, 16'384};
  DropCounters drops;
  Nobody sink;
  Receiver receiver{ReceiverLimits{}, pool, drops};
  std::vector<std::uint8_t> bytes;
  std::uint32_t path_sequence = 0;
  Instant now = Instant() + std::chrono::hours(1);
};

constexpr std::uint32_t batch = 32;

/// `receive(bench, i)` for the i-th packet, in batches.
template <typename Receive>
void run(benchmark::State& state, Bench& bench, Receive receive) {
  std::uint32_t i = 0;
  while (state.KeepRunningBatch(batch)) {
    for (std::uint32_t end = i + batch; i != end; ++i) receive(bench, i);
    bench.end_of_batch();
  }
}

void unordered(benchmark::State& state) {
  Bench bench;
  run(state, bench, [](Bench& to, std::uint32_t i) { to.receive(0, {.sequence = i}); });
}
BENCHMARK(unordered);

void in_order(benchmark::State& state) {
  Bench bench;
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  // Each has had a gap, so that it has all that a flow may have.
  for (std::uint32_t flow = 1; flow <= flows; ++flow) {
    for (const std::uint32_t sequence : {1U, 0U}) {
      bench.receive(0, {.ordered = true, .flow = static_cast<std::uint16_t>(flow), .sequence = sequence});
    }
  }
  run(state, bench, [flows](Bench& to, std::uint32_t i) {
    to.receive(0, {.ordered = true, .flow = static_cast<std::uint16_t>(1 + i % flows), .sequence = 2 + i / flows});
  });
}
BENCHMARK(in_order)->ArgName("flows")->Arg(1)->Arg(16)->Arg(1000);

/// Two paths, of which one is behind by so many packets: half of all are held, that is, copied.
void spread(benchmark::State& state) {
  Bench bench;
  const auto behind = static_cast<std::uint32_t>(state.range(0));
  run(state, bench, [behind](Bench& to, std::uint32_t i) {
    const bool slow = i % 2 != 0;
    to.receive(slow ? 1 : 0, {.ordered = true, .flow = 1, .sequence = slow ? i - 1 - behind : i + behind});
  });
}
BENCHMARK(spread)->ArgName("behind")->Arg(16)->Arg(256)->Arg(2048);

void duplicates(benchmark::State& state) {
  Bench bench;
  run(state, bench, [](Bench& to, std::uint32_t i) { to.receive(i % 2 != 0 ? 1 : 0, {.sequence = i / 2}); });
}
BENCHMARK(duplicates);

// What a peer could do to make it expensive.

void jumps(benchmark::State& state) {
  Bench bench;
  const bool ordered = state.range(0) != 0;
  run(state, bench, [ordered](Bench& to, std::uint32_t i) {
    to.receive(0, {.ordered = ordered, .flow = ordered, .sequence = i * (ordered ? 8191 : 65'535)});
  });
}
BENCHMARK(jumps)->ArgName("ordered")->Arg(0)->Arg(1);

void endless_flows(benchmark::State& state) {
  Bench bench;
  run(state, bench, [](Bench& to, std::uint32_t i) {
    to.receive(0, {.ordered = true, .flow = static_cast<std::uint16_t>(1 + i % 16'000), .sequence = 5000 + i % 2});
  });
}
BENCHMARK(endless_flows);

/// Each flow there may be always has a gap.
void gaps_everywhere(benchmark::State& state) {
  Bench bench;
  run(state, bench, [](Bench& to, std::uint32_t i) {
    to.receive(0, {.ordered = true, .flow = static_cast<std::uint16_t>(1 + i % 1000), .sequence = i / 1000 * 2 + 1});
  });
}
BENCHMARK(gaps_everywhere);

/// The first packet behind a gap is the last that there may be, again and again.
void far_ahead(benchmark::State& state) {
  Bench bench;
  run(state, bench, [](Bench& to, std::uint32_t i) {
    const std::uint32_t base = i / 2 * 2;
    if (i % 4000 == 0) to.receive(0, {.ordered = true, .flow = 1, .sequence = base + 8000});
    to.receive(0, {.ordered = true, .flow = 1, .sequence = i % 2 == 0 ? base + 1 : base});
  });
}
BENCHMARK(far_ahead);

}  // namespace
}  // namespace mpquic::tunnel
