#include "config/environment.h"

#include <algorithm>
#include <array>
#include <optional>

#include "config/suggest.h"
#include "config/text_file.h"

namespace mpquic::config {
namespace {

constexpr std::string_view blanks = " \t";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view text) {
  constexpr std::size_t longest = 255;
  return !text.empty() && text.size() <= longest && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

/// A line being read; every error is reported at the place that has been reached.
class Line {
 public:
  Line(std::string_view text, unsigned number, const std::filesystem::path& file, Problems& problems)
      : text_(text), number_(number), file_(file), problems_(problems) {}

  /// Name and value; nullopt: there is nothing on this line, or nothing good.
  std::optional<std::pair<std::string, std::string>> read() {
    const auto control = std::ranges::find_if(
        text_, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f'; });
    if (control != text_.end()) {
      at_ = static_cast<std::size_t>(control - text_.begin());
      return fault("this is no text: byte 0x{:02x}", static_cast<unsigned char>(*control));
    }
    skip_blanks();
    if (done()) return std::nullopt;
    if (rest().starts_with("export ") || rest().starts_with("export\t")) {
      at_ += 6;
      skip_blanks();
    }
    const auto length = rest().find('=');
    const std::string_view name = rest().substr(0, length);
    if (length == std::string_view::npos) return fault("{} is no KEY=VALUE", in_quotes(rest()));
    if (!is_name(name)) {
      return fault("{} is no name of a variable: letters, digits and _, no blank before the =", in_quotes(name));
    }
    at_ += length + 1;
    auto value = read_value();
    if (!value) return std::nullopt;
    return std::pair(std::string(name), std::move(*value));
  }

 private:
  template <class... Args>
  std::nullopt_t fault(fmt::format_string<Args...> format, Args&&... args) {
    problems_.error(file_, {number_, static_cast<unsigned>(at_ + 1)}, format, std::forward<Args>(args)...);
    return std::nullopt;
  }

  std::string_view rest() const { return text_.substr(at_); }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size()); }
  /// Nothing but a comment is left.
  bool done() const { return rest().empty() || rest().front() == '#'; }

  std::optional<std::string> read_value() {
    if (!rest().empty() && blanks.contains(rest().front())) {
      const std::size_t begin = at_;
      skip_blanks();
      if (done()) return std::string();
      at_ = begin;
      return fault("a blank after the =: a value begins there, or is put in quotes");
    }
    if (!rest().empty() && (rest().front() == '"' || rest().front() == '\'')) return read_quoted();
    // A comment begins after a blank.
    std::size_t end = at_;
    while (end < text_.size() && !blanks.contains(text_[end])) ++end;
    std::string value(text_.substr(at_, end - at_));
    if (const auto bad = value.find_first_of("\"'`\\$"); bad != std::string::npos) {
      at_ += bad;
      return fault("{} in a value needs quotes around the value", in_quotes(value.substr(bad, 1)));
    }
    at_ = end;
    return ends(std::move(value));
  }

  std::optional<std::string> read_quoted() {
    const char quote = rest().front();
    std::string value;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      char c = text_[i];
      if (c == quote) {
        at_ = i + 1;
        return ends(std::move(value));
      }
      if (quote == '"' && c == '$') {
        at_ = i;
        return fault("variables are not substituted in here: write \\$ for the character");
      }
      if (quote == '"' && c == '\\' && i + 1 < text_.size() && std::string_view("\"\\$").contains(text_[i + 1])) {
        c = text_[++i];
      }
      value += c;
    }
    return fault("the quote is never closed");
  }

  std::optional<std::string> ends(std::string value) {
    const bool blank = !rest().empty() && blanks.contains(rest().front());
    skip_blanks();
    if (rest().empty() || (blank && done())) return value;
    return fault("{} after the value: one with blanks in it needs quotes", in_quotes(rest()));
  }

  std::string_view text_;
  unsigned number_;
  const std::filesystem::path& file_;
  Problems& problems_;
  std::size_t at_ = 0;
};

}  // namespace

Environment Environment::beside(const std::filesystem::path& instance, Problems& problems) {
  Environment environment;
  const std::array<std::string, 2> names = {instance.stem().string() + ".env", "global.env"};
  environment.files_ = fmt::format("{} nor {}", names[0], names[1]);
  for (const std::string& name : names) {
    const std::filesystem::path file = instance.parent_path() / name;
    std::error_code error;
    if (!std::filesystem::exists(file, error)) continue;
    if (const auto text = read_text_file(file)) {
      environment.add(*text, file, problems);
    } else {
      problems.error(file, {}, "{}", text.error().message);
    }
  }
  return environment;
}

void Environment::add(std::string_view text, const std::filesystem::path& file, Problems& problems) {
  std::map<std::string, std::string, std::less<>> found;
  unsigned number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    // As in a shell, the last of the same name counts.
    if (auto variable = Line(line, ++number, file, problems).read()) {
      found.insert_or_assign(std::move(variable->first), std::move(variable->second));
    }
  }
  variables_.merge(found);
}

const std::string* Environment::find(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? nullptr : &found->second;
}

Result<std::string> Environment::expand(std::string_view text) const {
  std::string result;
  for (auto begin = text.find("${"); begin != std::string_view::npos; begin = text.find("${")) {
    const auto end = text.find('}', begin);
    if (end == std::string_view::npos) return failure("{} is never closed by a }}", in_quotes(text.substr(begin)));
    const std::string_view name = text.substr(begin + 2, end - begin - 2);
    if (!is_name(name)) {
      return failure("{} is no variable: only ${{NAME}} is substituted",
                     in_quotes(text.substr(begin, end - begin + 1)));
    }
    const std::string* value = find(name);
    if (value == nullptr) {
      std::vector<std::string_view> known;
      for (const auto& [one, ignored] : variables_) known.push_back(one);
      return failure("neither {} has the variable {}{}", files_, in_quotes(name), did_you_mean(name, known));
    }
    result += text.substr(0, begin);
    result += *value;
    text.remove_prefix(end + 1);
  }
  return result + std::string(text);
}

}  // namespace mpquic::config
