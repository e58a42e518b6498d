#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/describe.h"
#include "config/load.h"

// Any text is either a configuration that can be described, or has at least one problem, each with a place and a line
// of its own. The folder does not exist, so that relative file names lead nowhere.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto loaded = mpquic::config::load_text(text, "/nonexistent/box.yaml", std::chrono::system_clock::time_point());
  if (loaded) {
    if (mpquic::config::describe(loaded->configuration).empty()) std::abort();
    return 0;
  }
  if (loaded.error().empty()) std::abort();
  for (const auto& problem : loaded.error()) {
    if (problem.text.empty() || problem.text.find('\n') != std::string::npos) std::abort();
    if (problem.line == 0) std::abort();
  }
  return 0;
}
