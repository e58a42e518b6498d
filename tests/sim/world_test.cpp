// The simulator against what is known (of a single link, so that it is not the scheduler that is looked at).
#include "sim/world.h"

#include <gtest/gtest.h>

#include "sim/lans.h"

namespace mpquic::sim {
namespace {

using namespace std::chrono_literals;

class WorldTest : public testing::Test {
 protected:
  void begin(std::vector<Wan> wans, tunnel::Policy policy = tunnel::Policy::bonded) {
    world_ = std::make_unique<World>(WorldSettings{.box = {policy}, .server = {policy}, .wans = std::move(wans)});
    lans_ = std::make_unique<Lans>(*world_);
    ASSERT_TRUE(world_->connect());
  }
  void TearDown() override { EXPECT_EQ(world_->complaints(), std::vector<std::string>()); }
  double mbit_of(const Tcp& tcp, Duration span) {
    const std::uint64_t before = tcp.delivered();
    world_->run(span);
    return static_cast<double>(tcp.delivered() - before) * 8e-6 / std::chrono::duration<double>(span).count();
  }

  std::unique_ptr<World> world_;
  std::unique_ptr<Lans> lans_;
};

// The lab has 178 of 200 Mbit/s, with BBR outside and CUBIC inside.
TEST_F(WorldTest, FourTcpFlowsFillALink) {
  begin({Wan::of(50, 20)});
  std::uint64_t before = 0, after = 0;
  std::vector<Tcp*> flows;
  for (int i = 0; i < 4; ++i) flows.push_back(&lans_->add_tcp(true));
  for (Tcp* flow : flows) flow->start(world_->now);
  world_->run(4s);
  for (const Tcp* flow : flows) before += flow->delivered();
  world_->run(6s);
  for (const Tcp* flow : flows) after += flow->delivered();
  const double rate = static_cast<double>(after - before) * 8e-6 / 6;
  EXPECT_GT(rate, 50 * 0.82);
  EXPECT_LT(rate, 50 * 1300.0 / 1400) << "headers take their part";
}

TEST_F(WorldTest, TcpDownwardsToo) {
  begin({Wan::of(20, 20)});
  Tcp& tcp = lans_->add_tcp(false);
  tcp.start(world_->now);
  world_->run(2s);
  EXPECT_GT(mbit_of(tcp, 4s), 20 * 0.86);
}

TEST_F(WorldTest, TcpIsLimitedByItsReceiver) {
  begin({Wan::of(50, 100)});
  Tcp& tcp = lans_->add_tcp(true, 50);
  tcp.start(world_->now);
  world_->run(2s);
  // 50 segments a round trip.
  EXPECT_NEAR(mbit_of(tcp, 4s), 50 * 1300 * 8e-6 / 0.1, 0.6);
}

TEST_F(WorldTest, AStreamIsNotHeldUpByABulkFlow) {
  begin({Wan::of(20, 20)});
  Tcp& tcp = lans_->add_tcp(true);
  Stream& stream = lans_->add_stream(true, 50, 200);
  tcp.start(world_->now);
  stream.start(world_->now);
  world_->run(3s);
  stream.begin_measuring(world_->now);
  world_->run(3s);
  EXPECT_EQ(stream.missing(), 1U) << "the last one is on its way";
  EXPECT_GE(stream.longest_delay(), 10ms);
  EXPECT_LT(stream.longest_delay(), 40ms);
}

TEST_F(WorldTest, AnAddressThatChangesKeepsTheConnection) {
  begin({Wan::of(20, 20)});
  Stream& stream = lans_->add_stream(false, 100, 200);
  Stream& up = lans_->add_stream(true, 100, 200);
  stream.start(world_->now);
  up.start(world_->now);
  world_->run(1s);
  const End::Path* path = world_->server.path(0);
  const auto before = path->connection->remote();
  world_->rebind(0);
  world_->run(2s);
  EXPECT_EQ(world_->server.path(0), path);
  EXPECT_NE(path->connection->remote(), before);
  stream.begin_measuring(world_->now);
  world_->run(1s);
  EXPECT_LT(stream.longest_gap(world_->now), 15ms);
}

TEST_F(WorldTest, WhoLiesHarmsOnlyWhatItSends) {
  world_ = std::make_unique<World>(WorldSettings{.server = {.lies = 0.3}, .wans = {Wan::of(20, 20), Wan::of(20, 40)}});
  lans_ = std::make_unique<Lans>(*world_);
  ASSERT_TRUE(world_->connect());
  Stream& lying = lans_->add_stream(true, 500, 200);
  Stream& stream = lans_->add_stream(false, 500, 200);
  lying.start(world_->now);
  stream.start(world_->now);
  world_->run(10s);
  for (Stream* each : {&lying, &stream}) each->stop();
  world_->run(1s);
  EXPECT_GT(lying.missing(), lying.sent() / 100) << "what is no header, is no packet";
  EXPECT_GT(lying.received(), lying.sent() / 4);
  EXPECT_EQ(stream.missing(), 0U);
  EXPECT_LT(stream.longest_delay(), 40ms);
  EXPECT_GT(world_->server.drops()[Drop::malformed], 0U);
}

TEST_F(WorldTest, AConnectionThatTimedOutIsDialledAgain) {
  begin({Wan::of(5, 20), Wan::of(5, 40)});
  Stream& stream = lans_->add_stream(true, 20, 200);
  stream.start(world_->now);
  world_->run(1s);
  const std::uint64_t first = world_->box.path(0)->number;
  world_->cut(0, true, true);
  world_->run(70s);
  world_->cut(0, false, false);
  world_->run(10s);
  ASSERT_NE(world_->box.path(0), nullptr);
  EXPECT_GT(world_->box.path(0)->number, first);
  EXPECT_TRUE(world_->box.path(0)->id) << "it stands again";
  EXPECT_TRUE(world_->server.path(0)->id);
}

}  // namespace
}  // namespace mpquic::sim
