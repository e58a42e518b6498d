#include <fmt/format.h>

#include <string_view>

#include "certs/date.h"
#include "certs/inspect.h"
#include "certs/revocations.h"
#include "certs/words.h"
#include "certs/x509.h"

namespace mpquic::certs {
namespace {

using std::chrono::days;
using std::chrono::system_clock;

std::string_view kind(const Certificate& certificate) {
  if (certificate.is_ca) return "certificate authority";
  if (certificate.for_servers && certificate.for_clients) return "server or client";
  if (certificate.for_servers) return "server";
  if (certificate.for_clients) return "client";
  return "neither server nor client";
}

std::string remaining(const Certificate& certificate, system_clock::time_point now) {
  using std::chrono::floor;
  if (now > certificate.not_after) return "EXPIRED " + count_days(floor<days>(now - certificate.not_after)) + " ago";
  if (now < certificate.not_before) return "NOT VALID YET";
  return count_days(floor<days>(certificate.not_after - now)) + " left";
}

std::string names(const Certificate& certificate) {
  std::string list;
  for (const auto* kind_of_name : {&certificate.dns_names, &certificate.ip_addresses}) {
    for (const std::string& name : *kind_of_name) list += (list.empty() ? "" : ", ") + printable(name);
  }
  return list;
}

std::string renewal(const RevocationList& list, system_clock::time_point now) {
  if (!list.next) return {};
  return fmt::format(", a newer one {} due on {}", now > *list.next ? "WAS" : "is", utc_date(*list.next));
}

std::string describe(const Certificate& certificate, system_clock::time_point now) {
  const std::string list = names(certificate);
  std::string text = fmt::format("  name:        {} ({})\n", printable(certificate.common_name), kind(certificate));
  if (!list.empty()) text += fmt::format("  answers to:  {}\n", list);
  text += fmt::format("  valid:       {} to {}, {}\n", utc_date(certificate.not_before),
                      utc_date(certificate.not_after), remaining(certificate, now));
  text += fmt::format("  issued by:   {}\n", printable(certificate.issuer));
  text += fmt::format("  key:         {}\n", certificate.key_algorithm);
  text += fmt::format("  serial:      {}\n", certificate.serial);
  text += fmt::format("  sha-256:     {}\n", certificate.fingerprint);
  return text;
}

}  // namespace

std::string describe(const CertificateFile& file, system_clock::time_point now) {
  std::string text;
  for (std::size_t i = 0; i < file.certificates.size(); ++i) {
    text += i == 0 ? fmt::format("{}\n", file.path.string())
                   : fmt::format("{}, certificate {}\n", file.path.string(), i + 1);
    text += describe(file.certificates[i], now);
  }
  return text;
}

std::string describe(const RevocationFile& file, system_clock::time_point now) {
  std::string text;
  for (const RevocationList& list : file.lists) {
    text += fmt::format("{}\n  revoked by:  {}{}\n", file.path.string(), printable(list.issuer),
                        list.number.empty() ? "" : ", list " + list.number);
    text += fmt::format("  issued:      {}{}\n", utc_date(list.issued), renewal(list, now));
    for (const RevocationList::Entry& entry : list.revoked) {
      text += fmt::format("  serial:      {}, since {}\n", entry.serial, utc_date(entry.since));
    }
    if (list.revoked.empty()) text += "  serial:      none\n";
  }
  return text;
}

Result<std::string> describe_file(const std::filesystem::path& path, system_clock::time_point now) {
  const auto is_list = holds_revocation_list(path);
  if (!is_list) return std::unexpected(is_list.error());
  if (*is_list) {
    const auto lists = load_revocations(path);
    return lists ? Result<std::string>(describe(*lists, now)) : std::unexpected(lists.error());
  }
  const auto certificates = load_certificate(path);
  return certificates ? Result<std::string>(describe(*certificates, now)) : std::unexpected(certificates.error());
}

}  // namespace mpquic::certs
