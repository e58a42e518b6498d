#include "config/find_file.h"

#include "config/problems.h"

namespace mpquic::config {

Result<std::filesystem::path> find_file(const std::string& argument, const std::filesystem::path& folder) {
  const bool is_name =
      !argument.empty() && !argument.contains('/') && !argument.ends_with(".yaml") && !argument.ends_with(".yml");
  std::error_code error;
  if (!is_name || std::filesystem::exists(argument, error)) return argument;
  const std::filesystem::path native = folder / (argument + ".yaml");
  const std::filesystem::path flat = folder / "instances" / (argument + ".yaml");
  if (std::filesystem::exists(native, error)) return native;
  if (std::filesystem::exists(flat, error)) return flat;
  return failure("no configuration {}: neither {} nor {} is there", in_quotes(argument), native.string(),
                 flat.string());
}

}  // namespace mpquic::config
