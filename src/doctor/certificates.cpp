// Certificates and the clock that they are held against.
#include <algorithm>

#include "certs/date.h"
#include "certs/make.h"
#include "doctor/examine.h"

namespace mpquic::doctor {
namespace {

using Role = CertificateFacts::Role;
using std::chrono::days;

constexpr days renewal_time{30};

std::string renewal(const CertificateFacts& facts) {
  const certs::CertificateFile& file = *facts.file;
  const std::string folder = file.path.parent_path().string();
  switch (facts.role) {
    case Role::authority:
      return fmt::format("mpquic cert ca --renew --dir {}, and take ca.pem to the other ends", folder);
    case Role::server: return fmt::format("mpquic cert server --renew --dir {}, and reload the node", folder);
    case Role::client:
      return fmt::format("where the authority's key is: mpquic cert client {} --renew; bring it here, reload the node",
                         file.path.stem().string());
  }
  return {};
}

/// The one whose validity decides: of a bundle of authorities the one that lasts longest, of a chain the shortest.
const certs::Certificate& deciding(const CertificateFacts& facts) {
  const auto& all = facts.file->certificates;
  return facts.role == Role::authority ? *std::ranges::max_element(all, {}, &certs::Certificate::not_after)
                                       : *std::ranges::min_element(all, {}, &certs::Certificate::not_after);
}

void examine_validity(const CertificateFacts& facts, const Observations& seen, Findings& findings) {
  const certs::Certificate& one = deciding(facts);
  const std::string path = facts.file->path.string();
  if (seen.now < one.not_before) {
    const std::string ntp = seen.kernel.time_synced == false ? " (and nothing keeps it in step with the world's)" : "";
    findings.push_back({Severity::problem,
                        fmt::format("{} is not valid before {}, and this machine's clock says {}: the clock is "
                                    "probably off{}",
                                    path, certs::utc_date(one.not_before), certs::utc_date(seen.now), ntp),
                        "timedatectl set-ntp true, or date -s \"2026-01-31 12:00\""});
  } else if (seen.now > one.not_after) {
    findings.push_back({Severity::problem,
                        fmt::format("{} expired on {}; this machine's clock says {}", path,
                                    certs::utc_date(one.not_after), certs::utc_date(seen.now)),
                        renewal(facts)});
  } else if (one.not_after - seen.now < renewal_time) {
    findings.push_back({Severity::warning,
                        fmt::format("{} expires on {}, in {} days", path, certs::utc_date(one.not_after),
                                    std::chrono::floor<days>(one.not_after - seen.now).count()),
                        renewal(facts)});
  } else {
    findings.push_back({Severity::ok, fmt::format("{} is valid until {}", path, certs::utc_date(one.not_after)), {}});
  }
}

void examine_purpose(const CertificateFacts& facts, Findings& findings) {
  const certs::Certificate& one = facts.file->first();
  const std::string path = facts.file->path.string();
  const auto add = [&](Severity severity, std::string what, std::string mend) {
    findings.push_back({severity, std::move(what), std::move(mend)});
  };
  if (facts.role == Role::client && !one.for_clients) {
    add(Severity::problem, path + " is made for servers, not for clients", "mpquic cert client NAME");
  }
  if (facts.role != Role::server) return;
  if (!one.for_servers)
    add(Severity::problem, path + " is made for clients, not for servers", "mpquic cert server NAME");
  if (one.dns_names.empty() && one.ip_addresses.empty()) {
    add(Severity::problem, path + " names no server: clients will refuse it", "mpquic cert server NAME --force");
  } else if (std::ranges::find(one.dns_names, certs::default_server_name) == one.dns_names.end()) {
    const std::string& known = one.dns_names.empty() ? one.ip_addresses.front() : one.dns_names.front();
    add(Severity::ok,
        fmt::format("{} is not made out to {}: clients must say which name they expect", path,
                    certs::default_server_name),
        fmt::format("at the clients: tls: {{server_name: {}}}", known));
  }
}

void examine_one(const CertificateFacts& facts, const Observations& seen, Findings& findings) {
  if (!facts.file) {
    findings.push_back({Severity::problem, facts.file.error().message, "see `tls` in the configuration"});
    return;
  }
  examine_validity(facts, seen, findings);
  examine_purpose(facts, findings);
  if (!facts.pair) {
    findings.push_back({Severity::problem, facts.pair.error().message, "take certificate and key of the same making"});
  }
  if (facts.signature == certs::Signature::of_namesake) {
    findings.push_back({Severity::warning,
                        fmt::format("{} was signed by \"{}\", but not by the one in {}: an authority of that name was "
                                    "made anew",
                                    facts.file->path.string(), facts.file->first().issuer, facts.authorities.string()),
                        "take the other ca.pem, or have the certificate signed again"});
  }
}

void examine_revocations(const RevocationFacts& facts, const Observations& seen, Findings& findings) {
  const std::string mend = "where the authority's key is: mpquic cert revoke; bring crl.pem here, reload the node";
  if (!facts.file) {
    findings.push_back({Severity::problem, facts.file.error().message, mend});
  } else if (!facts.is_signed) {
    findings.push_back({Severity::problem, facts.is_signed.error().message, mend});
  } else if (const auto newest = certs::check_newest(*facts.file, seen.now); !newest) {
    findings.push_back({Severity::warning, newest.error().message, mend});
  } else {
    std::size_t revoked = 0;
    for (const certs::RevocationList& list : facts.file->lists) revoked += list.revoked.size();
    findings.push_back({Severity::ok, fmt::format("{} revokes {}", facts.file->path.string(), revoked), {}});
  }
}

}  // namespace

void examine_certificates(const config::Configuration& configuration, const Observations& seen, Findings& findings) {
  for (const CertificateFacts& facts : seen.certificates) examine_one(facts, seen, findings);
  if (seen.revocations) examine_revocations(*seen.revocations, seen, findings);
  if (seen.token && !*seen.token) {
    findings.push_back({Severity::problem, seen.token->error().message, "chmod 600, or mpquic token new NAME"});
  }
  if (const auto* client = configuration.client(); client && client->tls.insecure_skip_verify) {
    findings.push_back({Severity::warning,
                        "insecure_skip_verify is on: anybody on the way can pose as the server and read everything",
                        "tls: {ca: FILE} in its place"});
  }
}

}  // namespace mpquic::doctor
