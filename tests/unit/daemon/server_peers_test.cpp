#include "daemon/server_peers.h"

#include <gtest/gtest.h>

namespace mpquic::daemon {
namespace {

packet::Prefix prefix(const char* text) { return packet::Prefix::parse(text).value(); }
packet::Address address(const char* text) { return packet::Address::parse(text).value(); }

TEST(ServerPeers, OwnTheirPrefixesAndTheirAddresses) {
  config::ServerConfig server;
  for (const char* name : {"a", "b"}) server.tunnels.emplace_back().name = name;
  config::Client box{
      .name = "box", .place = {}, .tunnels = std::vector<config::Located<std::string>>{std::string("b")}};
  box.prefixes = {prefix("172.16.0.0/24")};
  box.addresses = {address("10.0.0.7")};
  server.clients = {box, {.name = "*", .place = {}, .tunnels = {}, .prefixes = {prefix("10.0.1.0/24")}}};
  const auto peers = peers_of(server);
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[0].prefixes, (std::vector{prefix("172.16.0.0/24"), prefix("10.0.0.7/32")}));
  EXPECT_EQ(peers[0].addresses, std::vector{address("10.0.0.7")});
  EXPECT_EQ(peers[0].tunnels, std::set<std::string>{"b"});
  EXPECT_EQ(peers[1].name, peers::Directory::anyone);
  EXPECT_EQ(peers[1].tunnels, (std::set<std::string>{"a", "b"}));
}

TEST(ServerPeers, AddressesAreGivenByTunnelsThatSpeakH3) {
  config::ServerConfig server;
  for (const char* name : {"old", "new"}) {
    auto& tunnel = server.tunnels.emplace_back();
    tunnel.name = name;
    tunnel.addresses = {packet::InterfaceAddress::parse("10.0.0.1/24").value()};
    tunnel.pool = {prefix("10.0.0.128/25")};
  }
  server.tunnels[0].alpns = {config::Alpn::mpquic_ip};
  const auto pools = pools_of(server);
  ASSERT_EQ(pools.size(), 1u);
  EXPECT_EQ(pools.at("new").own.front().to_string(), "10.0.0.1/24");
  EXPECT_EQ(pools.at("new").prefixes, std::vector{prefix("10.0.0.128/25")});
}

}  // namespace
}  // namespace mpquic::daemon
