#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/tcp.h"
#include "sim/world.h"

using namespace mpquic;
using namespace mpquic::sim;

// scratch POLICY FLOWS SECONDS rate,rtt,loss ...
int main(int count, char** words) {
  tunnel::Policy policy = tunnel::Policy::bonded;
  if (!std::strcmp(words[1], "failover")) policy = tunnel::Policy::failover;
  if (!std::strcmp(words[1], "balanced")) policy = tunnel::Policy::balanced;
  if (!std::strcmp(words[1], "redundant")) policy = tunnel::Policy::redundant;
  const int flows = std::atoi(words[2]);
  const int seconds = std::atoi(words[3]);
  std::vector<Wan> wans;
  for (int i = 4; i < count; ++i) {
    double rate = 0, rtt = 0, loss = 0;
    std::sscanf(words[i], "%lf,%lf,%lf", &rate, &rtt, &loss);
    wans.push_back(Wan::of(rate, rtt, loss));
  }
  World world(1, policy, wans);
  std::vector<std::unique_ptr<Tcp>> tcps;
  for (int i = 0; i < flows; ++i)
    tcps.push_back(std::make_unique<Tcp>(world.events, world.box, world.server, static_cast<std::uint16_t>(1000 + i)));
  for (End* end : {&world.box, &world.server})
    end->on_packet = [&, end](Bytes packet) {
      for (auto& tcp : tcps)
        if (tcp->receive(*end, packet, world.now)) return;
    };
  for (auto& tcp : tcps) tcp->start(world.now);
  std::uint64_t udp = 0, udp_before = 0;
  if (flows == 0) {
    double sum = 0;
    for (auto& wan : wans) sum += wan.up.rate;
    const auto gap = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1300 * 8 / (sum * 1.1)));
    world.server.on_packet = [&](Bytes packet) { udp += packet.size(); };
    static std::vector<std::uint8_t> bytes(1300);
    bytes[0] = 0x45;
    bytes[2] = 1300 >> 8;
    bytes[3] = 1300 & 255;
    bytes[8] = 64;
    bytes[9] = 17;
    static std::function<void()> send = [&world, gap] {
      world.box.push(bytes, false, world.now);
      world.events.at(world.now + gap, send);
    };
    send();
  }
  std::uint64_t before = 0;
  for (int second = 0; second < seconds; ++second) {
    world.run(std::chrono::seconds(1));
    if (flows == 0) {
      std::printf("%3d s %6.1f Mbit/s UDP queue %zu", second, static_cast<double>(udp - udp_before) * 8e-6,
                  world.box.queued());
      udp_before = udp;
      for (auto& path : world.box.paths()) {
        auto q = path->connection->statistics();
        std::printf(" | cwnd %llu in flight %llu loss %.4f rtt %.1f",
                    static_cast<unsigned long long>(q.congestion_window),
                    static_cast<unsigned long long>(q.bytes_in_flight), q.recent_loss,
                    std::chrono::duration<double, std::milli>(q.smoothed_rtt).count());
      }
      std::printf("\n");
      continue;
    }
    std::uint64_t all = 0, again = 0, timeouts = 0, ooo = 0;
    double window = 0;
    for (auto& tcp : tcps) {
      all += tcp->delivered();
      again += tcp->retransmissions();
      timeouts += tcp->timeouts();
      ooo += tcp->out_of_order();
      window += tcp->window();
    }
    std::printf("%3d s %6.1f Mbit/s  window %6.0f rtt %5.1f ms again %llu timeouts %llu ooo %llu queue %zu", second,
                static_cast<double>(all - before) * 8e-6, window,
                std::chrono::duration<double, std::milli>(tcps[0]->round_trip()).count(),
                static_cast<unsigned long long>(again), static_cast<unsigned long long>(timeouts),
                static_cast<unsigned long long>(ooo), world.box.queued());
    for (auto& path : world.box.paths()) {
      auto s = world.box.sender().statistics(*path->id);
      std::printf(" | %s cap %.1f loss %.4f rtt %.1f rep %llu sil %llu", s.works ? "ok" : "--", s.capacity * 8e-6,
                  s.loss, std::chrono::duration<double, std::milli>(s.round_trip).count(),
                  static_cast<unsigned long long>(s.repairs), static_cast<unsigned long long>(s.silences));
    }
    auto r = world.server.receiver().statistics();
    std::printf(" || fill %llu rep %llu up %llu late %llu dup %llu held %zu\n",
                static_cast<unsigned long long>(r.filled), static_cast<unsigned long long>(r.repaired),
                static_cast<unsigned long long>(r.given_up), static_cast<unsigned long long>(r.late),
                static_cast<unsigned long long>(r.duplicates), r.held_packets);
    before = all;
  }
  for (std::size_t i = 0; i < drop_count; ++i)
    if (world.box.drops()[static_cast<Drop>(i)])
      std::printf("%s %llu\n", std::string(name(static_cast<Drop>(i))).c_str(),
                  static_cast<unsigned long long>(world.box.drops()[static_cast<Drop>(i)]));
}
