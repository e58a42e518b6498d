#pragma once

#include <cstdint>

/// Why an HTTP/3 connection is closed or a stream is reset: the application error codes of RFC 9114 (8.1), RFC 9297
/// (5.2) and RFC 9204 (6).
namespace mpquic::masque {

inline constexpr std::uint64_t h3_datagram_error = 0x33;

inline constexpr std::uint64_t h3_no_error = 0x100;
inline constexpr std::uint64_t h3_general_protocol_error = 0x101;
inline constexpr std::uint64_t h3_internal_error = 0x102;
inline constexpr std::uint64_t h3_stream_creation_error = 0x103;
inline constexpr std::uint64_t h3_closed_critical_stream = 0x104;
inline constexpr std::uint64_t h3_frame_unexpected = 0x105;
inline constexpr std::uint64_t h3_frame_error = 0x106;
inline constexpr std::uint64_t h3_excessive_load = 0x107;
inline constexpr std::uint64_t h3_id_error = 0x108;
inline constexpr std::uint64_t h3_settings_error = 0x109;
inline constexpr std::uint64_t h3_missing_settings = 0x10a;
inline constexpr std::uint64_t h3_request_rejected = 0x10b;
inline constexpr std::uint64_t h3_request_cancelled = 0x10c;
inline constexpr std::uint64_t h3_request_incomplete = 0x10d;
inline constexpr std::uint64_t h3_message_error = 0x10e;
inline constexpr std::uint64_t h3_connect_error = 0x10f;
inline constexpr std::uint64_t h3_version_fallback = 0x110;

inline constexpr std::uint64_t qpack_decompression_failed = 0x200;
inline constexpr std::uint64_t qpack_encoder_stream_error = 0x201;
inline constexpr std::uint64_t qpack_decoder_stream_error = 0x202;

}  // namespace mpquic::masque
