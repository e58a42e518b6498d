#include "certs/x509.h"

#include <array>
#include <new>
#include <string>

#include "certs/contents.h"
#include "certs/inspect.h"

namespace mpquic::certs {
namespace {

constexpr std::string_view certificate_mark = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view key_mark = "PRIVATE KEY-----";
constexpr std::string_view list_mark = "-----BEGIN X509 CRL-----";

using KeyId = std::array<std::uint8_t, 32>;

/// What is wrong with a file that has no `wanted` in it.
std::unexpected<Error> wrong_contents(const std::filesystem::path& path, const Contents& contents,
                                      std::string_view wanted) {
  static constexpr std::pair<std::string_view, std::string_view> others[] = {
      {certificate_mark, "certificate"}, {key_mark, "private key"}, {list_mark, "revocation list"}};
  for (const auto& [mark, what] : others) {
    if (contents.contain(mark)) return failure("{}: holds a {}, not a {}", path.string(), what, wanted);
  }
  return failure("{}: no {} in PEM form", path.string(), wanted);
}

Result<Contents> read_key_file(const std::filesystem::path& path) {
  auto contents = Contents::read(path);
  if (!contents) return contents;
  if (!contents->contain(key_mark)) return wrong_contents(path, *contents, "private key");
  if (contents->contain("ENCRYPTED")) {
    return failure("{}: the private key is encrypted with a password, which nobody could enter here", path.string());
  }
  return contents;
}

Result<PrivateKey> parse_key(Contents& contents, const std::filesystem::path& path) {
  const gnutls_datum_t text = contents.datum();
  PrivateKey key = new_private_key();
  const int status = gnutls_x509_privkey_import2(key.get(), &text, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (status < 0) return tls_failure(path.string() + ": damaged private key", status);
  return key;
}

/// "EC PRIVATE KEY" of "-----BEGIN EC PRIVATE KEY-----". Public blocks, as of curve parameters, may stand before it.
std::string key_label(std::string_view text) {
  constexpr std::string_view opening = "-----BEGIN ";
  const std::size_t end = text.find(key_mark) + key_mark.size() - std::string_view("-----").size();
  const std::size_t begin = text.rfind(opening, end);
  return begin == std::string_view::npos
             ? ""
             : std::string(text.substr(begin + opening.size(), end - begin - opening.size()));
}

}  // namespace

std::unexpected<Error> tls_failure(std::string_view what, int status) {
  return failure("{}: {}", what, gnutls_strerror(status));
}

X509 new_certificate() {
  gnutls_x509_crt_t certificate = nullptr;
  if (gnutls_x509_crt_init(&certificate) < 0) throw std::bad_alloc();
  return X509(certificate);
}

Crl new_revocation_list() {
  gnutls_x509_crl_t list = nullptr;
  if (gnutls_x509_crl_init(&list) < 0) throw std::bad_alloc();
  return Crl(list);
}

PrivateKey new_private_key() {
  gnutls_x509_privkey_t key = nullptr;
  if (gnutls_x509_privkey_init(&key) < 0) throw std::bad_alloc();
  return PrivateKey(key);
}

Result<std::vector<X509>> read_certificates(const std::filesystem::path& path) {
  auto contents = Contents::read(path);
  if (!contents) return std::unexpected(contents.error());
  if (!contents->contain(certificate_mark)) return wrong_contents(path, *contents, "certificate");
  const gnutls_datum_t text = contents->datum();
  gnutls_x509_crt_t* list = nullptr;
  unsigned size = 0;
  const int status = gnutls_x509_crt_list_import2(&list, &size, &text, GNUTLS_X509_FMT_PEM, 0);
  if (status < 0) return tls_failure(path.string() + ": damaged certificate", status);
  std::vector<X509> certificates(list, list + size);
  gnutls_free(list);
  if (certificates.empty()) return failure("{}: no certificate in PEM form", path.string());
  return certificates;
}

Result<std::vector<Crl>> read_revocation_lists(const std::filesystem::path& path) {
  auto contents = Contents::read(path);
  if (!contents) return std::unexpected(contents.error());
  if (!contents->contain(list_mark)) return wrong_contents(path, *contents, "revocation list");
  const gnutls_datum_t text = contents->datum();
  gnutls_x509_crl_t* list = nullptr;
  unsigned size = 0;
  const int status = gnutls_x509_crl_list_import2(&list, &size, &text, GNUTLS_X509_FMT_PEM, 0);
  if (status < 0) return tls_failure(path.string() + ": damaged revocation list", status);
  std::vector<Crl> lists(list, list + size);
  gnutls_free(list);
  if (lists.empty()) return failure("{}: no revocation list in PEM form", path.string());
  return lists;
}

Result<bool> holds_revocation_list(const std::filesystem::path& path) {
  const auto contents = Contents::read(path);
  if (!contents) return std::unexpected(contents.error());
  return contents->contain(list_mark) && !contents->contain(certificate_mark);
}

Result<PrivateKey> read_private_key(const std::filesystem::path& path) {
  auto contents = read_key_file(path);
  if (!contents) return std::unexpected(contents.error());
  return parse_key(*contents, path);
}

Result<Datum> read_private_key_bytes(const std::filesystem::path& path) {
  auto contents = read_key_file(path);
  if (!contents) return std::unexpected(contents.error());
  if (const auto key = parse_key(*contents, path); !key) return std::unexpected(key.error());
  const std::string label = key_label(contents->text());
  if (label.empty()) return failure("{}: private key without its opening line", path.string());
  const gnutls_datum_t text = contents->datum();
  Datum bytes;
  const int status = gnutls_pem_base64_decode2(label.c_str(), &text, bytes.get());
  if (status < 0) return tls_failure(path.string() + ": damaged private key", status);
  return bytes;
}

Result<void> check_pair(const X509& certificate, const std::filesystem::path& certificate_path, const PrivateKey& key,
                        const std::filesystem::path& key_path) {
  KeyId of_certificate{}, of_key{};
  std::size_t size = of_certificate.size();
  int status = gnutls_x509_crt_get_key_id(certificate.get(), GNUTLS_KEYID_USE_SHA256, of_certificate.data(), &size);
  if (status < 0) return tls_failure(certificate_path.string() + ": public key", status);
  size = of_key.size();
  status = gnutls_x509_privkey_get_key_id(key.get(), GNUTLS_KEYID_USE_SHA256, of_key.data(), &size);
  if (status < 0) return tls_failure(key_path.string() + ": public key", status);
  if (of_certificate == of_key) return {};
  return failure("{}: this private key does not belong to {}", key_path.string(), certificate_path.string());
}

}  // namespace mpquic::certs
