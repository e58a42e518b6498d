#include "config/loading.h"

namespace mpquic::config {
namespace {

using Ownership = Loading;

const std::string one_tunnel = "tunnels: {mt: {address: [10.0.1.254/24, 'fd00::1/64']}}\n";  // line 4

const ServerConfig& server_of(const Configuration& loaded) { return *loaded.server(); }

std::vector<std::string> texts(const auto& prefixes) {
  std::vector<std::string> all;
  for (const auto& one : prefixes) all.push_back(static_cast<const packet::Prefix&>(one).to_string());
  return all;
}

TEST_F(Ownership, ThePoolAndTheRoutesAreTheNetworksOfTheTunnel) {
  const Configuration loaded = good(server_start + one_tunnel + "clients: {box1: {}}\n");
  const ServerTunnel& tunnel = server_of(loaded).tunnels[0];
  EXPECT_EQ(texts(tunnel.pool), (Lines{"10.0.1.0/24", "fd00::/64"}));
  EXPECT_EQ(texts(tunnel.routes), (Lines{"10.0.1.0/24", "fd00::/64"}));
}

TEST_F(Ownership, WhatLeadsOutLeadsEverywhere) {
  const std::string rest = "clients: {box1: {}}\negress: {interface: eth0}\n";
  const Configuration both = good(server_start + one_tunnel + rest);
  EXPECT_EQ(texts(server_of(both).tunnels[0].routes), (Lines{"0.0.0.0/0", "::/0"}));
  const Configuration ipv4 = good(server_start + "tunnels: {mt: {address: 10.0.1.254/24}}\n" + rest);
  EXPECT_EQ(texts(server_of(ipv4).tunnels[0].routes), Lines{"0.0.0.0/0"});
}

TEST_F(Ownership, WhatTheFileSaysOfPoolAndRoutesHolds) {
  const Configuration loaded =
      good(server_start +
           "tunnels: {mt: {address: 10.0.1.254/24, pool: [10.0.1.128/26, 10.0.1.64/27], routes: [10.2.0.0/16, "
           "172.16.0.0/12, "
           "10.0.0.0/8]}}\nclients: {box1: {}}\negress: {interface: eth0}\nstate: run\nbetween_clients: true\n");
  const ServerTunnel& tunnel = server_of(loaded).tunnels[0];
  EXPECT_EQ(texts(tunnel.pool), (Lines{"10.0.1.128/26", "10.0.1.64/27"}));
  EXPECT_EQ(texts(tunnel.routes), (Lines{"10.0.0.0/8", "172.16.0.0/12"})) << "what lies in another goes without saying";
  EXPECT_EQ(server_of(loaded).state, folder_ / "run");
  EXPECT_TRUE(server_of(loaded).between_clients);
}

TEST_F(Ownership, AServerMaySpeakOneProtocolAloneAndThenH3TakesNoIpv4) {
  const Configuration loaded = good(server_start +
                                    "alpn: mpquic-ip\ntunnels:\n"
                                    "  a: {address: 10.0.1.1/24}\n"
                                    "  b: {address: 'fd00::1/64', alpn: h3, listen: 0.0.0.0:2}\n"
                                    "  c: {address: 10.0.3.1/24, alpn: [mpquic-ip, h3], listen: 0.0.0.0:3}\n"
                                    "clients: {box1: {}}\n");
  const auto& tunnels = server_of(loaded).tunnels;
  EXPECT_EQ(tunnels[0].alpns, std::vector{Alpn::mpquic_ip});
  EXPECT_EQ(tunnels[1].alpns, std::vector{Alpn::h3});
  EXPECT_EQ(tunnels[2].alpns, (std::vector{Alpn::mpquic_ip, Alpn::h3})) << "in the order of the file";
  EXPECT_EQ(errors(server_start + "tunnels: {b: {address: 'fd00::1/64'}}\nclients: {box1: {}}\n"),
            Lines{"4:24: tunnel \"b\" has no IPv4 address, by which mpquic-ip tells clients and tunnels apart"});
}

TEST_F(Ownership, AFixedAddressIsOwned) {
  const Configuration loaded = good(server_start + one_tunnel +
                                    "clients: {box1: {addresses: [10.0.1.7, 'fd00::7'], prefixes: 172.16.0.0/24}}\n");
  EXPECT_EQ(texts(server_of(loaded).clients[0].owned()), (Lines{"172.16.0.0/24", "10.0.1.7/32", "fd00::7/128"}));
  EXPECT_EQ(warnings(server_start + one_tunnel + "clients: {a: {prefixes: 10.0.1.0/28, addresses: 10.0.1.7}}\n"),
            Lines{});
  EXPECT_EQ(warnings(server_start + one_tunnel + "clients: {a: {addresses: 10.0.1.7, prefixes: 10.0.1.0/28}}\n"),
            Lines{});
}

TEST_F(Ownership, EachMistakeIsNamedWhereItStands) {
  const std::string two_tunnels = "tunnels: {a: {address: 10.0.1.254/24}, b: {address: 10.0.2.254/24}}\n";
  const std::string nowhere = " lies in no network of a tunnel that the client may use";
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {"tunnels: {a: {address: 10.0.1.254/24, pool: [10.0.1.0/25, 10.0.0.0/16]}}\nclients: {x: {}}\n",
       {"4:59: pool: 10.0.0.0/16 lies in no network of tunnel \"a\""}},
      {"tunnels: {a: {address: 10.0.1.254/24, pool: 'fd00::/64'}}\nclients: {x: {}}\n",
       {"4:45: pool: fd00::/64 lies in no network of tunnel \"a\""}},
      {two_tunnels + "clients: {x: {tunnels: a, addresses: [10.0.1.1, 10.0.2.1]}}\n",
       {"5:49: addresses: 10.0.2.1" + nowhere}},
      {two_tunnels + "clients: {x: {addresses: 192.0.2.1}}\n", {"5:26: addresses: 192.0.2.1" + nowhere}},
      {two_tunnels + "clients: {x: {addresses: [10.0.2.0, 10.0.2.255, 10.0.2.254]}}\n",
       {"5:27: addresses: 10.0.2.0 is none of a host in 10.0.2.0/24",
        "5:37: addresses: 10.0.2.255 is none of a host in 10.0.2.0/24",
        "5:49: addresses: 10.0.2.254 is the server's own"}},
      {two_tunnels + "clients: {x: {addresses: [10.0.1.7, 10.0.1.7]}}\n", {"5:37: address 10.0.1.7 is doubled"}},
      {two_tunnels + "clients: {x: {addresses: 10.0.1.7}, y: {addresses: 10.0.1.7}}\n",
       {"5:52: address 10.0.1.7 of client \"y\" overlaps 10.0.1.7/32 of client \"x\" (line 5, column 26)"}},
      {two_tunnels + "clients: {x: {prefixes: 10.0.1.0/28}, y: {addresses: 10.0.1.7}}\n",
       {"5:54: address 10.0.1.7 of client \"y\" overlaps 10.0.1.0/28 of client \"x\" (line 5, column 25)"}},
      {two_tunnels + "clients: {'*': {addresses: 10.0.1.7}}\n",
       {"5:28: addresses: 10.0.1.7 is for one client, and \"*\" stands for many"}},
      {"alpn: mpquic-ip\n" + two_tunnels + "clients: {x: {}, y: {addresses: 10.0.1.7}}\n",
       {"6:11: client \"x\" owns nothing: over mpquic-ip it needs prefixes"}},
      {"tunnels: {a: {address: 10.0.1.254/24, listen: 0.0.0.0:1, alpn: mpquic-ip}, b: {address: 10.0.2.254/24}}\n"
       "clients: {x: {tunnels: a}, y: {tunnels: b}}\n",
       {"5:11: client \"x\" owns nothing: over mpquic-ip it needs prefixes"}},
      {two_tunnels + "clients: {x: {addresses: 10.0.1.0/24}}\n", {"5:26: addresses: \"10.0.1.0/24\" is no IP address"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(server_start + row.text), row.errors) << row.text;
}

}  // namespace
}  // namespace mpquic::config
