#include "cli/networkd_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "certs/write_files.h"
#include "cli/check_command.h"
#include "policy/networkd.h"

namespace mpquic::cli {
namespace {

namespace fs = std::filesystem;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;

using Files = std::map<fs::path, std::string>;

/// Nothing: there is no such file. Of what is there and no file, or can't be read, the text is empty.
std::optional<std::string> read(const fs::path& path) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return std::nullopt;
  if (!fs::is_regular_file(path, error)) return "";
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool has_mark(const std::string& text, const std::string& mark) { return text.starts_with(mark + "\n"); }

/// Files with our mark that are not wanted any more.
Result<std::vector<fs::path>> find_stale(const fs::path& output, const Files& wanted, const std::string& mark) {
  std::vector<fs::path> stale;
  for (const std::string_view name : policy::network_folders) {
    const fs::path folder = output / name;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      const bool ours = !wanted.contains(entry->path()) && has_mark(read(entry->path()).value_or(""), mark);
      if (ours) stale.push_back(entry->path());
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return failure("{}: {}", folder.string(), error.message());
    }
  }
  return stale;
}

Result<void> write(const Files& files) {
  std::vector<certs::NewFile> all;
  for (const auto& [path, text] : files) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return failure("{}: {}", path.parent_path().string(), error.message());
    all.push_back({path, Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0644});
  }
  return certs::write_files(all, true);
}

Result<void> remove(const std::vector<fs::path>& files) {
  for (const fs::path& path : files) {
    std::error_code error;
    fs::remove(path, error);
    if (error) return failure("can't remove {}: {}", path.string(), error.message());
  }
  return {};
}

int report(const Error& error) {
  fmt::print(stderr, "mpquic: {}\n", error.message);
  return failed;
}

}  // namespace

int networkd_command(const std::string& file, const fs::path& output, bool force) {
  const auto configuration = load_reported(file);
  if (!configuration) return wrong_usage;
  const std::string mark = policy::network_file_mark(*configuration);
  Files wanted, changed;
  int status = done;
  for (auto& [name, text] : policy::network_files(*configuration)) {
    const fs::path path = output / name;
    wanted[path] = text;
    const auto present = read(path);
    if (present == text) continue;
    if (present && !has_mark(*present, mark) && !force) {
      status = report(
          Error{fmt::format("{} is not of {}'s making; --force replaces it", path.string(), configuration->name)});
    }
    changed[path] = text;
  }
  if (status != done) return status;
  const auto stale = find_stale(output, wanted, mark);
  if (!stale) return report(stale.error());
  if (auto written = write(changed); !written) return report(written.error());
  for (const auto& [path, text] : changed) fmt::print("wrote {}\n", path.string());
  if (auto removed = remove(*stale); !removed) return report(removed.error());
  for (const fs::path& path : *stale) fmt::print("removed {}\n", path.string());
  return done;
}

}  // namespace mpquic::cli
