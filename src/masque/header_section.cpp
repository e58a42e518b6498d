#include "masque/header_section.h"

#include <algorithm>
#include <array>

#include "masque/characters.h"

namespace mpquic::masque {
namespace {

/// They speak of a connection, and HTTP/3 has other means for that (RFC 9114, 4.2).
constexpr std::array<std::string_view, 5> connection_fields{"connection", "keep-alive", "proxy-connection",
                                                            "transfer-encoding", "upgrade"};

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_pseudo(std::string_view name) { return name.starts_with(':'); }

bool is_field_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return is_token(c) && !is_upper(c); });
}

bool is_field_value(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return is_visible(c) || c == ' ' || c == '\t'; });
}

Result<void> check_regular(const Header& field) {
  if (!is_field_name(field.name)) return failure("a field's name has characters that are not allowed");
  if (!is_field_value(field.value)) return failure("{} has characters that are not allowed", field.name);
  if (holds(connection_fields, field.name)) return failure("{} has no place in HTTP/3", field.name);
  if (field.name == "te" && !is_same_name(field.value, "trailers")) return failure("te can only be \"trailers\"");
  return {};
}

}  // namespace

Result<HeaderSection> HeaderSection::read(std::span<const Header> fields,
                                          std::span<const std::string_view> pseudo_fields) {
  const auto regular = std::ranges::find_if_not(fields, is_pseudo, &Header::name);
  for (auto field = fields.begin(); field != regular; ++field) {
    if (!holds(pseudo_fields, field->name)) return failure("a pseudo-header field is unknown here");
    if (std::find_if(fields.begin(), field, [&](const Header& f) { return f.name == field->name; }) != field) {
      return failure("{} is there twice", field->name);
    }
    if (!is_field_value(field->value)) return failure("{} has characters that are not allowed", field->name);
  }
  for (auto field = regular; field != fields.end(); ++field) {
    if (is_pseudo(field->name)) return failure("a pseudo-header field stands behind a field");
    if (const auto checked = check_regular(*field); !checked) return std::unexpected(checked.error());
  }
  return HeaderSection(fields);
}

std::optional<std::string_view> HeaderSection::find(std::string_view name) const {
  const auto field = std::ranges::find(fields_, name, &Header::name);
  return field == fields_.end() ? std::nullopt : std::optional<std::string_view>(field->value);
}

std::vector<std::string_view> HeaderSection::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Header& field : fields_) {
    if (field.name == name) values.emplace_back(field.value);
  }
  return values;
}

std::optional<std::string_view> HeaderSection::content_field() const {
  for (const std::string_view name : {"content-length", "content-type"}) {  // and transfer-encoding, which nobody may
    if (find(name)) return name;
  }
  return std::nullopt;
}

bool is_same_name(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, to_lower, to_lower); }

}  // namespace mpquic::masque
