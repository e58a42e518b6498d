#include "daemon/server_lookup.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace mpquic::daemon {
namespace {

constexpr Duration interval = std::chrono::seconds(4);
// At first the routes to the DNS servers may only be in the making.
constexpr Duration first_pause = std::chrono::milliseconds(250);

std::string in_words(const std::vector<packet::Address>& addresses) {
  std::vector<std::string> texts;
  for (const packet::Address& address : addresses) texts.push_back(address.to_string());
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

ServerLookup::ServerLookup(const ControlTools& tools, dns::Resolver& resolver, Subject subject)
    : tools_(tools),
      resolver_(resolver),
      subject_(std::move(subject)),
      timer_([this] { ask(); }),
      pause_(first_pause),
      obstacle_("looking up " + subject_.host) {}

void ServerLookup::follow(const LinkView& link) {
  if (link == link_) return;
  link_ = link;
  ++round_;
  asking_ = false;
  pause_ = first_pause;
  tools_.timers.set(timer_, never);
  if (link.usable) ask();
}

void ServerLookup::look_up() {
  if (link_.usable && !asking_) tools_.timers.set(timer_, std::max(not_before_, tools_.loop.now()));
}

void ServerLookup::ask() {
  asking_ = true;
  not_before_ = tools_.loop.now() + interval;
  resolver_.resolve(subject_.host, subject_.way(), [this, round = ++round_](const auto& answer) {
    if (round == round_) on_answer(answer);
  });
}

void ServerLookup::on_answer(const Result<std::vector<packet::Address>>& answer) {
  asking_ = false;
  if (!answer) return on_failure(answer.error().message);
  told_.clear();
  if (std::ranges::is_permutation(*answer, addresses_)) return;  // many DNS servers let them take turns
  addresses_ = *answer;
  log::info("{} is {} over {}", subject_.host, in_words(addresses_), subject_.link);
  subject_.on_change();
}

void ServerLookup::on_failure(const std::string& reason) {
  const bool news = std::exchange(told_, reason) != reason;
  if (!addresses_.empty()) {
    if (news) log::warning("{}: {}; it stays {}", subject_.link, reason, in_words(addresses_));
    return;
  }
  tools_.timers.set(timer_, tools_.loop.now() + pause_);
  pause_ = std::min(2 * pause_, interval);
  if (reason == obstacle_) return;
  obstacle_ = reason;
  subject_.on_change();
}

}  // namespace mpquic::daemon
