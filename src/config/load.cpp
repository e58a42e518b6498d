#include "config/load.h"

#include <optional>
#include <utility>

#include "config/document.h"
#include "config/flat.h"
#include "config/reader.h"
#include "config/text_file.h"
#include "config/validate.h"

namespace mpquic::config {
namespace {

Loaded parse(const std::string& text, const std::filesystem::path& file,
             std::optional<std::chrono::system_clock::time_point> now) {
  Problems problems;
  const Node root = parse_document(text, problems);
  if (root.kind != Node::Kind::refused) {
    Configuration configuration = read_configuration(root, file, problems);
    validate(configuration, problems);
    if (now) check_files(configuration, *now, problems);
    if (!problems.any_errors()) return Valid{std::move(configuration), problems.warnings(), is_flat(root)};
  }
  return std::unexpected(problems.errors());
}

Loaded read(const std::filesystem::path& file, std::optional<std::chrono::system_clock::time_point> now) {
  const auto text = read_text_file(file);
  if (!text) return std::unexpected(std::vector{Problem{0, 0, text.error().message, {}}});
  return parse(*text, file, now);
}

}  // namespace

Loaded load(const std::filesystem::path& file, std::chrono::system_clock::time_point now) { return read(file, now); }

Loaded load_without_files(const std::filesystem::path& file) { return read(file, std::nullopt); }

Loaded load_text(const std::string& text, const std::filesystem::path& file,
                 std::chrono::system_clock::time_point now) {
  return parse(text, file, now);
}

}  // namespace mpquic::config
