// The model of TCP over a bare link, against what Linux does over the same (docs/architecture.md: measured).
#include "sim/tcp.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "sim/link.h"

namespace mpquic::sim {
namespace {

using namespace std::chrono_literals;

/// One end of a bare link.
class BareHost final : public Host {
 public:
  explicit BareHost(Link& link) : link_(link) {}
  void push(MutableBytes packet, bool, Instant now) override {
    link_.send({{packet.begin(), packet.end()}, {}, {}}, now);
  }

 private:
  Link& link_;
};

class TcpTest : public testing::Test {
 protected:
  void begin(double rate, double round_trip, double loss, std::size_t flows) {
    const auto delay = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(round_trip / 2));
    const LinkSettings settings{.delay = delay, .rate = rate * 1e6, .loss = loss};
    there_ = std::make_unique<Link>(events_, settings, 1, [this](const Parcel& parcel) { receive(*far_, parcel); });
    const LinkSettings back_settings{.delay = delay, .rate = rate * 1e6};
    back_ =
        std::make_unique<Link>(events_, back_settings, 2, [this](const Parcel& parcel) { receive(*near_, parcel); });
    near_ = std::make_unique<BareHost>(*there_);
    far_ = std::make_unique<BareHost>(*back_);
    for (std::size_t i = 0; i < flows; ++i) {
      flows_.push_back(std::make_unique<Tcp>(events_, *near_, *far_, static_cast<std::uint16_t>(1000 + i)));
    }
    for (const auto& flow : flows_) flow->start(now_);
  }
  void receive(const Host& at, const Parcel& parcel) {
    // Its mark would be the last bytes.
    const Bytes packet = Bytes(parcel.payload).first(parcel.payload.size() - 8);
    for (const auto& flow : flows_) {
      if (flow->receive(at, packet, now_)) return;
    }
  }
  void run(Duration span) {
    const Instant end = now_ + span;
    while (events_.next() <= end) {
      now_ = events_.next();
      events_.run(now_);
    }
    now_ = end;
  }
  double mbit(Duration span) {
    std::uint64_t before = 0, after = 0;
    for (const auto& flow : flows_) before += flow->delivered();
    run(span);
    for (const auto& flow : flows_) after += flow->delivered();
    return static_cast<double>(after - before) * 8e-6 / std::chrono::duration<double>(span).count();
  }

  Events events_;
  Instant now_ = Instant() + 1h;
  std::unique_ptr<Link> there_, back_;
  std::unique_ptr<BareHost> near_, far_;
  std::vector<std::unique_ptr<Tcp>> flows_;
};

TEST_F(TcpTest, OneFlowFillsALinkWithAQueueOfItsOwnProduct) {
  begin(100, 20, 0, 1);
  run(3s);
  EXPECT_GT(mbit(6s), 90);
}

TEST_F(TcpTest, WithoutLossFourFlowsGetWhatLinuxGets) {
  begin(200, 20, 0, 4);
  run(2s);
  EXPECT_NEAR(mbit(4s), 187, 8);
}

// CUBIC can't live with it: Linux had 25 Mbit/s of 200.
TEST_F(TcpTest, OnePercentLossLeavesFourFlowsAsLittleAsLinuxHas) {
  begin(200, 20, 0.01, 4);
  run(5s);
  EXPECT_NEAR(mbit(20s), 25, 7);
}

TEST_F(TcpTest, SegmentsFollowTheMtu) {
  begin(10, 20, 0, 1);
  flows_[0]->follow_mtu(1240);
  run(2s);
  const std::uint64_t bytes = there_->counts().sent;
  flows_[0]->follow_mtu(1400);
  EXPECT_GT(bytes, 0U);
  EXPECT_EQ(flows_[0]->delivered() % 1200, flows_[0]->delivered() >= 13'000 ? 13'000 % 1200 : 0U)
      << "ten of the first window were sent before";
}

TEST_F(TcpTest, ComesToRest) {
  begin(10, 20, 0.05, 2);
  run(3s);
  for (const auto& flow : flows_) {
    flow->stop();
    EXPECT_FALSE(flow->at_rest());
  }
  run(60s);
  for (const auto& flow : flows_) EXPECT_TRUE(flow->at_rest());
}

}  // namespace
}  // namespace mpquic::sim
