#include "config/reader.h"

#include <algorithm>
#include <array>

#include "config/device_reader.h"
#include "config/fields.h"
#include "config/flat.h"
#include "config/role_reader.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

// When the role is missing or unreadable, the keys that only one of them has tell which errors are worth showing.
Role guess_role(const Fields& top) { return top.has("listen") || top.has("clients") ? Role::server : Role::client; }

void check_socket_name(const Located<std::filesystem::path>& name, Problems& problems) {
  constexpr std::size_t longest = 107;  // sun_path of unix(7), less the NUL
  if (name->string().size() <= longest) return;
  problems.error(name.place, "control: the socket's name is longer than {} bytes", longest);
}

}  // namespace

Configuration read_configuration(const Node& root, const std::filesystem::path& file, Problems& problems) {
  Configuration configuration;
  configuration.file = file;
  configuration.name = file.stem().string();
  configuration.control = "/run/mpquic/" + configuration.name + ".sock";
  if (is_flat(root)) {
    read_flat(configuration, root, file, problems);
    check_socket_name(configuration.control, problems);
    return configuration;
  }

  Defaults defaults;
  defaults.folder = file.parent_path();

  Fields top(root, {1, 1}, "the configuration", problems);
  Role role = guess_role(top);
  top.require("role");
  top.read("role", role, parse_role);
  top.read("congestion", defaults.congestion, parse_congestion);
  top.read("workers", configuration.workers, parse_workers);
  top.read("log_level", configuration.log_level, parse_level);
  Located<std::filesystem::path> control(configuration.control);
  top.read("control", control, [&](std::string_view text) { return parse_file(text, defaults.folder); });
  check_socket_name(control, problems);
  configuration.control = control.value;
  configuration.management = read_management(top);
  if (role == Role::client) {
    configuration.node = read_client(top, defaults);
  } else {
    configuration.node = read_server(top, defaults);
  }
  top.finish();
  return configuration;
}

}  // namespace mpquic::config
