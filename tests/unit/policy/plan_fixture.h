#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "policy/plan.h"

namespace mpquic::policy {

inline packet::Address address(const char* text) { return packet::Address::parse(text).value(); }
inline packet::Prefix prefix(const char* text) { return packet::Prefix::parse(text).value(); }
inline packet::InterfaceAddress interface_address(const char* text) {
  return packet::InterfaceAddress::parse(text).value();
}

/// Node 1 of the machine: tables and priorities from 10064 on, marks from 0x04100000 on.
class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    links_["wan"] = link(2, "192.0.2.0/24");
    links_["wan"].gateway4 = address("192.0.2.1");
    links_["lan"] = link(3, "172.16.0.0/24");
    links_["cr"] = link(4, "10.1.0.0/24");
    links_["df"] = link(5, "10.2.0.0/24");
    client_.links = {{"w", {}, "wan", {}}};
    for (const char* name : {"cr", "df"}) {
      config::ClientTunnel tunnel;
      tunnel.name = name;
      tunnel.addresses = {interface_address("10.1.0.1/24"), interface_address("fd00::1/64")};
      client_.tunnels.push_back(tunnel);
    }
    config::ClassRule rule;
    rule.traffic.interfaces = {std::string("lan")};
    rule.tunnel = std::string("cr");
    client_.classify = {rule};
  }
  static system::LinkState link(unsigned ifindex, const char* network) {
    system::LinkState state;
    state.ifindex = ifindex;
    state.present = state.up = state.carrier = true;
    state.networks = {prefix(network)};
    return state;
  }
  Plan plan() { return plan_of(client_); }
  Plan plan_of(std::variant<config::ClientConfig, config::ServerConfig> node) {
    config::Configuration configuration;
    configuration.node = std::move(node);
    configuration.management = management_;
    return make_plan(configuration,
                     {.slot = slot_,
                      .numbers = numbers_,
                      .link = [this](std::string_view name) { return links_[std::string(name)]; },
                      .interface_with = [this](const packet::Address&) { return holder_; },
                      .vlan_interfaces = [](unsigned, std::string_view) { return std::vector<std::string>(); },
                      .no_vlans = [] { return std::optional<std::string>(); },
                      .has_default_route = [this] { return has_default_route_; },
                      .sysctl = [this](const std::string& name) { return sysctls_[name]; },
                      .lease_gateway = [this](std::string_view, const system::LinkState&) { return leased_; },
                      .up = [this](const std::string& name, const std::string&) { return up_.contains(name); },
                      .handed_out = [this](const std::string& name) { return handed_out_[name]; }});
  }
  /// The routes to everywhere of a table, for IPv4: "METRIC:IFINDEX".
  std::vector<std::string> ways(std::uint32_t table) {
    std::vector<std::string> found;
    for (const auto& route : plan().routing.routes) {
      if (route.table != table || route.destination != prefix("0.0.0.0/0")) continue;
      found.push_back(std::to_string(route.metric) + ":" + std::to_string(route.ifindex));
    }
    return found;
  }

  system::KernelSlot slot_{1, "box"};
  Numbers numbers_;
  config::ClientConfig client_;
  std::optional<config::Management> management_;
  std::map<std::string, system::LinkState> links_;
  bool has_default_route_ = true;
  std::map<std::string, std::string> sysctls_;
  std::optional<packet::Address> leased_;
  std::string holder_;  ///< the interface that has any address asked for
  std::set<std::string> up_;
  std::map<std::string, HandedOut> handed_out_;
};

}  // namespace mpquic::policy
