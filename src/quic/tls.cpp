#include "quic/tls.h"

#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <array>

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

  if (!settings.ca.empty()) {
    const int loaded = gnutls_certificate_set_x509_trust_file(credentials, settings.ca.c_str(), GNUTLS_X509_FMT_PEM);
    if (loaded < 0) return tls_failure(settings.ca, loaded);
    if (loaded == 0) return failure("{}: holds no certificate", settings.ca.string());
  }
  if (!settings.certificate.empty()) {
    const int error = gnutls_certificate_set_x509_key_file(credentials, settings.certificate.c_str(),
                                                           settings.key.c_str(), GNUTLS_X509_FMT_PEM);
    if (error != 0) return tls_failure(settings.certificate, error);
  }
  return context;
}

TlsSession TlsContext::session(unsigned flags, const std::string& alpn, ngtcp2_crypto_conn_ref& reference) const {
  gnutls_session_t raw = nullptr;
  if (gnutls_init(&raw, flags) != 0) return nullptr;
  TlsSession session(raw);
  gnutls_priority_set(raw, priority_.get());
  gnutls_session_set_ptr(raw, &reference);
  gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, credentials_.get());
  // GnuTLS copies the name; its parameter just isn't const.
  std::string name = alpn;
  const gnutls_datum_t protocol{reinterpret_cast<unsigned char*>(name.data()), static_cast<unsigned>(name.size())};
  gnutls_alpn_set_protocols(raw, &protocol, 1, GNUTLS_ALPN_MANDATORY);
  return session;
}

TlsSession TlsContext::client_session(const std::string& alpn, ngtcp2_crypto_conn_ref& reference) const {
  TlsSession created = session(GNUTLS_CLIENT | GNUTLS_NO_TICKETS, alpn, reference);
  if (created == nullptr || ngtcp2_crypto_gnutls_configure_client_session(created.get()) != 0) return nullptr;
  install_packet_protection(created.get());
  const std::string& name = settings_.server_name;
  gnutls_server_name_set(created.get(), GNUTLS_NAME_DNS, name.data(), name.size());
  if (!settings_.ca.empty()) gnutls_session_set_verify_cert(created.get(), name.c_str(), 0);
  return created;
}

TlsSession TlsContext::server_session(const std::string& alpn, ngtcp2_crypto_conn_ref& reference) const {
  TlsSession created = session(GNUTLS_SERVER | GNUTLS_NO_TICKETS, alpn, reference);
  if (created == nullptr || ngtcp2_crypto_gnutls_configure_server_session(created.get()) != 0) return nullptr;
  install_packet_protection(created.get());
  if (!settings_.ca.empty()) {
    gnutls_certificate_server_set_request(created.get(), GNUTLS_CERT_REQUIRE);
    static char purpose_oid[] = GNUTLS_KP_TLS_WWW_CLIENT;
    static gnutls_typed_vdata_st purpose{GNUTLS_DT_KEY_PURPOSE_OID, reinterpret_cast<unsigned char*>(purpose_oid), 0};
    gnutls_session_set_verify_cert2(created.get(), &purpose, 1, 0);
  }
  return created;
}

std::optional<std::string> peer_common_name(gnutls_session_t session) {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  if (chain == nullptr || count == 0) return std::nullopt;
  gnutls_x509_crt_t raw = nullptr;
  if (gnutls_x509_crt_init(&raw) != 0) return std::nullopt;
  const X509 certificate(raw);
  std::array<char, 256> name{};
  std::size_t size = name.size();
  if (gnutls_x509_crt_import(raw, chain, GNUTLS_X509_FMT_DER) != 0 ||
      gnutls_x509_crt_get_dn_by_oid(raw, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name.data(), &size) != 0) {
    return std::nullopt;
  }
  return std::string(name.data(), size);
}

std::string verification_failure(gnutls_session_t session) {
  const unsigned status = gnutls_session_get_verify_cert_status(session);
  // All bits set: no verification has taken place.
  if (status == 0 || status == static_cast<unsigned>(-1)) return {};
  gnutls_datum_t text{};
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) != 0) return "not trusted";
  std::string reason(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  while (!reason.empty() && (reason.back() == ' ' || reason.back() == '.')) reason.pop_back();
  return reason;
}

}  // namespace mpquic::quic
