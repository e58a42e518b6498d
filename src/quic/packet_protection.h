#pragma once

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>

namespace mpquic::quic {

// 1-RTT packets of AES-128-GCM connections (RFC 9001, 5) are sealed and opened by Intel's ipsec-mb library where it
// was there at build time and the CPU has AES: it uses VAES, which GnuTLS does not. Everything else (handshakes, header
// protection, other ciphers, other machines) stays with ngtcp2's GnuTLS functions. What is on the wire is the same.

/// Has the callbacks that seal, open, renew (RFC 9001, 6) and delete keys know both kinds.
void install_packet_protection(ngtcp2_callbacks& callbacks);
/// Has the session give its 1-RTT keys to the faster library. After ngtcp2_crypto_gnutls_configure_*_session().
void install_packet_protection(gnutls_session_t session);

}  // namespace mpquic::quic
