#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "certs/inspect.h"
#include "certs/revocations.h"
#include "config/model.h"
#include "control/status.h"
#include "packet/socket_address.h"
#include "policy/plan.h"
#include "system/kernel_slot.h"
#include "system/link_table.h"
#include "system/process_holder.h"
#include "system/rtnetlink.h"

namespace mpquic::doctor {

// What was seen of the machine, as plain values: examine() judges it without looking at anything else.

/// What a link let through to a server and back (quic::VersionProbe). Sizes are bytes of UDP payload.
struct ProbedPath {
  enum class Outcome : std::uint8_t {
    answered,     ///< to one of the sizes at least
    refused,      ///< ICMP: nobody listens on that port
    unreachable,  ///< ICMP says so otherwise, or the kernel knows no way
    forbidden,    ///< this machine's own firewall would not let it out
    silent,
  };

  std::string link;
  std::string interface;
  packet::SocketAddress server;
  Outcome outcome = Outcome::silent;
  std::string detail;  ///< of unreachable: who says what
  Duration round_trip{};
  std::vector<std::size_t> answered;      ///< ascending
  std::vector<std::size_t> silent;        ///< sent and not answered, ascending
  std::optional<unsigned> announced_mtu;  ///< of the path, bytes of IP packet, said by ICMP
  bool small_answered = false;            ///< a packet of 100 bytes was
};

/// What a server's name turned out to be when it was asked for over a link.
struct ServerName {
  std::string link;
  std::string host;
  Result<std::vector<packet::Address>> addresses;  ///< in the order in which a tunnel tries them
};

/// Whether an address can be listened on.
struct ListenAddress {
  packet::SocketAddress address;
  int error = 0;  ///< errno of bind(2)
  std::optional<system::Holder> holder;
};

/// A certificate that the configuration names, with its key if it is our own.
struct CertificateFacts {
  enum class Role : std::uint8_t { authority, client, server };

  Role role = Role::authority;
  Result<certs::CertificateFile> file;
  Result<void> pair;                          ///< the key belongs to it
  std::optional<certs::Signature> signature;  ///< by the authorities of this configuration
  std::filesystem::path authorities;          ///< that it was held against
};

/// The revocation lists that a server's configuration names.
struct RevocationFacts {
  Result<certs::RevocationFile> file;
  Result<void> is_signed;  ///< by the authorities of this configuration
};

struct KernelAbilities {
  int tun_error = 0;                ///< errno of opening /dev/net/tun
  bool udp_segmentation = true;     ///< UDP_SEGMENT
  std::size_t receive_buffer = 0;   ///< bytes that a UDP socket of ours was granted; 0: not tried
  std::optional<bool> time_synced;  ///< nothing: the kernel does not say
};

struct Observations {
  std::chrono::system_clock::time_point now;
  std::vector<std::string> unseen;  ///< what could not be looked at, and why: a line each

  std::optional<control::NodeStatus> node;  ///< nothing: no node of this configuration runs, or it can't be asked
  bool node_unknown = false;                ///< it can't be asked

  system::LinkTable links;
  std::vector<std::string> uplinks;                            ///< interfaces with a default route
  std::map<std::string, packet::Address, std::less<>> leases;  ///< gateways that DHCP names, by interface
  std::map<std::string, std::string, std::less<>> sysctls;     ///< by the name with slashes

  system::KernelSlot slot{0, {}};
  policy::Numbers numbers;              ///< of the node's destinations, as they stand in its nftable
  std::vector<std::string> tables;      ///< names of the nftables of family inet
  std::optional<std::string> nftables;  ///< all of them as JSON; nothing: not seen
  bool legacy_iptables = false;         ///< there are such tables, which nobody here can read
  policy::Plan plan;                    ///< what the node wants of the kernel as it is
  std::vector<system::RuleMessage> rules;
  std::vector<system::RouteMessage> default_routes;
  std::vector<system::RouteMessage> our_routes;  ///< with our protocol number

  std::vector<ServerName> names;
  std::vector<ProbedPath> paths;
  std::vector<ListenAddress> listens;
  std::vector<CertificateFacts> certificates;
  std::optional<RevocationFacts> revocations;
  std::optional<Result<void>> token;  ///< whether the client's can be used
  KernelAbilities kernel;

  /// Where a path may lead: one address, or those of the server's name as far as it has any.
  std::vector<packet::SocketAddress> servers_of(const config::Path& path) const;
  std::string sysctl(std::string_view wanted) const {
    const auto found = sysctls.find(wanted);
    return found == sysctls.end() ? std::string() : found->second;
  }
};

}  // namespace mpquic::doctor
