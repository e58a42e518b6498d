#include "config/reader.h"

#include <algorithm>
#include <array>

#include "config/fields.h"
#include "config/role_reader.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

constexpr std::array<std::string_view, 17> flat_keys = {"bind_ip",
                                                        "remote_addr",
                                                        "remote_port",
                                                        "tun_name",
                                                        "tun_cidr",
                                                        "tun_mtu",
                                                        "metrics_listen",
                                                        "multi_conn_enabled",
                                                        "tls_cert_file",
                                                        "tls_key_file",
                                                        "tls_ca_file",
                                                        "tls_server_name",
                                                        "congestion_algorithm",
                                                        "tls_insecure_skip_verify",
                                                        "multipath_enabled",
                                                        "multipath_policy",
                                                        "multipath_paths"};

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
  configuration.name = file.stem().string();
  configuration.control = "/run/mpquic/" + configuration.name + ".sock";
  Defaults defaults;
  defaults.folder = file.parent_path();

  Fields top(root, {1, 1}, "the configuration", problems);
  if (std::ranges::any_of(flat_keys, [&](std::string_view key) { return top.has(key); })) {
    top.refuse(flat_keys, "is a key of flat instance files, which are not supported by this version");
    return configuration;
  }

  Role role = guess_role(top);
  top.require("role");
  top.read("role", role, parse_role);
  top.read("congestion", defaults.congestion, parse_congestion);
  top.read("alpn", defaults.alpn, parse_alpn);
  top.read("workers", configuration.workers, parse_workers);
  top.read("log_level", configuration.log_level, parse_level);
  Located<std::filesystem::path> control(configuration.control);
  top.read("control", control, [&](std::string_view text) { return parse_file(text, defaults.folder); });
  check_socket_name(control, problems);
  configuration.control = control.value;
  if (role == Role::client) {
    configuration.node = read_client(top, defaults);
  } else {
    configuration.node = read_server(top, defaults);
  }
  top.finish();
  return configuration;
}

}  // namespace mpquic::config
