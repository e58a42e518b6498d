#pragma once

#include "config/model.h"
#include "doctor/observations.h"

namespace mpquic::doctor {

/// With the interface of each link that is an address alone, as far as one has it now.
config::Configuration with_interfaces(config::Configuration configuration);

/// Looks at the machine and asks the servers, which takes up to three seconds. Changes nothing. What needs a privilege
/// that we have not is told in `unseen`.
Observations observe(const config::Configuration& configuration);

}  // namespace mpquic::doctor
