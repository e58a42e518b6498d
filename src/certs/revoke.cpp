#include "certs/revoke.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ranges>
#include <vector>

#include "base/fd.h"
#include "certs/authority.h"
#include "certs/crl.h"
#include "certs/inspect.h"
#include "certs/write_files.h"

namespace mpquic::certs {
namespace {

namespace fs = std::filesystem;
using std::chrono::system_clock;

// RFC 5280, 5.2.3: no longer than this.
constexpr std::size_t longest_number = 20;

/// What a list says, beside who signs it.
struct Content {
  std::vector<RevokedSerial> revoked;
  std::vector<std::uint8_t> number;  ///< as number_of() has it

  bool has(const std::vector<std::uint8_t>& serial) const {
    return std::ranges::find(revoked, serial, &RevokedSerial::serial) != revoked.end();
  }
};

// Two who revoke at the same time would each leave out what the other adds.
Result<Fd> lock(const fs::path& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX) < 0) return os_failure("{}", directory.string());
  return fd;
}

/// Of the list that is there; nothing at all where there is none yet.
Result<Content> read_content(const fs::path& path, const X509& authority, const fs::path& authority_path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return Content{};
  const auto lists = read_revocation_lists(path);
  if (!lists) return std::unexpected(lists.error());
  if (lists->size() != 1) return failure("{}: holds {} revocation lists, not one", path.string(), lists->size());
  if (!is_signed_by(lists->front(), authority)) {
    return failure("{}: not signed by {}; it must make room before there can be another", path.string(),
                   authority_path.string());
  }
  auto revoked = revoked_serials(lists->front());
  if (!revoked) return failure("{}: {}", path.string(), revoked.error().message);
  return Content{std::move(*revoked), number_of(lists->front())};
}

Result<std::vector<std::uint8_t>> serial_of(const fs::path& certificate, const fs::path& authority) {
  const auto words = load_certificate(certificate);
  if (!words) return std::unexpected(words.error());
  if (words->first().is_ca) return failure("{}: an authority can't revoke itself", certificate.string());
  const auto signature = check_signature(certificate, authority);
  if (!signature) return std::unexpected(signature.error());
  if (*signature != Signature::good) {
    return failure("{}: not signed by {}{}", certificate.string(), authority.string(),
                   *signature == Signature::of_namesake ? ", but by an earlier one of its name" : "");
  }
  const auto certificates = read_certificates(certificate);
  if (!certificates) return std::unexpected(certificates.error());
  std::vector<std::uint8_t> serial(128);
  std::size_t size = serial.size();
  const int status = gnutls_x509_crt_get_serial(certificates->front().get(), serial.data(), &size);
  if (status < 0) return tls_failure(certificate.string() + ": serial number", status);
  serial.resize(size);
  return serial;
}

/// One more, big-endian.
void increase(std::vector<std::uint8_t>& number) {
  for (std::uint8_t& byte : std::ranges::reverse_view(number)) {
    if (++byte != 0) return;
  }
  number.insert(number.begin(), 1);
}

Result<Crl> sign(const Content& content, const Issuer& issuer, system_clock::time_point issued,
                 system_clock::time_point next) {
  Crl list = new_revocation_list();
  Steps step;
  step(gnutls_x509_crl_set_version(list.get(), 2));
  step(gnutls_x509_crl_set_this_update(list.get(), system_clock::to_time_t(issued)));
  step(gnutls_x509_crl_set_next_update(list.get(), system_clock::to_time_t(next)));
  for (const RevokedSerial& one : content.revoked) {
    step(gnutls_x509_crl_set_crt_serial(list.get(), one.serial.data(), one.serial.size(), one.since));
  }
  const auto id = identity(issuer.certificate);
  if (!id) return std::unexpected(id.error());
  if (!id->key_id.empty()) {
    step(gnutls_x509_crl_set_authority_key_id(list.get(), id->key_id.data(), id->key_id.size()));
  }
  std::vector<std::uint8_t> number = content.number;
  if ((number.front() & 0x80) != 0) number.insert(number.begin(), 0);  // DER would take it for negative
  step(gnutls_x509_crl_set_number(list.get(), number.data(), number.size()));
  step(gnutls_x509_crl_sign2(list.get(), issuer.certificate.get(), issuer.key.get(), GNUTLS_DIG_SHA256, 0));
  if (step.status() < 0) return tls_failure("can't make the revocation list", step.status());
  return list;
}

Result<void> write(const fs::path& path, const Crl& list) {
  Datum pem;
  const int status = gnutls_x509_crl_export2(list.get(), GNUTLS_X509_FMT_PEM, pem.get());
  if (status < 0) return tls_failure("can't write the revocation list in PEM form", status);
  const std::array files{NewFile{path, pem.bytes(), public_mode}};
  return write_files(files, true);
}

}  // namespace

Result<Revoked> revoke(const fs::path& directory, std::span<const fs::path> certificates, const Options& options) {
  const auto authority = load_authority(directory, options.now);
  if (!authority) return std::unexpected(authority.error());
  const auto valid = validity(options, std::chrono::days{1});
  if (!valid) return std::unexpected(valid.error());
  const auto next = options.valid ? std::min(options.now + *valid, authority->not_after) : authority->not_after;

  const auto locked = lock(directory);
  if (!locked) return std::unexpected(locked.error());
  Revoked revoked{directory / "crl.pem", 0};
  const fs::path authority_path = pair_in(directory, "ca").certificate;
  auto content = read_content(revoked.list, authority->issuer.certificate, authority_path);
  if (!content) return std::unexpected(content.error());
  for (const fs::path& certificate : certificates) {
    auto serial = serial_of(certificate, authority_path);
    if (!serial) return std::unexpected(serial.error());
    if (content->has(*serial)) continue;
    content->revoked.push_back({std::move(*serial), system_clock::to_time_t(options.now)});
    ++revoked.added;
  }
  increase(content->number);
  if (content->number.size() > longest_number) return failure("{}: its number can't grow", revoked.list.string());

  const auto list = sign(*content, authority->issuer, options.now, next);
  if (!list) return std::unexpected(list.error());
  if (const auto written = write(revoked.list, *list); !written) return std::unexpected(written.error());
  return revoked;
}

}  // namespace mpquic::certs
