#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace mpquic::masque {

/// The capsules that are understood here. Every other type is skipped (RFC 9297, 3.2); one more enumerator, and the
/// compiler asks in capsule.cpp how large it may be.
enum class CapsuleType : std::uint64_t {
  datagram = 0,                    ///< RFC 9297, 3.5: http_datagram.h
  address_assign = 1,              ///< RFC 9484, 4.7.1: address_capsules.h
  address_request = 2,             ///< RFC 9484, 4.7.2
  route_advertisement = 3,         ///< RFC 9484, 4.7.3: route_capsule.h
  dns_servers = 0x2d70'7164'6e73,  ///< our own: dns_capsule.h
  path = 0x2d70'7170'7468,         ///< our own: path_capsule.h
  path_lost = 0x2d70'7170'6c73,    ///< our own: path_capsule.h
};

/// The longest value of a capsule that says how addresses are: more than 7,000 IPv6 ranges. A longer one is an error.
inline constexpr std::size_t capsule_value_size_max = std::size_t{256} * 1024;
/// The same as long as nobody knows who sends it, or whether he gets a tunnel: 1,600 IPv4 ranges.
inline constexpr std::size_t early_capsule_value_size_max = std::size_t{16} * 1024;
/// The longest value of a capsule with DNS servers: some two hundred.
inline constexpr std::size_t dns_value_size_max = 4096;
/// The longest value of a capsule about a path: much more than one takes today.
inline constexpr std::size_t path_value_size_max = 1024;
/// The longest value of a DATAGRAM capsule that can be an IP packet: the largest one of IPv6, behind its context id. A
/// longer one is skipped, as RFC 9297 (3.5) would have it.
inline constexpr std::size_t datagram_value_size_max = 8 + 40 + 65'535;

/// Where the capsules of one stream go.
class CapsuleSink {
 public:
  virtual ~CapsuleSink() = default;
  /// `value` is valid during the call only. An error ends the stream: it is what CapsuleReader::read() returns.
  virtual Result<void> on_capsule(CapsuleType type, Bytes value) = 0;
};

/// Cuts what a stream carries into its capsules (RFC 9297, 3.2), however it was divided into reads. A capsule that is
/// whole in one read is not copied, an unknown one is never stored.
class CapsuleReader {
 public:
  /// `value_size_max`: of capsules that say how addresses are.
  explicit CapsuleReader(std::size_t value_size_max = capsule_value_size_max) : value_size_max_(value_size_max) {}

  void set_value_size_max(std::size_t size) { value_size_max_ = size; }
  /// Takes all of `bytes`, the next of the stream. An error aborts the stream with H3_MESSAGE_ERROR (RFC 9297, 3.3),
  /// and nothing may be read after it.
  Result<void> read(Bytes bytes, CapsuleSink& sink);
  /// The stream ends here. Error: within a capsule (RFC 9297, 3.3).
  Result<void> finish() const;
  /// DATAGRAM capsules skipped because no IP packet is that large.
  std::uint64_t oversized_datagrams() const { return oversized_datagrams_; }

 private:
  Result<std::size_t> take_front(Bytes bytes, CapsuleSink& sink);

  std::size_t value_size_max_;
  std::vector<std::uint8_t> beginning_;  ///< of a capsule that is not whole yet, from its type on
  std::uint64_t to_skip_ = 0;            ///< bytes of a value that nobody wants
  std::uint64_t oversized_datagrams_ = 0;
};

void append_capsule(std::vector<std::uint8_t>& to, CapsuleType type, Bytes value);

}  // namespace mpquic::masque
