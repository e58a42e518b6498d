#include "certs/revocations.h"

#include <algorithm>

#include "certs/crl.h"
#include "certs/date.h"
#include "certs/words.h"
#include "certs/x509.h"

namespace mpquic::certs {
namespace {

std::string number_in_words(const Crl& list) {
  const std::vector<std::uint8_t> number = number_of(list);
  if (number.empty()) return {};
  if (number.size() > sizeof(std::uint64_t)) return "0x" + hexadecimal(number);
  std::uint64_t value = 0;
  for (const std::uint8_t byte : number) value = value << 8 | byte;
  return std::to_string(value);
}

Result<RevocationList> put_in_words(const Crl& list) {
  const auto revoked = revoked_serials(list);
  if (!revoked) return std::unexpected(revoked.error());
  RevocationList words;
  words.issuer =
      text_from([&](char* buffer, std::size_t* size) {
        return gnutls_x509_crl_get_issuer_dn_by_oid(list.get(), GNUTLS_OID_X520_COMMON_NAME, 0, 0, buffer, size);
      }).value_or("");
  words.number = number_in_words(list);
  words.issued = to_time_point(gnutls_x509_crl_get_this_update(list.get()));
  const std::time_t next = gnutls_x509_crl_get_next_update(list.get());
  if (next != static_cast<std::time_t>(-1)) words.next = to_time_point(next);
  for (const RevokedSerial& one : *revoked) {
    words.revoked.push_back({hexadecimal(one.serial), to_time_point(one.since)});
  }
  return words;
}

}  // namespace

Result<RevocationFile> load_revocations(const std::filesystem::path& path) {
  const auto lists = read_revocation_lists(path);
  if (!lists) return std::unexpected(lists.error());
  RevocationFile file{path, {}};
  for (const Crl& list : *lists) {
    auto words = put_in_words(list);
    if (!words) return failure("{}: {}", path.string(), words.error().message);
    file.lists.push_back(std::move(*words));
  }
  return file;
}

Result<void> check_revocations(const std::filesystem::path& lists, const std::filesystem::path& authorities) {
  const auto signed_ones = read_revocation_lists(lists);
  if (!signed_ones) return std::unexpected(signed_ones.error());
  const auto signers = read_certificates(authorities);
  if (!signers) return std::unexpected(signers.error());
  const auto is_good = [&](const Crl& list) {
    return std::ranges::any_of(*signers, [&](const X509& signer) { return is_signed_by(list, signer); });
  };
  if (std::ranges::all_of(*signed_ones, is_good)) return {};
  return failure("{}: not signed by an authority in {}", lists.string(), authorities.string());
}

Result<void> check_newest(const RevocationFile& file, std::chrono::system_clock::time_point now) {
  for (const RevocationList& list : file.lists) {
    if (!list.next || now <= *list.next) continue;
    return failure("{}: a newer revocation list was due on {}", file.path.string(), utc_date(*list.next));
  }
  return {};
}

}  // namespace mpquic::certs
