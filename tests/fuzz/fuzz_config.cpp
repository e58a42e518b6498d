#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/describe.h"
#include "config/environment.h"
#include "config/load.h"
#include "config/native_writer.h"

namespace {

using mpquic::config::Loaded;

constexpr const char* file = "/nonexistent/box.yaml";

Loaded load(const std::string& text) {
  return mpquic::config::load_text(text, file, std::chrono::system_clock::time_point());
}

void check(const mpquic::config::Problem& problem) {
  if (problem.text.empty() || problem.text.find('\n') != std::string::npos) std::abort();
  if (problem.line == 0) std::abort();
}

// What stands in a flat file can be said natively.
void convert(const mpquic::config::Configuration& configuration) {
  const std::string native = mpquic::config::to_native(configuration);
  const Loaded again = load(native);
  if (!again || mpquic::config::to_native(again->configuration) != native) std::abort();
}

}  // namespace

// Any text is either a configuration that can be described, or has at least one problem, each with a place and a line
// of its own. The folder does not exist, so that relative file names lead nowhere. The same text as an .env file has
// variables, or problems of the same kind.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  mpquic::config::Problems problems;
  mpquic::config::Environment environment;
  environment.add(text, "/nonexistent/box.env", problems);
  for (const auto& problem : problems.errors()) check(problem);
  if (const auto expanded = environment.expand(text); !expanded && expanded.error().message.empty()) std::abort();

  const Loaded loaded = load(text);
  if (loaded) {
    if (mpquic::config::describe(loaded->configuration).empty()) std::abort();
    if (loaded->flat) convert(loaded->configuration);
    return 0;
  }
  if (loaded.error().empty()) std::abort();
  for (const auto& problem : loaded.error()) check(problem);
  return 0;
}
