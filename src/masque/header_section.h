#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mpquic::masque {

/// One field of an HTTP message; a pseudo-header field if the name begins with ':'.
struct Header {
  std::string name;
  std::string value;

  bool operator==(const Header&) const = default;
};

/// The header section of an HTTP/3 message whose form has been checked (RFC 9114, 4.2, 4.3 and 10.3). Does not own the
/// fields.
class HeaderSection {
 public:
  /// `pseudo_fields` are those that this kind of message may have. Error: how the message is malformed.
  static Result<HeaderSection> read(std::span<const Header> fields, std::span<const std::string_view> pseudo_fields);

  /// The value of the first field of this name; nullopt: there is none. No pseudo-header field is there twice.
  std::optional<std::string_view> find(std::string_view name) const;
  std::vector<std::string_view> all(std::string_view name) const;
  /// A field that no message with capsules may have (RFC 9297, 3.2); nullopt: there is none.
  std::optional<std::string_view> content_field() const;

 private:
  explicit HeaderSection(std::span<const Header> fields) : fields_(fields) {}

  std::span<const Header> fields_;
};

/// Whether two names are the same but for the case of ASCII letters.
bool is_same_name(std::string_view a, std::string_view b);

}  // namespace mpquic::masque
