#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "config/model.h"
#include "tunnel/path_traits.h"

namespace mpquic::daemon {

/// How a tunnel is to use its paths for packets of some classes, where rules of `classify` say so. The kernel has
/// decided already that the packets take this tunnel; which rule it was by, they are asked once more.
class ClassPolicies {
 public:
  ClassPolicies() = default;
  ClassPolicies(const config::ClientConfig& client, const std::string& tunnel);

  /// By the first rule that matches an IP packet or super-packet; nullopt: as the tunnel does.
  std::optional<tunnel::Policy> of(Bytes packet) const;

 private:
  struct Rule {
    config::Traffic traffic;
    std::optional<tunnel::Policy> policy;
  };

  std::vector<Rule> rules_;  ///< up to the last one that has a policy
};

}  // namespace mpquic::daemon
