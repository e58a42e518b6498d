#pragma once

#include <ngtcp2/ngtcp2.h>

namespace mpquic::quic {

/// What ngtcp2 calls: each callback only leads into Connection or into ngtcp2's own crypto library.
const ngtcp2_callbacks& client_callbacks();
const ngtcp2_callbacks& server_callbacks();

/// Whether a packet has been decrypted on this thread since it was asked last. ngtcp2 doesn't tell when it discards
/// one, nor does it tell the callback that decrypts whose packet it has.
bool take_decrypted();

}  // namespace mpquic::quic
