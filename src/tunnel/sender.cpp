#include "tunnel/sender.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "tunnel/sender_path.h"

namespace mpquic::tunnel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t most_copies = 8192;

// Views of paths are made anew so often at the most.
constexpr Duration refresh_interval = milliseconds(5);
// A path that came back, or is new, is steady after so long.
constexpr Duration steady_after = milliseconds(1500);

// What may be repaired, in relation to what arrives: while a path is not full, and while it is.
constexpr double repair_share = 0.25;
constexpr double repair_share_congested = 0.03;
constexpr double most_repair_budget = 256 << 10;
// What is older, its receiver has given up.
constexpr Duration repair_worthwhile = milliseconds(400);
// What is older, a dead path owes to nobody any more.
constexpr Duration owed_for = seconds(2);

constexpr Duration lossy_standing = milliseconds(120);

// Packets that are sent again over the only path when it falls silent.
constexpr std::size_t most_probes = 8;
constexpr Duration short_silence = milliseconds(60);
constexpr Duration least_probation = milliseconds(100);
constexpr unsigned most_flaps = 4;
constexpr Duration flaps_forgotten_after = seconds(30);

}  // namespace

Sender::Sender(Session& session, packet::BufferPool& pool, Policy policy, Wire wire, Instant now)
    : session_(session), pool_(pool), copies_(pool, most_copies), wire_(wire), flows_(flow_count), refreshed_at_(now) {
  set_policy(policy);
}

Sender::~Sender() = default;

Policy Sender::possible(Policy policy) const {
  const bool whole_flows = policy == Policy::failover || policy == Policy::balanced;
  return wire_ == Wire::sequenced || whole_flows ? policy : Policy::balanced;
}

void Sender::set_policy(Policy policy) {
  policy_ = possible(policy);
  bonds_ = policy_ == Policy::bonded;
}

std::optional<PathId> Sender::add_path(const PathTraits& traits, const PathPrefixes& prefixes, Duration round_trip,
                                       Instant now) {
  const auto place = std::ranges::find_if(paths_, [](const auto& path) { return path == nullptr; });
  if (place == paths_.end()) return std::nullopt;
  const auto id = static_cast<PathId>(place - paths_.begin());
  *place = std::make_unique<Path>(*this, id, traits, round_trip, now);
  Path& path = **place;
  path.plain.set(prefixes.plain);
  path.sequenced.set(prefixes.sequenced);
  path.probe.set(prefixes.probe);
  if (wire_ == Wire::bare) path.probe_next = true;
  ++path_count_;
  follow_predecessor(path, now);
  session_.settle(now);
  refresh(now);
  return id;
}

void Sender::remove_path(PathId id, Instant now) {
  const std::unique_ptr<Path> path = std::move(paths_[id]);
  --path_count_;
  follow_pauses();
  if (!path->traits.name.empty()) {
    if (gone_links_.size() == most_paths) gone_links_.pop_front();
    gone_links_.push_back({path->traits.name, {now, path->past.flaps}});
  }
  refresh(now);
  std::deque<Repair> owed = std::move(path->repairs);
  path->meter.forget([&](CopyId copy, bool in_flight) {
    if (in_flight)
      owed.push_back({copy, now});
    else
      copies_.release(copy);
  });
  for (const Repair& repair : owed) {
    owe(repair.copy, std::nullopt, now);
    copies_.release(repair.copy);
  }
  drop_second_repairs(*path);
  flows_.each([&](FlowId, SentFlow& flow) {
    if (flow.path == id) flow.path.reset();
  });
}

void Sender::describe(PathId id, const PathTraits& traits, Instant now) {
  Path& path = *paths_[id];
  const bool named = path.traits.name != traits.name;
  path.traits = traits;
  if (!named) return;
  follow_predecessor(path, now);
  refresh(now);
}

void Sender::set_overflow(PathId path, Overflow& overflow, std::size_t smallest_mtu) {
  paths_[path]->overflow = &overflow;
  session_.let_through(smallest_mtu);
}

quic::DatagramSource& Sender::source(PathId path) { return *paths_[path]; }

void Sender::refresh(Instant now) {
  const double elapsed = std::chrono::duration<double>(now - refreshed_at_).count();
  refreshed_at_ = now;
  std::vector<PathView> views = std::move(choice_.views);
  views.clear();
  least_room_ = SIZE_MAX;
  for (const auto& path : paths_) {
    if (path == nullptr) continue;
    if (elapsed > 0) {
      const double kept = std::max(0.0, 1 - elapsed / 0.2);
      path->load = path->load * kept + static_cast<double>(std::exchange(path->load_bytes, 0)) / elapsed * (1 - kept);
    }
    least_room_ = std::min(least_room_, path->room);
    views.push_back({.id = path->id,
                     .priority = path->traits.priority,
                     .weight = path->traits.weight,
                     .metered = path->traits.metered,
                     .works = path->works(),
                     .steady = path->works() && now - path->works_since >= steady_after,
                     .one_way = path->meter.round_trip() / 2,
                     .capacity = path->meter.capacity(),
                     .full = path->meter.capacity_is_known(now),
                     .load = path->load,
                     .room = path->room});
  }
  hungry_flows_ = 0;
  flows_.each([&](FlowId id, SentFlow& flow) {
    flow.hungry = flow.hungry && now - flow.last_sent <= pause_between_bursts;
    hungry_flows_ += flow.hungry ? 1 : 0;
    if (!flow.path || flow.spread) return;
    const auto view = std::ranges::find(views, *flow.path, &PathView::id);
    if (view == views.end()) return;
    view->hungry += flow.hungry ? 1 : 0;
    if (flow.standing_since != never) view->ahead += session_.queued_bytes_of(id);
  });
  const auto failover = choose_failover(views, choice_.failover);
  choice_ = Choice(std::move(views));
  choice_.failover = failover;
  roomy_.reset();
  follow_round_trip();
}

Sender::Choice::Choice(std::vector<PathView> from)
    : views(std::move(from)), eligible(tunnel::eligible(views)), spread(choose_spread(views)) {}

/// For a packet of this size. When no path that works has room, all: that it does not fit is the answer then.
const Sender::Choice& Sender::choice_for(std::size_t size) {
  if (size <= least_room_) return choice_;
  if (roomy_ && roomy_->first == size) return roomy_->second;
  std::vector<PathView> views;
  std::ranges::copy_if(choice_.views, std::back_inserter(views),
                       [&](const PathView& view) { return view.works && view.room >= size; });
  if (views.empty()) return choice_;
  roomy_.emplace(size, Choice(std::move(views)));
  Choice& choice = roomy_->second;
  choice.failover = choose_failover(choice.views, choice_.failover);
  return choice;
}

/// The queue's patience is that of a flow over the slowest path that it may take. Where flows are spread, a slow path
/// comes into play when so much waits that the fast ones take as long: that much must be allowed to wait, and some more
/// that all paths stay busy when a sender slows down.
void Sender::follow_round_trip() {
  const bool spreads = bonds_ && choice_.spread.count() > 1;
  Duration longest{}, shortest = Duration::max();
  for (const PathView& view : choice_.views) {
    if (!(spreads ? choice_.spread : choice_.eligible)[view.id]) continue;
    longest = std::max(longest, 2 * view.one_way);
    shortest = std::min(shortest, 2 * view.one_way);
  }
  session_.follow_round_trip(longest);
  Duration standing = spreads ? (longest - shortest) / 2 + longest / 4 : Duration::zero();
  // BBR slows down with every round trip that has a loss, and finds its rate again only seconds later, if there is more
  // to send than goes out. A sender that had to slow down as well would never get it back.
  for (const auto& path : paths_) {
    if (path != nullptr && path->meter.lossy()) standing = std::max(standing, lossy_standing);
  }
  session_.allow_standing(standing);
}

void Sender::follow_pauses() {
  session_.pause(std::ranges::any_of(paths_, [](const auto& path) { return path != nullptr && path->pauses; }));
}

void Sender::acknowledged(PathId id, std::uint64_t number, Instant now) {
  Path& path = *paths_[id];
  const auto fate = path.meter.acknowledged(number, now);
  if (!fate) return;
  if (path.health == Path::Health::silent) answered(path, now);
  if (fate->copy == no_copy) return;
  copies_.delivered(fate->copy);
  copies_.release(fate->copy);
}

void Sender::lost(PathId id, std::uint64_t number, Instant now) {
  const auto fate = paths_[id]->meter.lost(number, now);
  if (!fate || fate->copy == no_copy) return;
  if (!fate->known_lost) repair(fate->copy, now);
  copies_.release(fate->copy);
}

void Sender::after_receive(PathId id, Instant now) {
  Path& path = *paths_[id];
  const std::uint64_t arrived = path.meter.delivered_bytes() - path.rewarded_bytes;
  path.rewarded_bytes += arrived;
  const double share = path.meter.congested() ? repair_share_congested : repair_share;
  repair_budget_ = std::min(most_repair_budget, repair_budget_ + share * static_cast<double>(arrived));
  infer_losses(path, now);
}

void Sender::infer_losses(Path& path, Instant now) {
  path.meter.infer_losses([&](CopyId copy) { repair(copy, now); }, now);
}

/// Sends it again if that still helps.
void Sender::repair(CopyId id, Instant now) {
  const Copy& copy = copies_[id];
  if (copy.delivered || now - copy.first_sent > repair_worthwhile || repair_budget_ < copy.size) return;
  repair_budget_ -= copy.size;
  owe(id, std::nullopt, now);
}

void Sender::owe(CopyId id, std::optional<PathId> not_over, Instant now) {
  if (copies_[id].delivered || now - copies_[id].first_sent > owed_for) return;
  const auto over = choose_earliest(choice_for(copies_[id].size).views, not_over);
  if (!over || paths_[*over]->room < copies_[id].size) return;
  copies_.use(id);
  // What wants no order is waited for most.
  std::deque<Repair>& repairs = paths_[*over]->repairs;
  const auto first_ordered = [&] {
    return std::ranges::find_if(repairs, [&](const Repair& each) { return copies_[each.copy].ordered; });
  };
  repairs.insert(copies_[id].ordered ? repairs.end() : first_ordered(), {id, now});
}

void Sender::down(PathId id, Instant now) {
  fall_silent(*paths_[id], now);
  paths_[id]->failed = true;
}

void Sender::heard(PathId id, Instant at, Instant now) {
  Path& path = *paths_[id];
  const bool proof = wire_ == Wire::bare;  // others must acknowledge: they may be deaf
  if (proof && path.health == Path::Health::silent && at > path.silent_at) answered(path, now);
}

void Sender::probe_now(PathId id) { paths_[id]->probe_next = true; }

void Sender::fall_silent(Path& path, Instant now) {
  if (path.health == Path::Health::silent) return;
  path.silent_at = now;
  path.health = Path::Health::silent;
  path.failed = false;
  ++path.counts.silences;
  refresh(now);
  drop_second_repairs(path);
  // Over the only path there is, it may be the last packets of a burst that were lost: nothing has come after them that
  // could tell. They are what it is probed with (RFC 9002, 6.2.4).
  const bool alone = path_count_ == 1;
  const auto not_over = alone ? std::nullopt : std::optional(path.id);
  std::vector<CopyId> owed;
  path.meter.give_up([&](CopyId copy) { owed.push_back(copy); }, alone ? most_probes : SIZE_MAX);
  for (const CopyId copy : owed) owe(copy, not_over, now);
  if (alone) return;
  for (const Repair& repair : std::exchange(path.repairs, {})) {
    owe(repair.copy, path.id, now);
    copies_.release(repair.copy);
  }
}

void Sender::drop_second_repairs(Path& path) {
  for (const Repair& repair : std::exchange(path.second_repairs, {})) copies_.release(repair.copy);
}

void Sender::answered(Path& path, Instant now) {
  // All of a last few packets were lost, or the path has become slower: no more than that.
  if (!path.failed && now - path.silent_at <= std::max<Duration>(short_silence, 2 * path.meter.round_trip())) {
    path.health = Path::Health::works;
    return refresh(now);
  }
  begin_probation(path, now);
}

/// A link that has just been lost, and is there again, may go once more.
void Sender::follow_predecessor(Path& path, Instant now) {
  const auto before = std::ranges::find(gone_links_, path.traits.name, &GoneLink::name);
  if (before == gone_links_.end()) return;
  path.past = before->past;
  gone_links_.erase(before);
  if (path.past.failed_at + flaps_forgotten_after >= now) begin_probation(path, now);
}

void Sender::begin_probation(Path& path, Instant now) {
  Past& past = path.past;
  if (past.failed_at + flaps_forgotten_after < now) past.flaps = 0;
  past.flaps = std::min(past.flaps + 1, most_flaps);
  past.failed_at = now;
  path.health = Path::Health::probation;
  path.probation_ends = now + std::max(least_probation, 2 * path.meter.round_trip()) * (1 << (past.flaps - 1));
}

Instant Sender::deadline() const {
  Instant due = session_.deadline();
  for (const auto& path : paths_) {
    if (path == nullptr) continue;
    due = std::min(due, path->meter.loss_due());
    if (!path->second_repairs.empty()) due = std::min(due, path->second_repairs.front().since);
    // A connection that was shown the probe, and could not send it, is written again when it can.
    if (path->probe_due() > path->shown_at) due = std::min(due, path->probe_due());
    if (path->health != Path::Health::silent) due = std::min(due, path->meter.silence_due());
    if (path->health == Path::Health::probation) due = std::min(due, path->probation_ends);
  }
  return due;
}

void Sender::on_deadline(Instant now) {
  for (const auto& path : paths_) {
    if (path == nullptr) continue;
    infer_losses(*path, now);
    std::deque<Repair>& seconds = path->second_repairs;
    for (; !seconds.empty() && seconds.front().since <= now; seconds.pop_front()) {
      path->repairs.push_back(seconds.front());
    }
    if (path->health != Path::Health::silent && now >= path->meter.silence_due()) fall_silent(*path, now);
    if (path->health == Path::Health::probation && now >= path->probation_ends) {
      path->health = Path::Health::works;
      path->works_since = now;
      refresh(now);
    }
  }
}

std::vector<PathId> Sender::write_order() const {
  std::vector<PathId> order;
  for (const auto& path : paths_) {
    if (path != nullptr) order.push_back(path->id);
  }
  std::ranges::sort(order, {}, [&](PathId id) { return std::pair(paths_[id]->meter.round_trip(), id); });
  return order;
}

void Sender::push(packet::Buffer memory, packet::Splitter packets, std::uint32_t flow_hash, bool in_order, Instant now,
                  std::optional<Policy> policy) {
  const FlowId id = session_.flow_of(flow_hash);
  SentFlow& flow = flows_[id];
  if (session_.queued_bytes_of(id) == 0) flow.standing_since = now;
  flow.in_order |= in_order;
  flow.policy = policy ? std::optional(possible(*policy)) : std::nullopt;
  bonds_ |= flow.policy == Policy::bonded;
  session_.push(std::move(memory), std::move(packets), flow_hash, now);
  if (now - refreshed_at_ >= refresh_interval) refresh(now);
}

SenderPathStatistics Sender::statistics(PathId id) const {
  const Path& path = *paths_[id];
  SenderPathStatistics result = path.counts;
  result.works = path.works();
  result.probation = path.health == Path::Health::probation;
  result.chosen = policy_ == Policy::failover ? choice_.failover == id : choice_.eligible[id];
  result.capacity = path.meter.capacity();
  result.loss = path.meter.loss();
  result.round_trip = path.meter.round_trip();
  return result;
}

}  // namespace mpquic::tunnel
