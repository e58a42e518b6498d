#include "config/not_yet.h"

#include "config/loading.h"

namespace mpquic::config {
namespace {

/// NOT YET: goes with config/not_yet.h.
class NotYet : public Loading {
 protected:
  static std::string error_of(const std::string& text) {
    const auto file = write("box.yaml", text);
    const auto now = today + std::chrono::hours(1);
    for (const Loaded& loaded : {load(file, now), load_without_files(file)}) {
      if (loaded) return "none";
      if (loaded.error().size() != 1) return "several";
    }
    return to_string("", load(file, now).error().front()).substr(1);
  }
};

TEST_F(NotYet, ATunnelGoesOverOneLink) {
  const std::string start =
      client_start + "alpn: h3\nlinks: {wan4: {interface: e4}, wan5: {interface: e5, metered: true}}\n";
  EXPECT_EQ(error_of(start + "tunnels: {a: {links: wan4}, b: {links: wan5}}\n"), "none");
  EXPECT_EQ(error_of(start + "tunnels: {a: {links: [wan4, wan5]}}\n"),
            "6:29: more than one link per tunnel is not supported by this version");
  EXPECT_EQ(error_of(start + "tunnels: {a: {links: {wan4: {}, wan5: {}}, policy: bonded}}\n"),
            "6:33: more than one link per tunnel is not supported by this version");
  EXPECT_EQ(error_of(start + "tunnels: {a: {links: wan4, policy: failover}, b: {links: wan5}}\n"),
            "6:36: \"policy\" is not supported by this version");
  EXPECT_EQ(error_of(server_start + "tunnels: {a: {address: 10.0.0.1/24, policy: balanced}}\n"
                                    "clients: {box1: {prefixes: 10.0.0.2}}\n"),
            "4:45: \"policy\" is not supported by this version");
}

TEST_F(NotYet, AnInstanceHasOnePath) {
  const std::string start =
      "role: client\nbind_ip: if:enp7s6\nremote_addr: 192.0.2.1\nremote_port: 45004\ntun_name: mpq4\n"
      "tun_cidr: 10.200.4.1/30\ntls_ca_file: tls/ca.pem\nmultipath_enabled: true\n";
  EXPECT_EQ(error_of(start + "multipath_paths: [{name: a}]\n"), "none");
  EXPECT_EQ(error_of(start + "multipath_paths: [{name: a}, {name: b}]\n"),
            "9:37: more than one link per tunnel is not supported by this version");
}

}  // namespace
}  // namespace mpquic::config
