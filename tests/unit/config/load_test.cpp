#include "config/describe.h"
#include "config/loading.h"

namespace mpquic::config {
namespace {

using LoadedFile = Loading;

std::filesystem::path examples() { return std::filesystem::path(MPQUIC_SOURCE_DIR) / "examples"; }

std::string error_of(const std::filesystem::path& file) {
  const auto loaded = load(file, today);
  return loaded ? "" : to_string("FILE", loaded.error().front());
}

TEST_F(LoadedFile, MustBeAFileOfReasonableSize) {
  EXPECT_EQ(error_of(folder_ / "none.yaml"), "FILE: No such file or directory");
  EXPECT_EQ(error_of(folder_), "FILE: is a directory, not a configuration file");
  EXPECT_EQ(error_of("/dev/zero"), "FILE: is not a regular file");
  EXPECT_EQ(error_of(write("empty.yaml", "")), "FILE:1:1: the file is empty");
  EXPECT_EQ(error_of(write("large.yaml", std::string(10 << 20, '#'))), "FILE: is larger than 1048576 bytes");
  EXPECT_EQ(error_of(write("binary.yaml",
                           "\x7f"
                           "ELF\x02\x01")),
            "FILE:1:1: this is no text: byte 0x7f");
  EXPECT_EQ(error_of(write("list.yaml", "- role: client\n")),
            "FILE:1:1: the configuration must be a map (key: value), not a list");
}

TEST_F(LoadedFile, TheExamplesAreRightAsTheyAre) {
  for (const char* name : {"client.yaml", "server.yaml"}) {
    std::filesystem::copy_file(examples() / name, folder_ / name);
    const auto loaded = load(folder_ / name, today);
    ASSERT_TRUE(loaded) << to_string(name, loaded.error().front());
    EXPECT_TRUE(loaded->warnings.empty()) << to_string(name, loaded->warnings.front());
  }
}

TEST_F(LoadedFile, IsDescribedInPlainWords) {
  const Configuration client = good(client_start +
                                    "links: {wan5: {interface: enp7s7, address: 198.51.100.7}}\n"
                                    "tunnels: {cr5: {links: [wan5], class: critical, address: 10.200.15.1/24}}\n");
  EXPECT_EQ(describe(client),
            "client box\n"
            "  control socket /run/mpquic/box.sock\n"
            "  workers: as many as are useful\n"
            "  the server must be \"mpquic-server\", certified by " +
                (folder_ / "tls/ca.pem").string() +
                "\n"
                "  shows no certificate: only an open server lets it in\n"
                "link wan5: interface enp7s7, sends from 198.51.100.7\n"
                "tunnel cr5: 10.200.15.1/24\n"
                "  class critical, MTU as the path allows, congestion control bbr\n"
                "  path over link wan5 to server 192.0.2.1:45010, mpquic-ip\n");
  const Configuration server = good(server_start +
                                    "tunnels: {mt5: {address: [10.200.15.254/24, 'fd00::1/64'], mtu: 1400}}\n"
                                    "clients: {box1: {tunnels: [mt5], prefixes: [10.200.15.0/28, 172.16.21.0/30]}}\n"
                                    "workers: 2\n");
  EXPECT_EQ(describe(server),
            "server box\n"
            "  control socket /run/mpquic/box.sock\n"
            "  workers: 2\n"
            "  shows the certificate " +
                (folder_ / "tls/server.pem").string() +
                "\n"
                "  clients must be certified by " +
                (folder_ / "tls/ca.pem").string() +
                "\n"
                "tunnel mt5: 10.200.15.254/24, fd00::1/64\n"
                "  listens on 0.0.0.0:45010, h3 or mpquic-ip, MTU 1400, congestion control bbr\n"
                "  hands out addresses of 10.200.15.0/24, fd00::/64, advertises 10.200.15.0/24, fd00::/64\n"
                "client box1: owns 10.200.15.0/28, 172.16.21.0/30\n"
                "  may use tunnels mt5\n"
                "clients do not reach each other\n");
}

TEST_F(LoadedFile, SaysInPlainWordsWhatTheServerHandsOut) {
  const auto holds = [](const Configuration& configuration, const std::string& part) {
    return describe(configuration).find(part) != std::string::npos;
  };
  const Configuration client = good(client_start +
                                    "alpn: h3\nlinks: {wan5: {interface: enp7s7}}\n"
                                    "tunnels:\n"
                                    "  a: {links: wan5, masquerade: true}\n"
                                    "  b: {links: wan5, accept_routes: false}\n"
                                    "  c: {links: wan5, accept_routes: [10.0.0.0/8, 'fd00::/8']}\n");
  EXPECT_TRUE(holds(client, "tunnel a: as the server says\n"));
  EXPECT_TRUE(holds(client, "  takes all routes that the server advertises\n  hosts behind the box appear as its "));
  EXPECT_TRUE(holds(client, "  takes no routes from the server\n"));
  EXPECT_TRUE(holds(client, "  takes what the server advertises of 10.0.0.0/8, fd00::/8\n"));

  const Configuration server = good(server_start +
                                    "between_clients: true\ntunnels: {a: {address: 10.0.0.1/24, alpn: mpquic-ip}, b: "
                                    "{address: 10.0.1.1/24, alpn: h3, listen: 0.0.0.0:2}}\n"
                                    "clients: {x: {tunnels: b}, y: {addresses: 10.0.0.2}, z: {addresses: 10.0.0.3, "
                                    "prefixes: 10.9.0.0/16}}\n");
  EXPECT_TRUE(holds(server, "0.0.0.0:45010, mpquic-ip, MTU as the path allows, congestion control bbr\ntunnel b"));
  EXPECT_TRUE(holds(server, "client x: owns what it is given\n"));
  EXPECT_TRUE(holds(server, "client y: owns 10.0.0.2\n"));
  EXPECT_TRUE(holds(server, "client z: owns 10.9.0.0/16, 10.0.0.3\n"));
  EXPECT_TRUE(holds(server, "clients reach each other\n"));
}

TEST_F(LoadedFile, SaysWhichDnsServersWouldBeAskedAndWhatBecomesOfThoseHandedOut) {
  const std::string client =
      describe(good("role: client\nserver: vps.example.net:45010\ntls: {ca: tls/ca.pem}\n"
                    "links: {wan4: {interface: a}, wan5: {interface: b, dns: [192.0.2.53, 192.0.2.54]}}\n"
                    "tunnels:\n"
                    "  t4: {links: [wan4], address: 10.0.0.4/24, dns: resolved}\n"
                    "  t5: {links: [wan5], address: 10.0.0.5/24}\n"));
  for (const std::string line :
       {"link wan5: interface b, asks the DNS servers 192.0.2.53, 192.0.2.54\n",
        "  path over link wan4 to server vps.example.net:45010, mpquic-ip\n"
        "    vps.example.net is asked for over link wan4: the DNS servers of its DHCP lease, or else this machine's\n"
        "  DNS servers that the server hands out are set with systemd-resolved\n",
        "  path over link wan5 to server vps.example.net:45010, mpquic-ip\n"
        "    vps.example.net is asked for over link wan5: 192.0.2.53, 192.0.2.54\n"}) {
    EXPECT_TRUE(client.contains(line)) << line << "\nis not in\n" << client;
  }
  const std::string server =
      describe(good(server_start + "tunnels: {mt5: {address: 10.0.0.254/24, dns: [10.0.0.254, 192.0.2.53]}}\n"
                                   "clients: {box1: {prefixes: [10.0.0.1]}}\n"));
  EXPECT_TRUE(server.contains("  hands out the DNS servers 10.0.0.254, 192.0.2.53\n")) << server;
}

}  // namespace
}  // namespace mpquic::config
