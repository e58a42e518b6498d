#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "system/link_table.h"
#include "system/netlink.h"
#include "system/netlink_events.h"

namespace mpquic::system {

/// Watches interfaces by name, whether they exist yet or not: one that goes and comes back, perhaps as another ifindex,
/// or that takes a watched name by being renamed, is the one meant. Changes nothing in the kernel; needs no privilege.
class LinkMonitor {
 public:
  /// The states are known at once: what is true already is not reported as a change.
  static Result<LinkMonitor> open(const std::vector<std::string>& names);

  /// Readable when read() has something to look at.
  int fd() const { return events_.fd(); }
  /// Takes in what happened and never waits. Returns the watched names whose state changed, sorted; often none. After
  /// a failure the next call starts from the whole present state.
  Result<std::vector<std::string>> read();
  /// The name must be watched. Valid until read(), watch() or forget().
  const LinkState& state(std::string_view name) const;
  /// All interfaces, watched or not.
  const LinkTable& table() const { return table_; }

  void watch(const std::string& name);
  void forget(std::string_view name);

 private:
  LinkMonitor(NetlinkSocket socket, NetlinkEvents events) : socket_(std::move(socket)), events_(std::move(events)) {}
  Result<void> take_events();
  Result<void> read_everything();
  Result<void> read_routes();

  NetlinkSocket socket_;
  NetlinkEvents events_;
  LinkTable table_;
  bool in_step_ = false;  ///< the table has followed every event
  std::map<std::string, LinkState, std::less<>> watched_;
};

}  // namespace mpquic::system
