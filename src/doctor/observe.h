#pragma once

#include "config/model.h"
#include "doctor/observations.h"

namespace mpquic::doctor {

/// Looks at the machine and asks the servers, which takes up to three seconds. Changes nothing. What needs a privilege
/// that we have not is told in `unseen`.
Observations observe(const config::Configuration& configuration);

}  // namespace mpquic::doctor
