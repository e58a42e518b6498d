#include "config/loading.h"
#include "config/merge.h"
#include "config/native_writer.h"

namespace mpquic::config {
namespace {

std::filesystem::path shipped() { return std::filesystem::path(MPQUIC_SOURCE_DIR) / "packaging/instances"; }

/// Flat files in a folder as it is on a box: certificates in ../tls, and a global.env beside them.
class Convert : public Loading {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(instances());
    write("instances/global.env", "VPS_PUBLIC_IP=203.0.113.1\nBOX=box1\n");
  }
  void TearDown() override { std::filesystem::remove_all(instances()); }

  static std::filesystem::path instances() { return folder_ / "instances"; }

  static Instance load_file(const std::string& name) {
    auto loaded = load(instances() / name, today + std::chrono::hours(1));
    if (loaded) return {name, std::move(loaded->configuration)};
    ADD_FAILURE() << to_string(name, loaded.error().front());
    return {};
  }
  static Instance flat(const std::string& name, const std::string& text) {
    write("instances/" + name, text);
    return load_file(name);
  }
  /// With several paths: what is not for nodes yet can be read and written all the same.
  static Instance several(const std::string& name, const std::string& text) {
    auto loaded = load_text(text, instances() / name, today + std::chrono::hours(1));
    if (loaded) return {name, std::move(loaded->configuration)};
    ADD_FAILURE() << to_string(name, loaded.error().front());
    return {};
  }
  static Instance ship(const std::filesystem::path& name) {
    std::filesystem::copy_file(shipped() / name, instances() / name.filename(),
                               std::filesystem::copy_options::overwrite_existing);
    return load_file(name.filename());
  }
  /// As if all had stood on the same line of a file of the same name.
  static Configuration without_places(Configuration configuration) {
    configuration.file.clear();
    configuration.name.clear();
    configuration.control.clear();
    if (auto* client = std::get_if<ClientConfig>(&configuration.node)) {
      for (Link& link : client->links) link.place = {};
      for (Tunnel& tunnel : client->tunnels) tunnel.place = {};
    } else if (auto* server = std::get_if<ServerConfig>(&configuration.node)) {
      for (Tunnel& tunnel : server->tunnels) tunnel.place = {};
      for (Client& one : server->clients) one.place = {};
    }
    return configuration;
  }
  static void expect_same_after_writing(const Configuration& configuration) {
    const std::string native = to_native(configuration);
    EXPECT_TRUE(without_places(good(native)) == without_places(configuration)) << native;
  }
  static std::string error(const std::vector<Instance>& instances) {
    const auto merged = merge(instances);
    return merged ? "none" : merged.error().message;
  }
};

const std::string client =
    "role: client\nbind_ip: if:enp7s6\nremote_port: 45004\ntun_name: mpq4\ntun_cidr: 10.200.4.1/30\n"
    "tls_ca_file: ../tls/ca.pem\n";
const std::string server =
    "role: server\nremote_port: 45004\ntun_name: mpq4\ntun_cidr: 10.200.4.2/30\n"
    "tls_cert_file: ../tls/server.pem\ntls_key_file: ../tls/server.key\ntls_ca_file: ../tls/ca.pem\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  EXPECT_NE(text.find(from), std::string::npos);
  return text.replace(text.find(from), from.size(), to);
}

std::string client_of(const std::string& tunnel, const std::string& address) {
  return replaced(replaced(client, "mpq4", tunnel), "10.200.4.1", address);
}

TEST_F(Convert, EveryInstanceMeansTheSameNatively) {
  const std::string texts[] = {
      client,
      server,
      client +
          "log_level: debug\ntun_mtu: 1400\ncongestion_algorithm: cubic\ntls_server_name: vpn\n"
          "tls_cert_file: ../tls/box1.pem\ntls_key_file: ../tls/box1.key\n",
      replaced(client, "tls_ca_file: ../tls/ca.pem", "tls_insecure_skip_verify: true\ntls_ca_file: ../tls/ca.pem"),
      replaced(client, "if:enp7s6", "198.51.100.7"),
      replaced(client, "if:enp7s6", "2001:db8::7") + "remote_addr: 2001:db8::1\n",
      replaced(client, "enp7s6", "null") + "multipath_enabled: true\nmultipath_paths: {name: 'a\"b\\,{c}'}\n",
      replaced(client, "mpq4", "'-#{'"),
      replaced(server, "tls_ca_file: ../tls/ca.pem\n", ""),
      server + "bind_ip: '::'\n",
  };
  for (const std::string& text : texts) expect_same_after_writing(flat("4.yaml", text).configuration);
}

TEST_F(Convert, ReadsAsAPersonWouldHaveWrittenIt) {
  const std::string tls = (instances() / "../tls").string();
  EXPECT_EQ(to_native(flat("4.yaml", client).configuration),
            "role: client\ntls: {ca: " + tls +
                "/ca.pem}\n"
                "links:\n  enp7s6: {interface: enp7s6}\n"
                "tunnels:\n  mpq4: {links: enp7s6, server: 203.0.113.1:45004, address: 10.200.4.1/30, mtu: 1300}\n");
  EXPECT_EQ(to_native(flat("4.yaml", server).configuration),
            "role: server\ntls: {certificate: " + tls + "/server.pem, key: " + tls + "/server.key, client_ca: " + tls +
                "/ca.pem}\n"
                "between_clients: true\n"
                "tunnels:\n  mpq4: {listen: 0.0.0.0:45004, address: 10.200.4.2/30, mtu: 1300}\n"
                "clients:\n  \"*\": {prefixes: [10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16]}\n");
}

TEST_F(Convert, WhatIsShippedLoadsWithoutAWarningAndMeansTheSameTogether) {
  const struct {
    std::vector<const char*> files;
    std::size_t links;
  } sets[] = {
      {{"client/1.yaml", "client/2.yaml", "client/3.yaml", "client/4.yaml", "client/5.yaml", "client/6.yaml"}, 6},
      {{"server/1.yaml", "server/2.yaml", "server/3.yaml", "server/4.yaml", "server/5.yaml", "server/6.yaml"}, 0},
      {{"client/cr5.yaml", "client/df5.yaml", "client/bk5.yaml"}, 1},
      {{"server/mt1.yaml"}, 0},
      {{"nine/client/cr4.yaml", "nine/client/br4.yaml", "nine/client/df4.yaml", "nine/client/cr5.yaml",
        "nine/client/br5.yaml", "nine/client/df5.yaml", "nine/client/cr6.yaml", "nine/client/br6.yaml",
        "nine/client/df6.yaml"},
       3},
      {{"nine/server/mt4.yaml", "nine/server/mt5.yaml", "nine/server/mt6.yaml"}, 0},
  };
  for (const auto& [files, links] : sets) {
    std::vector<Instance> instances;
    for (const char* file : files) instances.push_back(ship(file));
    const auto merged = merge(instances);
    ASSERT_TRUE(merged) << merged.error().message;
    expect_same_after_writing(*merged);
    std::visit([&](const auto& node) { EXPECT_EQ(node.tunnels.size(), files.size()); }, merged->node);
    EXPECT_EQ(merged->client() ? merged->client()->links.size() : 0, links);
  }
  std::filesystem::copy_file(shipped() / "nine/box.yaml", folder_ / "nine.yaml");
  const auto nine = load(folder_ / "nine.yaml", today);
  ASSERT_TRUE(nine) << to_string("nine.yaml", nine.error().front());
  EXPECT_EQ(nine->warnings.size(), 0u);
  EXPECT_EQ(nine->configuration.client()->classify.size(), 9u);
}

TEST_F(Convert, SeveralPathsMeanTheSameNatively) {
  const std::string on = client + "multipath_enabled: true\n";
  const std::pair<std::string, std::string> cases[] = {
      {"multipath_paths: [{name: wan4, bind_ip: if:a}, {name: wan5, bind_ip: if:b}]\n",
       "{links: [wan4, wan5], server: 203.0.113.1:45004, policy: failover, "},
      {"multipath_policy: balanced\nmultipath_paths: [{name: wan4, weight: 10}, {name: wan5, bind_ip: if:b, priority: "
       "2}]\n",
       "{links: {wan4: {weight: 10}, wan5: {priority: 2}}, server: 203.0.113.1:45004, policy: balanced, "},
      {"multipath_paths: [{name: wan4}, {name: wan5, remote_addr: vps, remote_port: 7, priority: 0}]\n",
       "{links: {wan4: {priority: 2}, wan5: {server: vps:7}}, server: 203.0.113.1:45004, policy: failover, "},
      {"multipath_paths: {name: wan4, priority: 3}\n", "{links: {wan4: {priority: 3}}, server: 203.0.113.1:45004, "},
  };
  for (const auto& [paths, native] : cases) {
    const Configuration loaded = several("4.yaml", on + paths).configuration;
    EXPECT_TRUE(to_native(loaded).contains(native)) << to_native(loaded);
    expect_same_after_writing(loaded);
  }
}

TEST_F(Convert, TwoPathsOverOneInterfaceStayTwoLinks) {
  const std::string paths = "multipath_enabled: true\nmultipath_paths: [{name: x}, {name: y, remote_port: 7}]\n";
  const Instance first = several("1.yaml", client + paths);
  const Instance second = several("2.yaml", client_of("mpq5", "10.200.5.1") + paths);
  const Instance third = several("3.yaml", client_of("mpq6", "10.200.6.1"));
  const auto merged = merge(std::vector{third, first, second});
  ASSERT_TRUE(merged);
  const ClientConfig& node = *merged->client();
  EXPECT_EQ(node.links.size(), 2u);
  ASSERT_EQ(node.tunnels.size(), 3u);
  for (const std::size_t i : {1u, 2u}) {
    ASSERT_EQ(node.tunnels[i].paths.size(), 2u);
    EXPECT_EQ(node.tunnels[i].paths[0].link.value, "enp7s6");
    EXPECT_EQ(node.tunnels[i].paths[1].link.value, "y");
    EXPECT_EQ(node.tunnels[i].paths[1].server->port, 7);
  }
  expect_same_after_writing(*merged);
}

TEST_F(Convert, OneLinkUnderTwoNamesAndTwoLinksUnderOneName) {
  const std::string on = "multipath_enabled: true\n";
  const Instance first = flat("1.yaml", client + on + "multipath_paths: {name: wan}\n");
  const Instance second = flat("2.yaml", client_of("mpq5", "10.200.5.1") + on + "multipath_paths: {name: other}\n");
  const Instance third = flat(
      "3.yaml", replaced(client_of("mpq6", "10.200.6.1"), "enp7s6", "enp7s7") + on + "multipath_paths: {name: wan}\n");
  const auto merged = merge(std::vector{first, second, third});
  ASSERT_TRUE(merged);
  const ClientConfig& node = *merged->client();
  ASSERT_EQ(node.links.size(), 2u);
  EXPECT_EQ(node.tunnels[1].paths[0].link.value, "wan");
  EXPECT_EQ(node.tunnels[2].paths[0].link.value, "wan-2");
  EXPECT_EQ(node.find_link("wan-2")->interface, "enp7s7");
}

TEST_F(Convert, ServersTogetherGiveEverybodyWhatOneOfThemGives) {
  const Instance one = flat("1.yaml", server);
  const Instance other = flat(
      "2.yaml", replaced(replaced(replaced(server, "mpq4", "mpq5"), "45004", "45005"), "10.200.4.2/30", "9.0.0.1/7"));
  const auto merged = merge(std::vector{one, other});
  ASSERT_TRUE(merged);
  ASSERT_EQ(merged->server()->clients.size(), 1u);
  std::string owned;
  for (const auto& prefix : merged->server()->clients[0].prefixes) owned += prefix->to_string() + " ";
  EXPECT_EQ(owned, "8.0.0.0/7 10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 ");
}

TEST_F(Convert, FilesThatCantBeOneNodeAreNamed) {
  const Instance one = flat("1.yaml", client);
  EXPECT_EQ(error({one, flat("2.yaml", server)}), "1.yaml and 2.yaml can't be one node: one is a client, one a server");
  EXPECT_EQ(error({one, flat("2.yaml", client + "tls_server_name: other\n")}),
            "1.yaml and 2.yaml can't be one node: their TLS settings differ");
  EXPECT_EQ(error({one, flat("2.yaml", client + "log_level: debug\n")}),
            "1.yaml and 2.yaml can't be one node: their log_level differs");
  const Instance five = flat("5.yaml", client_of("mpq5", "10.200.5.1"));
  EXPECT_EQ(error({one, five}), "none");
  EXPECT_EQ(error({one, five, one}), "1.yaml and 1.yaml can't be one node: both have the tunnel \"mpq4\"");
  EXPECT_EQ(error({one, five, flat("6.yaml", client_of("mpq6", "10.200.5.1"))}),
            "5.yaml and 6.yaml can't be one node: both have the address 10.200.5.1");
}

}  // namespace
}  // namespace mpquic::config
