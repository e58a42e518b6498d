#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace mpquic::quic {

/// Questions that a QUIC server answers without a handshake, to whoever asks: is it there, and which sizes reach it?
/// Packets of a version that nobody speaks are answered with Version Negotiation (RFC 9000, 6.1 and 15), provided they
/// are as large as an Initial; packets of a connection that nobody knows with a stateless reset (10.3), whatever their
/// size. The numbers of one probe are in its connection ids, so that only an answer to it counts.
class VersionProbe {
 public:
  static constexpr std::size_t smallest = 1200;  ///< bytes of UDP payload

  /// `nonce`: random bytes, the same for all sizes of one probe.
  explicit VersionProbe(const std::array<std::uint8_t, 8>& nonce) : nonce_(nonce) {}

  /// Fills all of `packet`, at least `smallest` bytes.
  void write(MutableBytes packet) const;
  /// The size of the packet that this payload answers.
  std::optional<std::size_t> answered(Bytes payload) const;

  /// Fills all of `packet`, at least 22 bytes, with one of a connection that does not exist.
  void write_stray(MutableBytes packet) const;
  /// Whether this may be a stateless reset. It is made so that nobody else can tell one from a packet.
  static bool may_be_reset(Bytes payload);

 private:
  std::array<std::uint8_t, 8> nonce_;
};

}  // namespace mpquic::quic
