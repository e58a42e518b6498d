#include "certs/crl.h"

#include <algorithm>
#include <array>

namespace mpquic::certs {

Result<std::vector<RevokedSerial>> revoked_serials(const Crl& list) {
  std::vector<RevokedSerial> all;
  gnutls_x509_crl_iter_t iterator = nullptr;
  for (;;) {
    std::array<std::uint8_t, 128> serial{};
    std::size_t size = serial.size();
    std::time_t since = 0;
    const int status = gnutls_x509_crl_iter_crt_serial(list.get(), &iterator, serial.data(), &size, &since);
    if (status < 0) {
      gnutls_x509_crl_iter_deinit(iterator);
      if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return all;
      return tls_failure("damaged revocation list", status);
    }
    all.push_back({{serial.begin(), serial.begin() + static_cast<std::ptrdiff_t>(size)}, since});
  }
}

std::vector<std::uint8_t> number_of(const Crl& list) {
  std::array<std::uint8_t, 64> number{};
  std::size_t size = number.size();
  if (gnutls_x509_crl_get_number(list.get(), number.data(), &size, nullptr) < 0) return {};
  const auto end = number.begin() + static_cast<std::ptrdiff_t>(size);
  return {std::find_if(number.begin(), end, [](std::uint8_t byte) { return byte != 0; }), end};
}

bool is_signed_by(const Crl& list, const X509& authority) {
  gnutls_x509_crt_t issuer = authority.get();
  unsigned wrong = 0;
  if (gnutls_x509_crl_verify(list.get(), &issuer, 1, 0, &wrong) != 0) return false;
  // GnuTLS can't be told to leave out the dates. What they alone make wrong is "invalid" besides.
  constexpr unsigned dates = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
  if ((wrong & dates) != 0) wrong &= ~(dates | unsigned{GNUTLS_CERT_INVALID});
  return wrong == 0;
}

}  // namespace mpquic::certs
