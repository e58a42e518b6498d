#pragma once

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"
#include "quic/revoked.h"

namespace mpquic::quic {

using TlsSession = std::unique_ptr<gnutls_session_int, Deleter<gnutls_deinit>>;

/// Whom a TLS end trusts and who it says it is. Paths are PEM files.
struct TlsSettings {
  std::filesystem::path certificate;  ///< may be empty at a client
  std::filesystem::path key;
  std::filesystem::path ca;  ///< empty: the peer is not verified
  std::string server_name;   ///< client: the name the server's certificate must have
  /// Server: revocation lists, each signed by one of `ca`, which whoever names the file has seen to. May be empty.
  std::filesystem::path crl{};
  /// Server: who speaks h3 may do without a certificate, since it may have a token. One that it shows must be good.
  bool h3_without_certificate = false;
};

/// An application protocol as ALPN spells it (RFC 7301): HTTP/3 (RFC 9114, 3.1).
inline constexpr std::string_view alpn_h3 = "h3";

/// What a session's user pointer leads to: its connection, for ngtcp2, and its credentials.
struct SessionOwner : ngtcp2_crypto_conn_ref {
  const class TlsContext* credentials = nullptr;
};

/// Credentials, loaded once and shared by all connections that are made with them. TLS 1.3 only, no tickets, no early
/// data.
class TlsContext : public std::enable_shared_from_this<TlsContext> {
 public:
  static Result<std::shared_ptr<const TlsContext>> load(const TlsSettings& settings);

  /// Sessions for ngtcp2, which use the credentials as long as they live. Of the application protocols a client offers
  /// all, and a server takes the first of its own that it is offered. `owner` outlives the session too. nullptr: out of
  /// memory.
  TlsSession client_session(std::span<const std::string> alpn, SessionOwner& owner) const;
  TlsSession server_session(std::span<const std::string> alpn, SessionOwner& owner) const;

  /// Of a session that was made with these credentials: why the peer's certificate was refused, in one line; empty when
  /// it was not.
  std::string verification_failure(gnutls_session_t session) const;

  /// Of a server's session that stands, made with `former` credentials: why these would refuse the client's
  /// certificate. Empty: they would not, or it has shown none. Dates do not count, a connection outlives its
  /// certificate.
  std::string distrust(gnutls_session_t session, const TlsContext& former) const;

 private:
  using Credentials = std::unique_ptr<gnutls_certificate_credentials_st, Deleter<gnutls_certificate_free_credentials>>;
  using Priority = std::unique_ptr<gnutls_priority_st, Deleter<gnutls_priority_deinit>>;

  TlsContext() = default;
  Result<void> load_trust();
  TlsSession session(unsigned flags, std::span<const std::string> alpn, SessionOwner& owner) const;
  static int verify_client(gnutls_session_t session);
  /// GnuTLS's verdict on what a client has shown, and that of the revocation lists; 0 is good.
  unsigned judge_client(gnutls_session_t session) const;

  TlsSettings settings_;
  Credentials credentials_;
  Priority priority_;
  std::string authorities_;  ///< contents of the file: to tell whether others trust the same
  RevokedCertificates revoked_;
};

/// The application protocol that both ends have agreed on, as long as the session lives; empty: none yet.
std::string_view agreed_protocol(gnutls_session_t session);

/// The common name of the certificate that the peer has proved to own; nullopt when it sent none.
std::optional<std::string> peer_common_name(gnutls_session_t session);

}  // namespace mpquic::quic
