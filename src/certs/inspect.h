#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace mpquic::certs {

/// One X.509 certificate, read and put into words. Names are as the file has them: untrusted text.
struct Certificate {
  std::string common_name;                ///< of the subject; empty if it has none
  std::string issuer;                     ///< common name of the issuer; empty if it has none
  std::vector<std::string> dns_names;     ///< subjectAltName dNSName
  std::vector<std::string> ip_addresses;  ///< subjectAltName iPAddress, as inet_ntop(3) writes them
  bool is_ca = false;                     ///< basicConstraints, RFC 5280 4.2.1.9
  bool for_servers = true;                ///< extendedKeyUsage has serverAuth, or there is no such extension
  bool for_clients = true;                ///< the same for clientAuth
  /// Seconds resolution, both ends inclusive; times beyond what system_clock can hold (year 2262) are its limit.
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::string serial;         ///< lower-case hexadecimal
  std::string fingerprint;    ///< SHA-256 of the DER form, "AB:CD:..." as other tools print it
  std::string key_algorithm;  ///< "EC/ECDSA 256 bits"
};

/// A PEM file: an end's own certificate followed by its chain, or a bundle of certificate authorities.
struct CertificateFile {
  std::filesystem::path path;
  std::vector<Certificate> certificates;  ///< in the order of the file, never empty

  const Certificate& first() const { return certificates.front(); }
};

/// Every error names the file: missing, unreadable, no PEM certificate in it.
Result<CertificateFile> load_certificate(const std::filesystem::path& path);

/// The private key (PEM, not encrypted) belongs to the first certificate of the certificate file.
Result<void> check_pair(const std::filesystem::path& certificate, const std::filesystem::path& key);

/// "FILE: expired on 2026-01-02", "FILE: not valid before 2026-01-02" (dates in UTC). A chain is as good as its worst
/// certificate; of a bundle of authorities (the first is one) a single one that is valid will do.
Result<void> check_validity(const CertificateFile& file, std::chrono::system_clock::time_point now);

enum class Signature : std::uint8_t {
  good,         ///< one of these authorities has signed it
  of_namesake,  ///< one of the same name, but with another key: an authority that was made anew
  of_another,
};

/// Who has signed the first certificate of a file, seen from a file of authorities. Dates do not count.
Result<Signature> check_signature(const std::filesystem::path& certificate, const std::filesystem::path& authorities);

/// For people, several lines, each with its newline: who, until when, issued by whom.
std::string describe(const CertificateFile& file, std::chrono::system_clock::time_point now);
/// The same of a file that holds certificates or revocation lists.
Result<std::string> describe_file(const std::filesystem::path& path, std::chrono::system_clock::time_point now);

}  // namespace mpquic::certs
