#include "quic/tls.h"

#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <array>
#include <vector>

#include "quic/packet_protection.h"

namespace mpquic::quic {
namespace {

// AES first: GnuTLS seals with AES-128-GCM seven times faster than with ChaCha20 where the CPU has AES.
constexpr const char* priorities =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE";

std::unexpected<Error> tls_failure(const std::filesystem::path& file, int error) {
  return failure("{}: {}", file.string(), gnutls_strerror(error));
}

using X509 = std::unique_ptr<gnutls_x509_crt_int, Deleter<gnutls_x509_crt_deinit>>;

Result<std::string> read_file(const std::filesystem::path& file) {
  gnutls_datum_t bytes{};
  if (const int error = gnutls_load_file(file.c_str(), &bytes); error != 0) return tls_failure(file, error);
  std::string text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  gnutls_free(bytes.data);
  return text;
}

gnutls_datum_t datum(std::string& text) {
  return {reinterpret_cast<unsigned char*>(text.data()), static_cast<unsigned>(text.size())};
}

/// What a client's certificate must be for (RFC 5280, 4.2.1.12).
gnutls_typed_vdata_st* client_purpose() {
  static char oid[] = GNUTLS_KP_TLS_WWW_CLIENT;
  static gnutls_typed_vdata_st purpose{GNUTLS_DT_KEY_PURPOSE_OID, reinterpret_cast<unsigned char*>(oid), 0};
  return &purpose;
}

/// What the peer has shown, its own certificate first; none: nothing, or nothing yet.
std::span<const gnutls_datum_t> chain_of(gnutls_session_t session) {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  return chain == nullptr ? std::span<const gnutls_datum_t>() : std::span(chain, count);
}

std::string in_words(unsigned status) {
  gnutls_datum_t text{};
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) != 0) return "not trusted";
  std::string reason(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  while (!reason.empty() && (reason.back() == ' ' || reason.back() == '.')) reason.pop_back();
  return reason;
}

constexpr unsigned revoked_status = GNUTLS_CERT_INVALID | GNUTLS_CERT_REVOKED;

// What GnuTLS calls in a server's handshake:

// GnuTLS only minds that no protocol suits when the client has offered some. RFC 9001, 8.1: without one no connection.
int on_client_hello(gnutls_session_t session) {
  return agreed_protocol(session).empty() ? GNUTLS_E_NO_APPLICATION_PROTOCOL : 0;
}

// The protocol is known by now, and the request for a certificate not yet sent.
int on_client_hello_with_tokens(gnutls_session_t session) {
  if (agreed_protocol(session) == alpn_h3) gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
  return on_client_hello(session);
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> context(new TlsContext);
  context->settings_ = settings;

  gnutls_certificate_credentials_t credentials = nullptr;
  if (int error = gnutls_certificate_allocate_credentials(&credentials); error != 0) return tls_failure({}, error);
  context->credentials_.reset(credentials);

  gnutls_priority_t priority = nullptr;
  if (int error = gnutls_priority_init(&priority, priorities, nullptr); error != 0) return tls_failure({}, error);
  context->priority_.reset(priority);

  if (auto loaded = context->load_trust(); !loaded) return std::unexpected(loaded.error());
  if (!settings.certificate.empty()) {
    const int error = gnutls_certificate_set_x509_key_file(credentials, settings.certificate.c_str(),
                                                           settings.key.c_str(), GNUTLS_X509_FMT_PEM);
    if (error != 0) return tls_failure(settings.certificate, error);
  }
  return context;
}

Result<void> TlsContext::load_trust() {
  if (settings_.ca.empty()) return {};
  auto ca = read_file(settings_.ca);
  if (!ca) return std::unexpected(ca.error());
  gnutls_datum_t text = datum(*ca);
  const int loaded = gnutls_certificate_set_x509_trust_mem(credentials_.get(), &text, GNUTLS_X509_FMT_PEM);
  if (loaded < 0) return tls_failure(settings_.ca, loaded);
  if (loaded == 0) return failure("{}: holds no certificate", settings_.ca.string());
  authorities_ = std::move(*ca);
  if (settings_.crl.empty()) return {};
  auto revoked = RevokedCertificates::load(settings_.crl);
  if (!revoked) return std::unexpected(revoked.error());
  revoked_ = std::move(*revoked);
  return {};
}

TlsSession TlsContext::session(unsigned flags, std::span<const std::string> alpn, SessionOwner& owner) const {
  gnutls_session_t raw = nullptr;
  if (gnutls_init(&raw, flags) != 0) return nullptr;
  TlsSession session(raw);
  gnutls_priority_set(raw, priority_.get());
  owner.credentials = this;
  gnutls_session_set_ptr(raw, static_cast<ngtcp2_crypto_conn_ref*>(&owner));
  gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, credentials_.get());
  // GnuTLS copies the names; its parameter just isn't const.
  std::vector<std::string> names(alpn.begin(), alpn.end());
  std::vector<gnutls_datum_t> protocols;
  for (std::string& name : names) protocols.push_back(datum(name));
  gnutls_alpn_set_protocols(raw, protocols.data(), static_cast<unsigned>(protocols.size()),
                            GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
  return session;
}

TlsSession TlsContext::client_session(std::span<const std::string> alpn, SessionOwner& owner) const {
  TlsSession created = session(GNUTLS_CLIENT | GNUTLS_NO_TICKETS, alpn, owner);
  if (created == nullptr || ngtcp2_crypto_gnutls_configure_client_session(created.get()) != 0) return nullptr;
  install_packet_protection(created.get());
  const std::string& name = settings_.server_name;
  gnutls_server_name_set(created.get(), GNUTLS_NAME_DNS, name.data(), name.size());
  if (!settings_.ca.empty()) gnutls_session_set_verify_cert(created.get(), name.c_str(), 0);
  return created;
}

TlsSession TlsContext::server_session(std::span<const std::string> alpn, SessionOwner& owner) const {
  TlsSession created = session(GNUTLS_SERVER | GNUTLS_NO_TICKETS, alpn, owner);
  if (created == nullptr || ngtcp2_crypto_gnutls_configure_server_session(created.get()) != 0) return nullptr;
  install_packet_protection(created.get());
  gnutls_handshake_set_post_client_hello_function(created.get(), on_client_hello);
  if (!settings_.ca.empty()) {
    gnutls_certificate_server_set_request(created.get(), GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_function(created.get(), verify_client);
    if (settings_.h3_without_certificate) {
      gnutls_handshake_set_post_client_hello_function(created.get(), on_client_hello_with_tokens);
    }
  }
  return created;
}

// GnuTLS calls it also when the client has shown nothing: it has refused that already where a certificate is required.
int TlsContext::verify_client(gnutls_session_t session) {
  if (chain_of(session).empty()) return 0;
  const auto* reference = static_cast<const ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session));
  const TlsContext& context = *static_cast<const SessionOwner*>(reference)->credentials;
  return context.judge_client(session) == 0 ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

unsigned TlsContext::judge_client(gnutls_session_t session) const {
  unsigned status = 0;
  if (gnutls_certificate_verify_peers(session, client_purpose(), 1, &status) < 0) return GNUTLS_CERT_INVALID;
  return status == 0 && revoked_.hold_any_of(chain_of(session)) ? revoked_status : status;
}

std::string TlsContext::verification_failure(gnutls_session_t session) const {
  if (settings_.ca.empty()) return {};
  unsigned status = gnutls_session_get_verify_cert_status(session);
  // All bits set: a server's, whose verdict nobody has kept, or a client's before the server's certificate has come.
  if (status == static_cast<unsigned>(-1)) status = chain_of(session).empty() ? 0 : judge_client(session);
  return status == 0 ? std::string() : in_words(status);
}

std::string TlsContext::distrust(gnutls_session_t session, const TlsContext& former) const {
  const auto chain = chain_of(session);
  if (chain.empty()) return {};
  if (settings_.ca.empty()) return "no certificate is trusted any more";
  if (revoked_.hold_any_of(chain)) return in_words(revoked_status);
  if (authorities_ == former.authorities_) return {};
  std::vector<X509> owners;
  std::vector<gnutls_x509_crt_t> certificates;
  for (const gnutls_datum_t& der : chain) {
    gnutls_x509_crt_t raw = nullptr;
    if (gnutls_x509_crt_init(&raw) != 0) return "out of memory";
    owners.emplace_back(raw);
    if (gnutls_x509_crt_import(raw, &der, GNUTLS_X509_FMT_DER) != 0) return "it can't be read again";
    certificates.push_back(raw);
  }
  gnutls_x509_trust_list_t trusted = nullptr;
  gnutls_certificate_get_trust_list(credentials_.get(), &trusted);
  unsigned status = 0;
  const int error =
      gnutls_x509_trust_list_verify_crt2(trusted, certificates.data(), static_cast<unsigned>(certificates.size()),
                                         client_purpose(), 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status, nullptr);
  if (error < 0) return gnutls_strerror(error);
  return status == 0 ? std::string() : in_words(status);
}

std::string_view agreed_protocol(gnutls_session_t session) {
  gnutls_datum_t name{};
  if (gnutls_alpn_get_selected_protocol(session, &name) != 0) return {};
  return {reinterpret_cast<const char*>(name.data), name.size};
}

std::optional<std::string> peer_common_name(gnutls_session_t session) {
  const auto chain = chain_of(session);
  if (chain.empty()) return std::nullopt;
  gnutls_x509_crt_t raw = nullptr;
  if (gnutls_x509_crt_init(&raw) != 0) return std::nullopt;
  const X509 certificate(raw);
  std::array<char, 256> name{};
  std::size_t size = name.size();
  if (gnutls_x509_crt_import(raw, chain.data(), GNUTLS_X509_FMT_DER) != 0 ||
      gnutls_x509_crt_get_dn_by_oid(raw, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name.data(), &size) != 0) {
    return std::nullopt;
  }
  return std::string(name.data(), size);
}

}  // namespace mpquic::quic
