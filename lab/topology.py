"""The networks that everything else is tried in.

Addresses, the same in every lab since each has namespaces of its own. i counts links from 1:

    LAN           192.168.77.0/24     fd00:77::/64      host .2, box .1
    link i        10.60.i.0/24        fd00:60:i::/64    box .2, provider .1
    link i, NAT   100.64.i.0/24       fd00:64:i::/64    box .2, router .1; the router has .2 of link i's own subnet
    server        203.0.113.1         2001:db8:113::1   on lo, reached over every link
    internet      198.51.100.0/24     2001:db8:51::/64  host .2, server .1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .lab import Lab
from .link import Link, LinkSpec
from .nat import Nat
from .node import Node

SERVER_V4 = "203.0.113.1"
SERVER_V6 = "2001:db8:113::1"
INTERNET_V4 = "198.51.100.2"
INTERNET_V6 = "2001:db8:51::2"
LAN_V4 = "192.168.77.2"
LAN_V6 = "fd00:77::2"

# Rules and tables of the box's links. What the program under test sets up should lie elsewhere.
_TABLES = 1000
_PRIORITIES = 20000


@dataclass(frozen=True)
class Wan:
    """A link of the box as the box sees it. Its interface, `link.name` and `name` are the same word."""

    name: str
    link: Link
    address_v4: str
    gateway_v4: str
    address_v6: str
    gateway_v6: str
    nat: Nat | None = None


@dataclass
class Pair:
    """
    client ---- link ---- server
      wan                  wan
    """

    client: Node
    server: Node
    link: Link
    client_v4: str = "10.60.1.2"
    client_v6: str = "fd00:60:1::2"
    server_v4: str = "10.60.1.1"
    server_v6: str = "fd00:60:1::1"


def pair(lab: Lab, spec: LinkSpec | None = None) -> Pair:
    client, server = lab.node("client"), lab.node("server")
    made = Pair(client, server, Link(lab, "wan", (client, "wan"), (server, "wan"), spec or LinkSpec()))
    client.add_addresses("wan", f"{made.client_v4}/24", f"{made.client_v6}/64")
    server.add_addresses("wan", f"{made.server_v4}/24", f"{made.server_v6}/64")
    return made


@dataclass
class Box:
    """
                    +-- wan1 ---- link ---- wan1 --+
    lan ---- lan0  box                             server  inet0 ---- internet
                    +-- wan2 - link - NAT - wan2 --+  lo: the public address
    """

    lan: Node
    box: Node
    server: Node
    internet: Node
    wans: list[Wan] = field(default_factory=list)

    def __getitem__(self, name: str) -> Wan:
        return next(wan for wan in self.wans if wan.name == name)


def box(lab: Lab, links: Sequence[LinkSpec]) -> Box:
    """A box with a link for each spec, named wan1, wan2 ... A socket bound to one of these interfaces or to its address
    goes out by it; all else takes the first link that is there. The internet knows no way to the LAN but a tunnel."""
    net = Box(lab.node("lan"), lab.node("box"), lab.node("server"), lab.node("internet"))
    net.box.forward()
    net.server.forward()

    lab.veth(net.lan, "lan0", net.box, "lan0")
    net.lan.add_addresses("lan0", f"{LAN_V4}/24", f"{LAN_V6}/64")
    net.box.add_addresses("lan0", "192.168.77.1/24", "fd00:77::1/64")
    _default_routes(net.lan, "lan0", "192.168.77.1", "fd00:77::1")

    net.server.add_addresses("lo", f"{SERVER_V4}/32", f"{SERVER_V6}/128")
    lab.veth(net.server, "inet0", net.internet, "inet0")
    net.server.add_addresses("inet0", "198.51.100.1/24", "2001:db8:51::1/64")
    net.internet.add_addresses("inet0", f"{INTERNET_V4}/24", f"{INTERNET_V6}/64")
    _default_routes(net.internet, "inet0", "198.51.100.1", "2001:db8:51::1")

    for number, spec in enumerate(links, start=1):
        net.wans.append(_connect(lab, net, number, spec))
    return net


def _connect(lab: Lab, net: Box, number: int, spec: LinkSpec) -> Wan:
    name = f"wan{number}"
    v4, v6 = (f"100.64.{number}", f"fd00:64:{number}:") if spec.nat else (f"10.60.{number}", f"fd00:60:{number}:")
    provider = lab.node(f"router{number}") if spec.nat else net.server
    end = "inside" if spec.nat else name
    link = Link(lab, name, (net.box, name), (provider, end), spec)
    net.box.add_addresses(name, f"{v4}.2/24", f"{v6}:2/64")
    if spec.nat:
        provider.add_addresses(end, f"{v4}.1/24", f"{v6}:1/64")
    else:
        _face_link(net.server, number)
    nat = _make_nat(lab, net, provider, number) if spec.nat else None
    _route_by_link(net.box, number, name, v4, v6)
    return Wan(name, link, f"{v4}.2", f"{v4}.1", f"{v6}:2", f"{v6}:1", nat)


def _make_nat(lab: Lab, net: Box, router: Node, number: int) -> Nat:
    lab.veth(router, "outside", net.server, f"wan{number}")
    router.forward()
    router.add_addresses("outside", f"10.60.{number}.2/24", f"fd00:60:{number}::2/64")
    _face_link(net.server, number)
    _default_routes(router, "outside", f"10.60.{number}.1", f"fd00:60:{number}::1")
    return Nat(router, "outside")


def _face_link(server: Node, number: int) -> None:
    """Towards its links the server speaks with its public address, unless a program binds another."""
    interface = f"wan{number}"
    for family, subnet, address, public in (
        ("-4", f"10.60.{number}.0/24", f"10.60.{number}.1/24", SERVER_V4),
        ("-6", f"fd00:60:{number}::/64", f"fd00:60:{number}::1/64", SERVER_V6),
    ):
        server.ip(f"{family} address add {address} dev {interface} noprefixroute")
        server.ip(f"{family} route add {subnet} dev {interface} src {public}")


def _default_routes(node: Node, interface: str, gateway_v4: str, gateway_v6: str, rest: str = "") -> None:
    node.ip(f"-4 route add default via {gateway_v4} dev {interface} {rest}")
    node.ip(f"-6 route add default via {gateway_v6} dev {interface} {rest}")


def _route_by_link(box_node: Node, number: int, interface: str, v4: str, v6: str) -> None:
    table, priority = _TABLES + number, _PRIORITIES + number
    _default_routes(box_node, interface, f"{v4}.1", f"{v6}:1", f"metric {100 + number}")
    _default_routes(box_node, interface, f"{v4}.1", f"{v6}:1", f"table {table}")
    for family, address in (("-4", f"{v4}.2"), ("-6", f"{v6}:2")):
        box_node.ip(f"{family} rule add priority {priority} oif {interface} lookup {table}")
        box_node.ip(f"{family} rule add priority {priority} from {address} lookup {table}")
