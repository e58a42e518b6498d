#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "certs/date.h"
#include "certs/inspect.h"

namespace mpquic::certs {
namespace {

using std::chrono::days;
using std::chrono::system_clock;

// A certificate is somebody else's text: it must not reach a terminal as control characters.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    result += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return result.empty() ? "(no common name)" : result;
}

std::string_view kind(const Certificate& certificate) {
  if (certificate.is_ca) return "certificate authority";
  if (certificate.for_servers && certificate.for_clients) return "server or client";
  if (certificate.for_servers) return "server";
  if (certificate.for_clients) return "client";
  return "neither server nor client";
}

std::string count_days(days count) { return fmt::format("{} day{}", count.count(), count.count() == 1 ? "" : "s"); }

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

}  // namespace mpquic::certs
