#include "config/device_reader.h"

#include "config/values.h"

namespace mpquic::config {
namespace {

/// Nothing: by DHCP.
Result<std::optional<packet::InterfaceAddress>> parse_address_or_dhcp(std::string_view text) {
  if (text == "dhcp") return std::nullopt;
  return parse_tunnel_address(text);
}

}  // namespace

void read_device(Fields& fields, std::string& interface, std::optional<Vlan>& vlan) {
  std::optional<Located<unsigned>> id;
  if (fields.has("vlan")) fields.require("interface");
  fields.read("interface", interface, parse_interface);
  fields.read("vlan", id, parse_vlan);
  if (!id || interface.empty()) return;
  if (id->value == 0) return interface.clear();  // could not be read, so neither is known which interface it is
  vlan = Vlan{interface, id->value};
  interface = vlan->device();
  if (!parse_interface(interface)) {
    fields.problems().error(id->place, "the VLAN's interface would be named {}, and names have 1 to 15 characters",
                            in_quotes(interface));
  }
}

std::vector<Lan> read_lans(Fields& top) {
  std::vector<Lan> lans;
  for (const Entry& entry : top.read_named("lans")) {
    Lan lan{entry.key, entry.place, {}, {}, {}};
    if (const auto valid = parse_name(entry.key); !valid)
      top.problems().error(entry.place, "{}", valid.error().message);
    Fields fields(entry.value, entry.place, "lan " + in_quotes(entry.key), top.problems());
    fields.require("interface");
    read_device(fields, lan.interface, lan.vlan);
    fields.read_list("address", lan.addresses, parse_tunnel_address);
    fields.finish();
    lans.push_back(std::move(lan));
  }
  return lans;
}

std::optional<Management> read_management(Fields& top) {
  const Entry* entry = top.read_map("management");
  if (entry == nullptr) return std::nullopt;
  Management management;
  management.place = entry->place;
  Fields fields(entry->value, entry->place, "management", top.problems());
  fields.require("interface");
  read_device(fields, management.interface, management.vlan);
  std::vector<Located<std::optional<packet::InterfaceAddress>>> addresses;
  fields.require("address");
  fields.read_list("address", addresses, parse_address_or_dhcp);
  for (const auto& [address, place] : addresses) {
    if (address) management.addresses.emplace_back(*address, place);
    if (!address && addresses.size() > 1) fields.problems().error(place, "address: either dhcp or addresses, not both");
  }
  fields.read("gateway", management.gateway, parse_host);
  if (management.gateway && management.addresses.empty()) {
    fields.problems().error(management.gateway->place, "a gateway goes with an address and the length of its network");
  }
  fields.finish();
  return management;
}

}  // namespace mpquic::config
