#include "system/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cerrno>
#include <vector>

#include "system/netlink.h"

namespace mpquic::system {
namespace {

constexpr std::uint16_t message_type(unsigned message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

struct Connection {
  std::uint8_t family = 0;
  std::uint32_t mark = 0;
  std::vector<std::uint8_t> tuple;  ///< of its first packet, as the kernel spells it
};

std::optional<Connection> parse_connection(const Message& message) {
  const auto header = message.header<nfgenmsg>();
  if (!header) return std::nullopt;
  const Attributes attributes = Attributes::of(message, sizeof *header);
  const auto mark = attributes.u32(CTA_MARK);
  const auto tuple = attributes.bytes(CTA_TUPLE_ORIG);
  if (!mark || !tuple) return std::nullopt;
  return Connection{header->nfgen_family, ntohl(*mark), {tuple->begin(), tuple->end()}};
}

}  // namespace

Result<void> clear_connection_marks(std::uint32_t first, std::uint32_t last, std::uint32_t mask) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return std::unexpected(socket.error());
  const auto connections =
      socket->dump(Request("list connections", message_type(IPCTNL_MSG_CT_GET), 0, nfgenmsg{.nfgen_family = AF_UNSPEC}),
                   parse_connection);
  if (!connections) return std::unexpected(connections.error());
  for (const Connection& one : *connections) {
    const std::uint32_t mark = one.mark & mask;
    if (mark < first || mark > last) continue;
    Request change("change the mark of a connection", message_type(IPCTNL_MSG_CT_NEW), 0,
                   nfgenmsg{.nfgen_family = one.family});
    change.put_bytes(CTA_TUPLE_ORIG | NLA_F_NESTED, one.tuple);
    change.put_u32(CTA_MARK, 0).put_u32(CTA_MARK_MASK, htonl(mask));
    if (auto done = socket->apply(std::move(change), ENOENT); !done) return done;  // ended meanwhile
  }
  return {};
}

}  // namespace mpquic::system
