#include "certs/authority.h"

#include "certs/date.h"
#include "certs/inspect.h"

namespace mpquic::certs {
namespace {

using std::chrono::days;

constexpr days longest_validity{36500};

}  // namespace

Pair pair_in(const std::filesystem::path& directory, std::string_view name) {
  return {directory / (std::string(name) + ".pem"), directory / (std::string(name) + ".key")};
}

Result<days> validity(const Options& options, days by_default) {
  const days valid = options.valid.value_or(by_default);
  if (valid >= days{1} && valid <= longest_validity) return valid;
  return failure("a certificate is valid for 1 to {} days, not {}", longest_validity.count(), valid.count());
}

Result<Authority> load_authority(const std::filesystem::path& directory, std::chrono::system_clock::time_point now) {
  const Pair pair = pair_in(directory, "ca");
  const auto words = load_certificate(pair.certificate);
  if (!words)
    return failure("no certificate authority to sign with (mpquic cert ca makes one): {}", words.error().message);
  if (!words->first().is_ca) return failure("{} is not a certificate authority's", pair.certificate.string());
  if (now > words->first().not_after) {
    return failure("{}: expired on {}", pair.certificate.string(), utc_date(words->first().not_after));
  }
  auto certificates = read_certificates(pair.certificate);
  if (!certificates) return std::unexpected(certificates.error());
  auto key = read_private_key(pair.key);
  if (!key) return failure("no certificate authority to sign with (mpquic cert ca makes one): {}", key.error().message);
  const auto belongs = check_pair(certificates->front(), pair.certificate, *key, pair.key);
  if (!belongs) return std::unexpected(belongs.error());
  return Authority{{std::move(certificates->front()), std::move(*key)}, words->first().not_after};
}

}  // namespace mpquic::certs
