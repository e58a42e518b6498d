#include "control/status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mpquic::control {
namespace {

using nlohmann::json;

NodeStatus server() {
  NodeStatus node{
      .instance = "vps", .role = "server", .version = "1.2", .pid = 812, .started = 1'790'000'000, .workers = 4};
  ConnectionStatus connection{.id = 7, .peer = "box1", .remote_address = "198.51.100.7:4711", .state = "up"};
  connection.rtt_us = 21'300;
  connection.loss_ratio_recent = 0.0125;
  connection.traffic = {.tx_packets = 1, .tx_bytes = 2, .rx_packets = 3, .rx_bytes = 1ULL << 60};
  connection.drops.count(Drop::queue_delay, 5);
  TunnelStatus tunnel{
      .name = "mt5", .state = "up", .traffic_class = "bulk", .addresses = {"10.200.15.254/24"}, .mtu = 1400};
  connection.session = 8;
  connection.path = {.priority = 2, .metered = true, .health = "silent", .bit_rate = 40'000'000, .silences = 3};
  tunnel.connections = {connection, {.id = 9}};
  tunnel.sessions = {{.id = 8, .peer = "box1", .policy = "bonded", .repaired = 6}};
  tunnel.routes = {
      {.prefix = "10.200.15.1/32", .peer = "box1", .kind = "registered", .age_seconds = 9, .connection = 7}};
  node.tunnels = {tunnel};
  node.total.count(Drop::no_route, 3);
  return node;
}

TEST(Status, ComesBackFromItsTextAsItWas) {
  const auto back = parse_status(to_text(server()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(json(*back), json(server()));
  EXPECT_EQ(back->tunnels.at(0).connections.at(0).traffic.rx_bytes, 1ULL << 60);
  EXPECT_EQ(back->total[Drop::no_route], 3U);
  EXPECT_FALSE(back->tunnels.at(0).connections.at(1).path);
}

TEST(Status, HasTheDocumentedNames) {
  const json node = server();
  EXPECT_EQ(node["instance"], "vps");
  EXPECT_EQ(node["started"], 1'790'000'000);
  const json& tunnel = node["tunnels"][0];
  EXPECT_EQ(tunnel["class"], "bulk");
  EXPECT_EQ(tunnel["addresses"], json::array({"10.200.15.254/24"}));
  EXPECT_EQ(tunnel["tx_bytes"], 0);
  EXPECT_EQ(tunnel["routes"][0]["kind"], "registered");
  const json& connection = tunnel["connections"][0];
  EXPECT_EQ(connection["peer"], "box1");
  EXPECT_EQ(connection["rtt_us"], 21'300);
  EXPECT_EQ(connection["rx_packets"], 3);
  EXPECT_EQ(connection["session"], 8);
  EXPECT_EQ(connection["path"]["priority"], 2);
  EXPECT_EQ(connection["path"]["metered"], true);
  EXPECT_EQ(connection["path"]["health"], "silent");
  EXPECT_EQ(connection["path"]["bit_rate"], 40'000'000);
  EXPECT_FALSE(tunnel["connections"][1].contains("path"));
  EXPECT_EQ(tunnel["sessions"][0]["policy"], "bonded");
  EXPECT_EQ(tunnel["sessions"][0]["repaired"], 6);
}

TEST(Status, NamesEveryReasonForADropEvenWhenThereWasNone) {
  const json node = server();
  EXPECT_EQ(node["drops"].size(), drop_count);
  EXPECT_EQ(node["drops"]["no_route"], 3);
  EXPECT_EQ(node["drops"]["bad_token"], 0);
  EXPECT_EQ(node["tunnels"][0]["connections"][0]["drops"]["queue_delay"], 5);
}

TEST(Status, IsOneLineWhateverItsNamesAre) {
  NodeStatus node;
  node.instance = "two\nlines and \xff no UTF-8";
  const std::string text = to_text(node);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_TRUE(parse_status(text));
}

TEST(Status, OfANewerVersionIsReadAsFarAsItIsKnown) {
  const auto status = parse_status(R"({"instance": "box", "shiny": [1], "drops": {"gremlins": 4, "no_route": 1},
                                       "tunnels": [{"name": "mt5", "mtu": null}]})");
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->instance, "box");
  EXPECT_EQ(status->total[Drop::no_route], 1U);
  EXPECT_EQ(status->tunnels.at(0).name, "mt5");
  EXPECT_EQ(status->workers, 0U);
}

TEST(Status, ThatIsNoneIsAnError) {
  for (const char* text : {"", "status", "[]", "7", R"({"tunnels": 7})", R"({"pid": "many"})", R"({"error": 7})"}) {
    EXPECT_FALSE(parse_status(text)) << text;
  }
  EXPECT_EQ(parse_status(R"({"error": "no such thing"})").error().message, "no such thing");
}

}  // namespace
}  // namespace mpquic::control
