#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "packet/address.h"

namespace mpquic::masque {

/// What a tunnel is asked for (RFC 9484, 4.6): the part of the world behind the server, and the kind of traffic.
struct Scope {
  std::variant<std::monostate, packet::Prefix, std::string> target;  ///< anywhere, a prefix, a DNS name
  std::optional<std::uint8_t> protocol;                              ///< IANA's number; nullopt: all

  bool operator==(const Scope&) const = default;
  bool is_everything() const { return std::holds_alternative<std::monostate>(target) && !protocol; }
  /// Our URI template with its variables in place, percent-encoded: "/.well-known/masque/ip/2001%3Adb8%3A%3A%2F32/17/".
  std::string path() const;
};

enum class PathError : std::uint8_t {
  not_ours,   ///< no expansion of our template: 404
  malformed,  ///< one, but a variable is not as RFC 9484 (4.6) has it: the whole request is malformed
};

/// The :path of a request, held against "/.well-known/masque/ip/{target}/{ipproto}/". A query is nothing to us.
std::expected<Scope, PathError> parse_path(std::string_view path);

/// A Scope whose name has been looked up: what a tunnel lets through.
struct Limits {
  std::optional<std::vector<packet::Prefix>> targets;  ///< nullopt: anywhere; empty: nowhere
  std::optional<std::uint8_t> protocol;                ///< nullopt: all

  bool operator==(const Limits&) const = default;
};

/// `resolved` is what the target's name stands for, and is used for nothing else.
Limits limits_of(const Scope& scope, std::span<const packet::Prefix> resolved = {});

/// Whether this IP packet keeps to the limits; what is no IP packet does not. Its other end (the destination if it
/// comes from the client, else the source) is within the targets, but an ICMP error may reach the client from anywhere
/// (RFC 9484, 8.2). Its protocol, behind all IPv6 extension headers (RFC 9484, 4.8), is the one, or ICMP.
bool allows(const Limits& limits, Bytes packet, bool from_client);

}  // namespace mpquic::masque
