#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace mpquic::certs {

/// One certificate revocation list (CRL, RFC 5280 5), read and put into words.
struct RevocationList {
  struct Entry {
    std::string serial;  ///< lower-case hexadecimal
    std::chrono::system_clock::time_point since;
  };

  std::string issuer;  ///< common name of the authority; untrusted text, empty if it has none
  std::string number;  ///< cRLNumber, 5.2.3: decimal, or hexadecimal with 0x where it is long; empty if it has none
  std::chrono::system_clock::time_point issued;
  std::optional<std::chrono::system_clock::time_point> next;  ///< when the authority means to have a newer one
  std::vector<Entry> revoked;                                 ///< in the order of the list
};

/// A PEM file of lists, of one authority each.
struct RevocationFile {
  std::filesystem::path path;
  std::vector<RevocationList> lists;  ///< in the order of the file, never empty
};

/// Every error names the file: missing, unreadable, no list in PEM form in it.
Result<RevocationFile> load_revocations(const std::filesystem::path& path);

/// Each list of the file is signed by one of the authorities, which may sign lists. Dates do not count.
Result<void> check_revocations(const std::filesystem::path& lists, const std::filesystem::path& authorities);

/// "FILE: a newer revocation list was due on 2026-01-02" (UTC). The list is good all the same: what is revoked stays
/// so.
Result<void> check_newest(const RevocationFile& file, std::chrono::system_clock::time_point now);

/// For people, several lines, each with its newline: whose list, of when, what it revokes.
std::string describe(const RevocationFile& file, std::chrono::system_clock::time_point now);

}  // namespace mpquic::certs
