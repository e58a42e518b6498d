#pragma once

#include <chrono>
#include <string>

namespace mpquic::certs {

/// "2026-01-02", in UTC.
std::string utc_date(std::chrono::system_clock::time_point time);

}  // namespace mpquic::certs
