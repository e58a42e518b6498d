#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "certs/make.h"

namespace mpquic::certs {

struct Revoked {
  std::filesystem::path list;
  std::size_t added = 0;  ///< the others were on the list before
};

/// Puts certificates of the authority in `directory` on its revocation list (CRL, RFC 5280 5), crl.pem beside ca.pem,
/// which is made if there is none. The new list has the next number and takes the old one's place at once. Without
/// certificates it is only signed anew.
///
/// `options.valid` says for how long the list is the newest (nextUpdate): by default as long as the authority lives,
/// since a list is made when there is something to revoke. `options.existing` has no meaning here.
Result<Revoked> revoke(const std::filesystem::path& directory, std::span<const std::filesystem::path> certificates,
                       const Options& options);

}  // namespace mpquic::certs
