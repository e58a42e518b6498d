#pragma once

#include <ngtcp2/ngtcp2.h>

namespace mpquic::quic {

/// What ngtcp2 calls: each callback only leads into Connection or into ngtcp2's own crypto library.
const ngtcp2_callbacks& client_callbacks();
const ngtcp2_callbacks& server_callbacks();

}  // namespace mpquic::quic
