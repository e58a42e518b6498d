#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "masque/header_section.h"
#include "masque/scope.h"
#include "masque/session_field.h"

namespace mpquic::masque {

/// A request for a tunnel (RFC 9484, 4.4): CONNECT with the :protocol "connect-ip".
struct IpRequest {
  std::string authority;  ///< host, and port if it is not 443, of the server
  Scope scope;
  std::optional<std::string> bearer_token;  ///< RFC 6750, 2.1
  std::string tunnel;                       ///< the client's name for the tunnel; empty: it says none
  SessionWish session{};                    ///< whether it is to be a path of several

  bool operator==(const IpRequest&) const = default;
};

/// Why a request is not served.
struct Refusal {
  /// Of HTTP. 0: the message is malformed, its stream is reset with H3_MESSAGE_ERROR (RFC 9114, 4.1.2).
  int status = 0;
  std::string reason;
  /// Which of the errors of RFC 9209 (2.3) it is, such as "dns_error"; empty: what goes with the status.
  std::string_view proxy_error;
};

/// What a server makes of the header section of a request:
///   malformed        against RFC 9114 (4.2 to 4.4), RFC 9220, RFC 9297 (3.2: fields that speak of content), or with
///                    variables that are not as RFC 9484 (4.6) has them
///   501              CONNECT for TCP (RFC 9114, 4.4), or with an unknown :protocol (RFC 9220, 3)
///   404, 405         another path; our path with another method than CONNECT
///   421              a scheme other than https (RFC 9110, 15.5.20)
///   401              Authorization of another scheme than Bearer
///   400              two Authorization fields or one with no token in it (RFC 6750, 3.1); a tunnel's name that is
///   none;
///                    a wish for a session that can't be read: ignored, it would get a tunnel of its own, which takes
///                    the addresses from the session that it was to join
/// Capsule-Protocol may have any value, or none: "connect-ip" itself says that capsules are spoken (RFC 9297, 3.2), so
/// the field, which is for intermediaries, tells us nothing (RFC 9297, 3.4). All fields that are not known are ignored.
std::expected<IpRequest, Refusal> read_request(std::span<const Header> headers);

std::vector<Header> write_request(const IpRequest& request);

/// The response that lets a tunnel begin. `session`: the token of the one whose path it is, to who has asked for one;
/// empty: it is a tunnel over this connection alone.
std::vector<Header> write_acceptance(std::string_view session = {});
/// The response that says no and why (Proxy-Status, RFC 9209). Not for what is malformed.
std::vector<Header> write_refusal(const Refusal& refusal);

/// Whether a response only announces the one that counts (1xx; RFC 9114, 4.1).
bool is_interim_response(std::span<const Header> headers);
/// What a server agrees to.
struct Acceptance {
  std::string session;  ///< the token; empty: this is a tunnel over one connection

  bool operator==(const Acceptance&) const = default;
};

/// What a client that had this wish makes of the final response. The refusal says, in one line, what the server did not
/// like. It is one as well, with the status of the response, that a session was to be joined and there is none in it.
/// Who has not asked for a session ignores what the response says of one.
std::expected<Acceptance, Refusal> read_response(std::span<const Header> headers, const SessionWish& wish = {});

}  // namespace mpquic::masque
