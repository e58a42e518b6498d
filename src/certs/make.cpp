#include "certs/make.h"

#include <sys/stat.h>

#include <array>
#include <vector>

#include "certs/authority.h"
#include "certs/date.h"
#include "certs/inspect.h"
#include "certs/issue.h"
#include "certs/write_files.h"

// Making a pair: decide what the certificate says (make_authority, make_server, make_client), find or make its key,
// sign, write both files.
namespace mpquic::certs {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;

constexpr days authority_validity{3650};
constexpr days end_validity{730};
constexpr std::chrono::minutes clock_skew{5};

// Asked before anything is made, to name the file; write_files() asks again when it gives the names.
Result<void> check_existing(const Pair& pair, Existing existing) {
  if (existing != Existing::refuse) return {};
  for (const fs::path* path : {&pair.certificate, &pair.key}) {
    struct stat status{};
    if (::lstat(path->c_str(), &status) == 0) {
      return failure("{} is there already (--renew makes a new certificate for its key, --force a new key as well)",
                     path->string());
    }
  }
  return {};
}

Result<PrivateKey> key_for(const Pair& pair, Existing existing) {
  if (existing != Existing::renew) return generate_key();
  const auto belongs = check_pair(pair.certificate, pair.key);
  if (!belongs) return failure("can't renew: {}", belongs.error().message);
  return read_private_key(pair.key);
}

Result<Pair> write_pair(const Pair& pair, const X509& certificate, const PrivateKey& key, Existing existing) {
  const auto certificate_text = to_pem(certificate);
  if (!certificate_text) return std::unexpected(certificate_text.error());
  const auto key_text = to_pem(key);
  if (!key_text) return std::unexpected(key_text.error());
  const std::array files{NewFile{pair.certificate, certificate_text->bytes(), public_mode},
                         NewFile{pair.key, key_text->bytes(), secret_mode}};
  const bool renew = existing == Existing::renew;  // and leave the key file, its owner and mode, alone
  const auto written = write_files(std::span(files).first(renew ? 1 : 2), existing != Existing::refuse);
  if (!written) return std::unexpected(written.error());
  return pair;
}

Result<void> limit_to(const Authority& authority, const Options& options, Request& request) {
  if (request.not_after <= authority.not_after) return {};
  if (options.valid) {
    return failure("the certificate authority itself ends on {}: choose fewer than {} days, or renew it first",
                   utc_date(authority.not_after), options.valid->count());
  }
  request.not_after = authority.not_after;
  return {};
}

/// A server's or client's pair, signed by the authority in the same directory.
Result<Pair> make_end(const fs::path& directory, std::string_view file_name, Request request, const Options& options) {
  const Pair pair = pair_in(directory, file_name);
  if (const auto free = check_existing(pair, options.existing); !free) return std::unexpected(free.error());
  const auto valid = validity(options, end_validity);
  if (!valid) return std::unexpected(valid.error());
  const auto authority = load_authority(directory, options.now);
  if (!authority) return std::unexpected(authority.error());
  request.not_before = options.now - clock_skew;
  request.not_after = options.now + *valid;
  if (const auto ends = limit_to(*authority, options, request); !ends) return std::unexpected(ends.error());
  const auto key = key_for(pair, options.existing);
  if (!key) return std::unexpected(key.error());
  const auto certificate = issue(request, *key, &authority->issuer);
  if (!certificate) return std::unexpected(certificate.error());
  return write_pair(pair, *certificate, *key, options.existing);
}

/// The common name of a renewed authority is the one it has.
Result<std::string> authority_name(const Pair& pair, std::string_view wanted, Existing existing) {
  if (existing != Existing::renew) return std::string(wanted.empty() ? default_authority_name : wanted);
  const auto present = load_certificate(pair.certificate);
  if (!present) return failure("can't renew: {}", present.error().message);
  if (present->certificates.size() != 1) {
    return failure("can't renew: {} holds {} certificates", pair.certificate.string(), present->certificates.size());
  }
  if (wanted.empty() || wanted == present->first().common_name) return present->first().common_name;
  return failure("can't renew: {} is named \"{}\", and what it signed refers to that name", pair.certificate.string(),
                 present->first().common_name);
}

Result<void> check_same_identity(const Pair& pair, const X509& renewed) {
  const auto certificates = read_certificates(pair.certificate);
  if (!certificates) return std::unexpected(certificates.error());
  const auto before = identity(certificates->front());
  const auto after = identity(renewed);
  if (before && after && *before == *after) return {};
  return failure("can't renew: {} was made in another way, and what it signed would not refer to the new one",
                 pair.certificate.string());
}

}  // namespace

Result<Pair> make_authority(const fs::path& directory, std::string_view name, const Options& options) {
  const Pair pair = pair_in(directory, "ca");
  if (const auto free = check_existing(pair, options.existing); !free) return std::unexpected(free.error());
  const auto valid = validity(options, authority_validity);
  if (!valid) return std::unexpected(valid.error());
  const auto common_name = authority_name(pair, name, options.existing);
  if (!common_name) return std::unexpected(common_name.error());
  if (const auto fits = check_common_name(*common_name); !fits) return std::unexpected(fits.error());
  const auto key = key_for(pair, options.existing);
  if (!key) return std::unexpected(key.error());
  const Request request{Role::authority, *common_name, {}, options.now - clock_skew, options.now + *valid};
  const auto certificate = issue(request, *key, nullptr);
  if (!certificate) return std::unexpected(certificate.error());
  if (options.existing == Existing::renew) {
    if (const auto same = check_same_identity(pair, *certificate); !same) return std::unexpected(same.error());
  }
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return failure("{}: {}", directory.string(), error.message());
  return write_pair(pair, *certificate, *key, options.existing);
}

Result<Pair> make_server(const fs::path& directory, std::span<const std::string> names, const Options& options) {
  std::vector<std::string> all(names.begin(), names.end());
  if (all.empty() && options.existing == Existing::renew) {
    const auto present = load_certificate(pair_in(directory, "server").certificate);
    if (!present) return failure("can't renew: {}", present.error().message);
    all = present->first().dns_names;
    all.insert(all.end(), present->first().ip_addresses.begin(), present->first().ip_addresses.end());
  }
  if (all.empty()) return failure("a server needs a name: a DNS name or an IP address that clients reach it by");
  all.emplace_back(default_server_name);
  auto alternative = parse_server_names(all);
  if (!alternative) return std::unexpected(alternative.error());
  return make_end(directory, "server",
                  {Role::server, std::string(default_server_name), std::move(*alternative), {}, {}}, options);
}

Result<Pair> make_client(const fs::path& directory, std::string_view name, const Options& options) {
  if (const auto safe = check_client_name(name); !safe) return std::unexpected(safe.error());
  return make_end(directory, name, {Role::client, std::string(name), {}, {}, {}}, options);
}

}  // namespace mpquic::certs
