#include "config/native_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace mpquic::config {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '/' ||
         c == '_' || c == '-';
}

/// A scalar that reads as this very text, in `{...}` and as a key, too.
std::string scalar(const std::string& text) {
  constexpr std::array<std::string_view, 3> nulls = {"null", "Null", "NULL"};
  const bool plain = !text.empty() && text.front() != '-' && std::ranges::all_of(text, is_plain) &&
                     std::ranges::find(nulls, text) == nulls.end();
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// 192.0.2.1:45010 and vps.example.net:45010 need no quotes, "[2001:db8::1]:45010" does.
template <class HostWithPort>
std::string endpoint(const HostWithPort& one) {
  const std::string text = one.to_string();
  return text.starts_with('[') ? scalar(text) : text;
}

template <class T>
std::string list(const std::vector<Located<T>>& values) {
  std::vector<std::string> texts;
  for (const auto& value : values) {
    if constexpr (requires { value->to_string(); }) {
      texts.push_back(scalar(value->to_string()));
    } else {
      texts.push_back(scalar(value.value));
    }
  }
  return texts.size() == 1 ? texts.front() : fmt::format("[{}]", fmt::join(texts, ", "));
}

/// `{key: value, ...}` as it grows.
class Map {
 public:
  void add(std::string_view key, const std::string& value) {
    text_ += fmt::format("{}{}: {}", text_.empty() ? "" : ", ", key, value);
  }
  void add(std::string_view key, const std::optional<File>& file) {
    if (file) add(key, scalar(file->value.string()));
  }
  bool empty() const { return text_.empty(); }
  std::string take() { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

class Writer {
 public:
  std::string write(const Configuration& configuration) {
    line("role: {}", name(configuration.client() ? Role::client : Role::server));
    if (configuration.workers) line("workers: {}", *configuration.workers);
    if (configuration.log_level != LogLevel::info) line("log_level: {}", level(configuration.log_level));
    if (const auto* client = configuration.client()) write_client(*client);
    if (const auto* server = configuration.server()) write_server(*server);
    return std::move(text_);
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }

  static std::string_view level(LogLevel level) {
    switch (level) {
      case LogLevel::error: return "error";
      case LogLevel::warning: return "warning";
      case LogLevel::info: return "info";
      case LogLevel::debug: return "debug";
    }
    return {};
  }

  static void add_tunnel(Map& map, const Tunnel& tunnel) {
    map.add("address", list(tunnel.addresses));
    if (tunnel.mtu) map.add("mtu", std::to_string(*tunnel.mtu));
    if (tunnel.congestion != default_congestion) map.add("congestion", std::string(name(tunnel.congestion)));
  }

  /// Names, unless there is more to say: then a map, with what differs from the defaults and from the first one's
  /// server.
  static std::string links(const std::vector<Path>& paths) {
    std::vector<Located<std::string>> names;
    Map map;
    bool more = false;
    for (const Path& path : paths) {
      Map own;
      if (path.server != paths.front().server) own.add("server", endpoint(path.server.value));
      if (path.priority != Path().priority) own.add("priority", std::to_string(path.priority));
      if (path.weight != Path().weight) own.add("weight", std::to_string(path.weight));
      more |= !own.empty();
      names.push_back(path.link);
      map.add(scalar(path.link.value), own.take());
    }
    return more ? map.take() : list(names);
  }

  void write_client(const ClientConfig& client) {
    Map tls;
    tls.add("ca", client.tls.ca);
    if (client.tls.server_name != ClientTls().server_name) tls.add("server_name", scalar(client.tls.server_name));
    tls.add("certificate", client.tls.certificate);
    tls.add("key", client.tls.key);
    if (client.tls.insecure_skip_verify) tls.add("insecure_skip_verify", "true");
    line("tls: {}", tls.take());

    line("links:");
    for (const Link& link : client.links) {
      Map map;
      if (!link.interface.empty()) map.add("interface", scalar(link.interface));
      if (link.source) map.add("address", scalar(link.source->value.to_string()));
      line("  {}: {}", scalar(link.name), map.take());
    }
    line("tunnels:");
    for (const ClientTunnel& tunnel : client.tunnels) {
      Map map;
      map.add("links", links(tunnel.paths));
      map.add("server", endpoint(tunnel.paths.front().server.value));
      if (tunnel.policy) map.add("policy", std::string(name(tunnel.policy->value)));
      add_tunnel(map, tunnel);
      line("  {}: {}", scalar(tunnel.name), map.take());
    }
  }

  void write_server(const ServerConfig& server) {
    Map tls;
    tls.add("certificate", server.tls.certificate);
    tls.add("key", server.tls.key);
    tls.add("client_ca", server.tls.client_ca);
    if (server.tls.client_auth == ClientAuth::none) tls.add("client_auth", "none");
    line("tls: {}", tls.take());

    if (server.between_clients) line("between_clients: true");
    line("tunnels:");
    for (const ServerTunnel& tunnel : server.tunnels) {
      Map map;
      map.add("listen", endpoint(tunnel.listen.value));
      add_tunnel(map, tunnel);
      line("  {}: {}", scalar(tunnel.name), map.take());
    }
    line("clients:");
    for (const Client& client : server.clients) {
      Map map;
      if (client.tunnels) map.add("tunnels", list(*client.tunnels));
      map.add("prefixes", list(client.prefixes));
      line("  {}: {}", scalar(client.name), map.take());
    }
  }

  std::string text_;
};

}  // namespace

std::string to_native(const Configuration& configuration) { return Writer().write(configuration); }

}  // namespace mpquic::config
