"""A carrier's NAT: a router that masquerades, and can be made to forget."""

from __future__ import annotations

from .node import Node

_RULES = """
table inet carrier
delete table inet carrier
table inet carrier {{
    chain out {{
        type nat hook postrouting priority srcnat
        oifname "{interface}" meta l4proto {{ tcp, udp }} masquerade to :{first}-{last}
        oifname "{interface}" masquerade
    }}
}}
"""

# A netlink message to conntrack: IPCTNL_MSG_CT_DELETE without a tuple deletes every entry.
_FLUSH = """
import socket, struct
DELETE, REQUEST, ACK, CTNETLINK = 2, 1, 4, 1
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
    netlink.bind((0, 0))
    message = struct.pack("=IHHIIBBH", 20, CTNETLINK << 8 | DELETE, REQUEST | ACK, 1, 0, socket.AF_UNSPEC, 0, 0)
    netlink.send(message)
    error, = struct.unpack_from("=i", netlink.recv(4096), 16)
print(error)
"""

_PORTS = ((20000, 29999), (30000, 39999))


class Nat:
    """Masquerades what leaves `router` by `interface`, IPv4 and IPv6."""

    def __init__(self, router: Node, interface: str) -> None:
        self.router = router
        self.interface = interface
        self._rebound = 0
        self._load()

    @property
    def ports(self) -> tuple[int, int]:
        """First and last source port that the outside sees at present."""
        return _PORTS[self._rebound % 2]

    def rebind(self) -> None:
        """Every mapping is forgotten, and the next packet of a flow gets a port it has not had just before."""
        self._rebound += 1
        self._load()
        self.forget()

    def forget(self) -> None:
        """Every mapping is forgotten, as after a restart: packets from outside find no way in any more."""
        error = int(self.router.python(_FLUSH))
        if error:
            raise OSError(-error, "the kernel would not delete its connection table")

    def _load(self) -> None:
        first, last = self.ports
        self.router.run(["nft", "-f", "-"], text=_RULES.format(interface=self.interface, first=first, last=last))
