#pragma once

#include <gnutls/gnutls.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/handle.h"
#include "base/result.h"

struct ngtcp2_crypto_conn_ref;

namespace mpquic::quic {

using TlsSession = std::unique_ptr<gnutls_session_int, Deleter<gnutls_deinit>>;

/// Whom a TLS end trusts and who it says it is. Paths are PEM files.
struct TlsSettings {
  std::filesystem::path certificate;  ///< may be empty at a client
  std::filesystem::path key;
  std::filesystem::path ca;  ///< empty: the peer is not verified
  std::string server_name;   ///< client: the name the server's certificate must have
};

/// Credentials, loaded once and shared by all connections that are made with them. TLS 1.3 only, no tickets, no early
/// data.
class TlsContext : public std::enable_shared_from_this<TlsContext> {
 public:
  static Result<std::shared_ptr<const TlsContext>> load(const TlsSettings& settings);

  /// Sessions for ngtcp2 with `alpn` as the only protocol, which use the credentials as long as they live. `reference`
  /// outlives the session too. nullptr: out of memory.
  TlsSession client_session(const std::string& alpn, ngtcp2_crypto_conn_ref& reference) const;
  TlsSession server_session(const std::string& alpn, ngtcp2_crypto_conn_ref& reference) const;

 private:
  using Credentials = std::unique_ptr<gnutls_certificate_credentials_st, Deleter<gnutls_certificate_free_credentials>>;
  using Priority = std::unique_ptr<gnutls_priority_st, Deleter<gnutls_priority_deinit>>;

  TlsContext() = default;
  TlsSession session(unsigned flags, const std::string& alpn, ngtcp2_crypto_conn_ref& reference) const;

  TlsSettings settings_;
  Credentials credentials_;
  Priority priority_;
};

/// The common name of the certificate that the peer has proved to own; nullopt when it sent none.
std::optional<std::string> peer_common_name(gnutls_session_t session);

/// Why the peer's certificate was refused, in one line; empty when it was not.
std::string verification_failure(gnutls_session_t session);

}  // namespace mpquic::quic
