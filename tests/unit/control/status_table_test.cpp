#include "control/status_table.h"

#include <gtest/gtest.h>

namespace mpquic::control {
namespace {

using namespace std::chrono_literals;

NodeStatus client() {
  NodeStatus node{.instance = "box1", .role = "client", .version = "0.1.0", .pid = 812, .started = 1000, .workers = 1};
  ConnectionStatus connection{.id = 1,
                              .remote_address = "192.0.2.1:45010",
                              .link = "wan5",
                              .state = "up",
                              .rtt_us = 21'340,
                              .loss_ratio_recent = 0.0012,
                              .mtu = 1382};
  TunnelStatus up{.name = "cr5", .state = "up", .mtu = 1380, .link = "wan5", .server = "vps.example.net:45010"};
  up.traffic = {.tx_packets = 10, .tx_bytes = 12'345, .rx_packets = 9, .rx_bytes = 5'400'000'000};
  up.connections = {connection};
  const TunnelStatus down{.name = "df5", .state = "waiting for link", .mtu = 1400, .server = "vps.example.net:45010"};
  node.tunnels = {up, down};
  return node;
}

TEST(StatusTable, ShowsAClientsTunnels) {
  EXPECT_EQ(status_table(client(), 1000 + 11'520),
            "box1: client, mpquic 0.1.0, pid 812, up 3 h 12 min, 1 worker\n"
            "TUNNEL  STATE             REMOTE                 LINK      RTT    LOSS   MTU   SENT  RECEIVED\n"
            "cr5     up                vps.example.net:45010  wan5  21.3 ms  0.12 %  1382  12 kB    5.4 GB\n"
            "df5     waiting for link  vps.example.net:45010  -           -       -  1400    0 B       0 B\n");
}

TEST(StatusTable, ShowsAServersConnectionsUnderTheirTunnel) {
  NodeStatus node{.instance = "vps", .role = "server", .version = "0.1.0", .pid = 9, .started = 0, .workers = 2};
  TunnelStatus tunnel{.name = "mt5", .state = "up", .mtu = 1400};
  tunnel.connections = {
      {.id = 1, .peer = "box1", .remote_address = "198.51.100.7:4711", .state = "up", .rtt_us = 9900, .mtu = 1382},
      {.id = 2, .peer = "box2", .remote_address = "[2001:db8::7]:4711", .state = "up", .rtt_us = 100'000, .mtu = 1280}};
  node.tunnels = {tunnel};
  EXPECT_EQ(status_table(node, 59),
            "vps: server, mpquic 0.1.0, pid 9, up 59 s, 2 workers\n"
            "TUNNEL  STATE  REMOTE              LINK       RTT    LOSS   MTU  SENT  RECEIVED\n"
            "mt5     up     2 connected         -            -       -  1400   0 B       0 B\n"
            "  box1  up     198.51.100.7:4711   -       9.9 ms  0.00 %  1382   0 B       0 B\n"
            "  box2  up     [2001:db8::7]:4711  -     100.0 ms  0.00 %  1280   0 B       0 B\n");
}

TEST(StatusTable, ShowsThePathsOfATunnelOverSeveralLinks) {
  NodeStatus node = client();
  TunnelStatus& tunnel = node.tunnels[0];
  const ConnectionStatus wan5 = tunnel.connections[0];
  ConnectionStatus wan4 = wan5;
  wan4.link = "wan4";
  ConnectionStatus wan6{.link = "wan6", .state = "waiting for link", .detail = "no carrier"};
  tunnel.connections = {wan4, wan5, wan5, wan5, wan6};
  tunnel.connections[0].path = {.health = "works", .in_use = true};
  tunnel.connections[1].path = {.health = "works"};
  tunnel.connections[2].path = {.health = "silent"};
  tunnel.connections[3].state = "connecting";
  tunnel.sessions = {{.id = 1, .policy = "failover", .filled = 12, .repaired = 10, .given_up = 2, .late = 1}};
  node.tunnels.pop_back();
  EXPECT_EQ(status_table(node, 1000 + 11'520),
            "box1: client, mpquic 0.1.0, pid 812, up 3 h 12 min, 1 worker\n"
            "TUNNEL  STATE             REMOTE                 LINK        RTT    LOSS   MTU   SENT  RECEIVED\n"
            "cr5     up                vps.example.net:45010  3 of 5        -       -  1380  12 kB    5.4 GB\n"
            "        in use            192.0.2.1:45010        wan4    21.3 ms  0.12 %  1382    0 B       0 B\n"
            "        standby           192.0.2.1:45010        wan5    21.3 ms  0.12 %  1382    0 B       0 B\n"
            "        silent            192.0.2.1:45010        wan5    21.3 ms  0.12 %  1382    0 B       0 B\n"
            "        connecting        192.0.2.1:45010        wan5    21.3 ms  0.12 %  1382    0 B       0 B\n"
            "        waiting for link  -                      wan6          -       -  1380    0 B       0 B\n"
            "cr5 over wan6: no carrier\n"
            "cr5: failover; 12 missing packets came in time, 10 of them sent again, 2 did not, 1 came late\n");
}

TEST(StatusTable, CountsTheClientsOfAServerNotTheirPaths) {
  NodeStatus node{.role = "server"};
  TunnelStatus tunnel{.name = "mt5"};
  tunnel.connections = {
      {.peer = "box1", .link = "wan4", .session = 7}, {.peer = "box1", .link = "wan5", .session = 7}, {.peer = "box2"}};
  tunnel.sessions = {{.id = 7, .peer = "box1"}};
  node.tunnels = {tunnel};
  EXPECT_NE(status_table(node, 0).find("2 connected"), std::string::npos) << status_table(node, 0);
}

TEST(StatusTable, HasRatesSinceTheEarlierStatus) {
  const NodeStatus before = client();
  NodeStatus now = before;
  now.tunnels[0].traffic.tx_bytes += 250'000;
  now.tunnels[0].traffic.rx_bytes += 25'000'000;
  now.tunnels.push_back({.name = "new"});
  const Earlier earlier{.status = before, .ago = 2s};
  const std::string text = status_table(now, 1000, &earlier);
  EXPECT_NE(text.find("TX          RX    SENT  RECEIVED\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1.0 Mbit/s  100 Mbit/s  262 kB    5.4 GB\n"), std::string::npos) << text;
  EXPECT_NE(text.find("0 bit/s     0 bit/s     0 B       0 B\n"), std::string::npos) << text;
  EXPECT_NE(text.find("-           -     0 B       0 B\n"), std::string::npos) << text;
}

TEST(StatusTable, HasNoRateForACounterThatBeganAnew) {
  const NodeStatus before = client();
  NodeStatus now = before;
  now.tunnels[0].traffic.tx_bytes = 0;
  const Earlier earlier{.status = before, .ago = 1s};
  EXPECT_NE(status_table(now, 1000, &earlier).find("1382        -  0 bit/s"), std::string::npos);
}

TEST(StatusTable, SaysWhyATunnelIsNotUp) {
  NodeStatus node = client();
  node.tunnels[1].detail = "wan6 has no address";
  EXPECT_TRUE(status_table(node, 1000).ends_with("0 B\ndf5: wan6 has no address\n"));
}

TEST(StatusTable, NamesWhatWasDropped) {
  NodeStatus node = client();
  node.total.count(Drop::queue_delay, 12);
  node.total.count(Drop::no_route, 3);
  EXPECT_TRUE(status_table(node, 1000).ends_with("\ndropped: 3 no_route, 12 queue_delay\n"));
}

TEST(StatusTable, DoesNotLetAPeersNameSpeakToTheTerminal) {
  NodeStatus node{.role = "server"};
  TunnelStatus tunnel{.name = "mt5"};
  tunnel.connections = {{.peer = "\033[2Jevil\n\x7f"}};
  node.tunnels = {tunnel};
  const std::string text = status_table(node, 0);
  EXPECT_NE(text.find("?[2Jevil??"), std::string::npos) << text;
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace mpquic::control
