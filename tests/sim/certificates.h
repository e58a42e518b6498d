#pragma once

#include <filesystem>

#include "quic/tls.h"

namespace mpquic::sim {

/// An authority, a server and a client of it, with Ed25519 keys: unlike those of ECDSA, their signatures all have the
/// same size, or the handshake would take as many bytes as it happens to, and no run would be like another. In a
/// directory that goes with it.
class Certificates {
 public:
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  quic::TlsSettings client() const;
  quic::TlsSettings server() const;

 private:
  std::filesystem::path directory_;
};

}  // namespace mpquic::sim
