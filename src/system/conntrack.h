#pragma once

#include <cstdint>

#include "base/result.h"

namespace mpquic::system {

/// Takes the marks `first` to `last`, as they stand under `mask`, off all connections that the kernel tracks
/// (ctnetlink), and leaves the rest of their marks. Connections outlive whoever has marked them. Needs CAP_NET_ADMIN.
Result<void> clear_connection_marks(std::uint32_t first, std::uint32_t last, std::uint32_t mask);

}  // namespace mpquic::system
