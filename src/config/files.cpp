#include <unistd.h>

#include "certs/inspect.h"
#include "certs/revocations.h"
#include "certs/token.h"
#include "config/validate.h"

namespace mpquic::config {
namespace {

using Now = std::chrono::system_clock::time_point;

// Before anything opens it: reading a pipe or a terminal would hang.
Result<void> check_readable(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return failure("{}: {}", path.string(), error ? error.message() : "No such file or directory");
  }
  if (!std::filesystem::is_regular_file(status)) return failure("{} is not a regular file", path.string());
  if (::access(path.c_str(), R_OK) != 0) return os_failure("{}", path.string());
  return {};
}

class FileCheck {
 public:
  FileCheck(Now now, Problems& problems) : now_(now), problems_(problems) {}

  /// nullopt: not named, or found wrong.
  std::optional<certs::CertificateFile> certificate(const std::optional<File>& file) {
    if (!readable(file)) return std::nullopt;
    auto loaded = certs::load_certificate(file->value);
    if (!loaded) {
      problems_.error(file->place, "{}", loaded.error().message);
      return std::nullopt;
    }
    if (const auto valid = certs::check_validity(*loaded, now_); !valid) {
      problems_.error(file->place, "{}", valid.error().message);
    }
    return std::move(*loaded);
  }

  void revocations(const std::optional<File>& file, const std::optional<File>& authorities, bool authorities_are_good) {
    if (!readable(file)) return;
    const auto lists = certs::load_revocations(file->value);
    if (!lists) return problems_.error(file->place, "{}", lists.error().message);
    if (authorities_are_good) {
      const auto is_signed = certs::check_revocations(file->value, authorities->value);
      if (!is_signed) return problems_.error(file->place, "{}", is_signed.error().message);
    }
    if (const auto newest = certs::check_newest(*lists, now_); !newest) {
      problems_.warning(file->place, "{}", newest.error().message);
    }
  }

  void token(const std::optional<File>& file) {
    if (!readable(file)) return;
    if (const auto token = certs::read_token(file->value); !token) {
      problems_.error(file->place, "{}", token.error().message);
    }
  }

  void key(const std::optional<File>& file, const std::optional<File>& certificate_file, bool certificate_is_good) {
    if (!readable(file)) return;
    std::error_code error;
    const auto permissions = std::filesystem::status(file->value, error).permissions();
    if ((permissions & std::filesystem::perms::others_read) != std::filesystem::perms::none) {
      problems_.warning(file->place, "{} is a private key and everybody may read it (did you mean chmod o-r?)",
                        file->value.string());
    }
    if (!certificate_is_good) return;
    if (const auto pair = certs::check_pair(certificate_file->value, file->value); !pair) {
      problems_.error(file->place, "{}", pair.error().message);
    }
  }

 private:
  bool readable(const std::optional<File>& file) {
    if (!file || file->value.empty()) return false;  // an unreadable name was reported when it was read
    const auto readable = check_readable(file->value);
    if (!readable) problems_.error(file->place, "{}", readable.error().message);
    return readable.has_value();
  }

  Now now_;
  Problems& problems_;
};

}  // namespace

void check_files(const Configuration& configuration, Now now, Problems& problems) {
  FileCheck check(now, problems);
  if (const auto* client = configuration.client()) {
    const ClientTls& tls = client->tls;
    check.certificate(tls.ca);
    const auto certificate = check.certificate(tls.certificate);
    if (certificate && !certificate->first().for_clients) {
      problems.warning(tls.certificate->place, "{} is not made for clients: a server may refuse it",
                       tls.certificate->value.string());
    }
    check.key(tls.key, tls.certificate, certificate.has_value());
    check.token(client->token);
  }
  if (const auto* server = configuration.server()) {
    const ServerTls& tls = server->tls;
    const auto authorities = check.certificate(tls.client_ca);
    check.revocations(tls.crl, tls.client_ca, authorities.has_value());
    const auto certificate = check.certificate(tls.certificate);
    if (certificate && !certificate->first().for_servers) {
      problems.warning(tls.certificate->place, "{} is not made for servers: clients may refuse it",
                       tls.certificate->value.string());
    }
    check.key(tls.key, tls.certificate, certificate.has_value());
  }
}

}  // namespace mpquic::config
