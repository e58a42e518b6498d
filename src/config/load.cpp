#include "config/load.h"

#include "config/document.h"
#include "config/flat.h"
#include "config/reader.h"
#include "config/text_file.h"
#include "config/validate.h"

namespace mpquic::config {
Loaded load(const std::filesystem::path& file, std::chrono::system_clock::time_point now) {
  const auto text = read_text_file(file);
  if (!text) return std::unexpected(std::vector{Problem{0, 0, text.error().message, {}}});
  return load_text(*text, file, now);
}

Loaded load_text(const std::string& text, const std::filesystem::path& file,
                 std::chrono::system_clock::time_point now) {
  Problems problems;
  const Node root = parse_document(text, problems);
  if (root.kind != Node::Kind::refused) {
    Configuration configuration = read_configuration(root, file, problems);
    validate(configuration, problems);
    check_files(configuration, now, problems);
    if (!problems.any_errors()) return Valid{std::move(configuration), problems.warnings(), is_flat(root)};
  }
  return std::unexpected(problems.errors());
}

}  // namespace mpquic::config
