#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mpquic::certs {

/// The subjectAltNames of a certificate (RFC 5280 4.2.1.6), each once.
struct AlternativeNames {
  std::vector<std::string> dns;                         ///< lower case
  std::vector<std::vector<std::uint8_t>> ip_addresses;  ///< 4 or 16 bytes, network order
};

Result<AlternativeNames> parse_server_names(std::span<const std::string> names);

/// 1 to 64 bytes (ub-common-name, RFC 5280 appendix A.1), none a control character.
Result<void> check_common_name(std::string_view name);

}  // namespace mpquic::certs
