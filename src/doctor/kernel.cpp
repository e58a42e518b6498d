// What the kernel can do, and the settings that a node depends on.
#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "doctor/examine.h"

namespace mpquic::doctor {
namespace {

constexpr std::size_t wanted_receive_buffer = 8 << 20;

std::string with_dots(std::string name) {
  std::ranges::replace(name, '/', '.');
  return name;
}

std::string meaning(std::string_view sysctl) {
  if (sysctl.ends_with("/rp_filter"))
    return "a strict reverse path filter drops what comes in where its answers do not go";
  if (sysctl.ends_with("/accept_ra"))
    return "a router takes no advertisements unless told to, and loses its IPv6 gateway";
  return "nothing is forwarded between LAN, tunnels and the world";
}

void examine_forwarding(const config::Configuration& configuration, const Observations& seen, Findings& findings) {
  if (seen.sysctl("net/ipv4/ip_forward") != "0" || seen.plan.sysctls.contains("net/ipv4/ip_forward")) return;
  std::string who;
  if (const auto* client = configuration.client()) {
    const auto hides = std::ranges::find_if(client->tunnels, &config::ClientTunnel::masquerade);
    if (hides != client->tunnels.end())
      who = fmt::format("tunnel {} is to carry hosts behind this box (masquerade)", hides->name);
  }
  if (configuration.server()) {
    const auto& routes = seen.plan.routing.routes;
    const auto behind = std::ranges::find_if(routes, [](const auto& route) { return route.ifindex != 0; });
    if (behind != routes.end()) who = fmt::format("{} lies behind a client", behind->destination.to_string());
  }
  if (who.empty()) return;
  findings.push_back({Severity::warning, fmt::format("{}, and this machine forwards nothing (ip_forward is 0)", who),
                      "sysctl -w net.ipv4.ip_forward=1, and in /etc/sysctl.d to keep it"});
}

// A client that may use several tunnels sends through each; the route back leads into the first.
void examine_reverse_path(const config::ServerConfig& server, const Observations& seen, Findings& findings) {
  if (server.tunnels.size() < 2) return;
  for (const auto& tunnel : server.tunnels) {
    const std::string own = seen.sysctl("net/ipv4/conf/" + tunnel.name + "/rp_filter");
    if (own.empty() || std::max(own, seen.sysctl("net/ipv4/conf/all/rp_filter")) != "1") continue;
    findings.push_back({Severity::problem,
                        fmt::format("rp_filter is strict on tunnel {}: what clients send through several tunnels is "
                                    "dropped",
                                    tunnel.name),
                        fmt::format("sysctl -w net.ipv4.conf.{}.rp_filter=2", tunnel.name)});
  }
}

}  // namespace

void examine_sysctls(const config::Configuration& configuration, const Observations& seen, Findings& findings) {
  // A node that does not run sets them when it starts.
  for (const auto& [name, wanted] : seen.plan.sysctls) {
    const std::string now = seen.sysctl(name);
    if (!seen.node || now.empty() || now == wanted) continue;
    findings.push_back(
        {Severity::problem,
         fmt::format("{} is {}, though the node has set it to {}: {}", with_dots(name), now, wanted, meaning(name)),
         fmt::format("sysctl -w {}={}, and see who changes it (/etc/sysctl.d)", with_dots(name), wanted)});
  }
  examine_forwarding(configuration, seen, findings);
  const std::string of_all = seen.sysctl("net/ipv4/conf/all/rp_filter");
  if (configuration.client() && !seen.links.has_default_route() && of_all != "0" && !of_all.empty()) {
    findings.push_back({Severity::problem,
                        fmt::format("net.ipv4.conf.all.rp_filter is {}, and the main table has no default route: what "
                                    "comes in from afar is dropped",
                                    of_all),
                        "sysctl -w net.ipv4.conf.all.rp_filter=0, or a default route in the main table"});
  }
  if (const auto* server = configuration.server()) examine_reverse_path(*server, seen, findings);
}

void examine_kernel(const Observations& seen, Findings& findings) {
  const KernelAbilities& kernel = seen.kernel;
  if (kernel.tun_error == EACCES || kernel.tun_error == EPERM) {
    findings.push_back(
        {Severity::warning, "/dev/net/tun may not be opened by this user", "as root, mpquic doctor sees more"});
  } else if (kernel.tun_error != 0) {
    findings.push_back({Severity::problem,
                        fmt::format("there is no /dev/net/tun: {}", std::generic_category().message(kernel.tun_error)),
                        "modprobe tun; in a container: give it the device /dev/net/tun"});
  }
  if (!kernel.udp_segmentation) {
    findings.push_back({Severity::ok, "this kernel can't send several UDP packets in one (UDP_SEGMENT): slower", {}});
  }
  if (kernel.receive_buffer != 0 && kernel.receive_buffer < wanted_receive_buffer) {
    findings.push_back({Severity::ok,
                        fmt::format("UDP sockets of this user get {} KiB to receive into, of 8192: bursts may be lost",
                                    kernel.receive_buffer / 1024),
                        "run as root or with CAP_NET_ADMIN, or sysctl -w net.core.rmem_max=8388608"});
  }
  if (kernel.time_synced == false) {
    findings.push_back({Severity::ok, "the kernel knows of nothing that keeps its clock right (NTP)", {}});
  }
}

}  // namespace mpquic::doctor
