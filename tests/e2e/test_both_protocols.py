"""mpquic-ip and h3 side by side: one port, one tunnel network, two boxes of each kind. What each may do there is the same.

    old1 (box1) ---- wan --+
    old2 (box2) ---- wan --+-- wire ---- server       mt: 10.200.15.254/24, fd00:200:15::254/64
    new1 (box3) ---- wan --+
    new2 (box4) ---- wan --+

The old ones have 10.200.15.1 and .2 in their files, the new ones are handed out what is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pytest

from attacker import capture, counted
from lab import Lab, Node
from native import Counter, Street, answers, connection_of, given, names, reaches, undisturbed
from nodes import (
    INNER_SERVER_V4, INNER_SERVER_V6, PORT, Authority, Configuration, Mpquic, Testbed, client_configuration, until,
)  # fmt: skip
from traffic import exchange_tcp

OLD = {"old1": 1, "old2": 2}
NEW = {"new1": 3, "new2": 4}
PAIRS = list(permutations((*OLD, *NEW), 2))
by_kind = pytest.mark.parametrize("sender", ["old1", "new1"])
both_families = pytest.mark.parametrize("family", [4, 6])
SERVER = {4: INNER_SERVER_V4, 6: INNER_SERVER_V6}


@dataclass
class Town:
    street: Street
    server: Mpquic
    clients: dict[str, Mpquic] = field(default_factory=dict)
    addresses: dict[str, dict[int, str]] = field(default_factory=dict)

    def node(self, name: str) -> Node:
        return self.clients[name].node


def clients_of_the_server() -> dict[str, Any]:
    """LANs too: 172.16.N.0/24 is behind the box N."""
    old = {name: [f"10.200.15.{n}", f"fd00:200:15::{n}", f"172.16.{n}.0/24"] for name, n in OLD.items()}
    return {**old, **{name: [f"172.16.{n}.0/24"] for name, n in NEW.items()}}


def town_file(street: Street, **top: Any) -> Configuration:
    return street.server_file(clients_of_the_server(), workers=2, **top)


def build(testbed: Testbed, **top: Any) -> Town:
    street = Street(testbed, 4)
    town = Town(street, testbed.run(street.server_node, town_file(street, **top)))
    for name, number in OLD.items():
        configuration = client_configuration(
            testbed.authority, name, f"10.60.0.254:{PORT}",
            {"cr": [f"10.200.15.{number}/24", f"fd00:200:15::{number}/64"]},
        )  # fmt: skip
        town.clients[name] = testbed.run(street.box(number), configuration)
    for name, number in NEW.items():
        town.clients[name] = testbed.run(street.box(number), street.client_file(name))
    for name, client in town.clients.items():
        client.wait_until_up()
        v4, v6 = given(client)
        town.addresses[name] = {4: v4, 6: v6}
    until(lambda: names(town.server.tunnel()["connections"]) == set(town.clients), 3, "all are registered")
    return town


@pytest.fixture(scope="module")
def town(authority: Authority) -> Iterator[Town]:
    """Nobody may reach another."""
    with Lab() as lab:
        testbed = Testbed(lab, authority)
        yield build(testbed)
        testbed.stop()


@contextmanager
def one_more_address(node: Node, address: str) -> Iterator[None]:
    """On the tunnel's device, for packets that only pretend to be from there."""
    length = 128 if ":" in address else 32
    node.add_addresses("cr", f"{address}/{length}")
    yield
    node.ip(f"address del {address}/{length} dev cr")


def test_each_has_an_address_of_its_own_and_speaks_with_the_server(town: Town) -> None:
    everybody = [address for each in town.addresses.values() for address in each.values()]
    assert len(set(everybody)) == 8
    for name in town.clients:
        assert reaches(town.node(name), INNER_SERVER_V4, INNER_SERVER_V6), name
    assert reaches(town.server.node, *everybody)
    ports = {connection["local_address"] for connection in town.server.tunnel()["connections"]}
    assert ports == {f"10.60.0.254:{PORT}"}


@both_families
@pytest.mark.parametrize(("sender", "target"), [pair for pair in PAIRS if pair[0][-1] == "1"])
def test_one_client_does_not_reach_another(town: Town, sender: str, target: str, family: int) -> None:
    address = town.addresses[target][family]
    arrived = Counter(town.node(target), "arrived", "iifname cr meta l4proto { icmp, icmpv6 }")
    with counted(town.server, between_clients=2), capture(town.node(sender), "cr", 1, outgoing=False) as answered:
        assert town.node(sender).ping(address, count=2, patience=0.2).received == 0
    assert arrived.packets == 0
    # RFC 792 and RFC 1812, 5.2.7.1; RFC 4443, 3.1: administratively prohibited.
    kind = answered[0][20:22] if family == 4 else answered[0][40:42]
    assert kind == (bytes([3, 13]) if family == 4 else bytes([1, 1]))
    assert reaches(town.server.node, address, count=1)


def test_nor_the_network_behind_another(town: Town) -> None:
    node = town.node("new1")
    node.ip("route add 172.16.1.0/24 dev cr")
    with counted(town.server, between_clients=2):
        assert node.ping("172.16.1.1", count=2, patience=0.2).received == 0


def pretended(town: Town, sender: str, family: int) -> dict[str, str]:
    """Sources that are not the sender's: nobody's, another's, the server's, and of the network behind another."""
    other = "new2" if sender == "old1" else "old2"
    v4 = {"nobody": "10.200.15.200", "neighbour": town.addresses[other][4], "lan": "172.16.2.9", "outside": "192.0.2.1"}
    v6 = {"nobody": "fd00:200:15::200", "neighbour": town.addresses[other][6], "outside": "2001:db8::1"}
    return v4 if family == 4 else v6


@both_families
@by_kind
def test_a_packet_with_the_source_of_another_comes_out_nowhere(town: Town, sender: str, family: int) -> None:
    node = town.node(sender)
    for what, source in pretended(town, sender, family).items():
        match = f"{'ip' if family == 4 else 'ip6'} saddr {source} meta l4proto {{ icmp, icmpv6 }}"
        others = [each.node for name, each in town.clients.items() if name != sender]
        # The neighbour himself is alive, but has no reason to ping.
        counters = [Counter(each, "foreign", match) for each in (town.server.node, *others)]
        with (
            one_more_address(node, source), counted(town.server, foreign_source=3),
            capture(node, "cr", 1, outgoing=False) as answered,
        ):  # fmt: skip
            assert node.ping(SERVER[family], count=3, source=source, patience=0.2).received == 0
        assert [counter.packets for counter in counters] == [0] * 4, what
        # RFC 1812, 5.2.7.1; RFC 4443, 3.1: code 5 is "source address failed ingress policy".
        kind = answered[0][20:22] if family == 4 else answered[0][40:42]
        assert kind == (bytes([3, 13]) if family == 4 else bytes([1, 5])), what
    own = Counter(town.server.node, "own", f"{'ip' if family == 4 else 'ip6'} saddr {town.addresses[sender][family]}")
    assert reaches(node, SERVER[family]) and own.packets >= 3


@by_kind
def test_nor_does_it_lead_answers_astray(town: Town, sender: str) -> None:
    """What is another's is not learned from a packet that lies."""
    other = "new2" if sender == "old1" else "old2"
    address = town.addresses[other][4]
    with undisturbed(town.clients[other]), one_more_address(town.node(sender), address):
        town.node(sender).ping(INNER_SERVER_V4, count=5, source=address, patience=0.2)
        assert reaches(town.server.node, address)
    ways = {route["prefix"]: route["peer"] for route in town.server.tunnel()["routes"]}
    assert ways[f"{address}/32"] == other


def test_what_is_behind_a_box_is_reached_from_the_server_and_only_as_its_own(town: Town) -> None:
    for name, number in {**OLD, **NEW}.items():
        town.node(name).add_addresses("lo", f"172.16.{number}.1/32")
        assert reaches(town.server.node, f"172.16.{number}.1"), name
        assert reaches(town.node(name), INNER_SERVER_V4, source=f"172.16.{number}.1"), name


def test_between_clients(testbed: Testbed) -> None:
    """All of them reach each other where the configuration says so, and from one reload to the next."""
    town = build(testbed, between_clients=True)
    for sender, target in PAIRS:
        assert reaches(town.node(sender), *town.addresses[target].values(), count=1), f"{sender} to {target}"
    exchange_tcp(town.node("old1"), town.node("new1"), town.addresses["new1"][4], 2_000_000)
    exchange_tcp(town.node("new2"), town.node("old2"), town.addresses["old2"][6], 2_000_000)
    assert "between_clients" not in town.server.drops()

    before = {name: connection_of(town.server, name)["id"] for name in town.clients}
    with undisturbed(town.clients["old1"]), undisturbed(town.clients["new1"]):
        assert town.server.reload(town_file(town.street))
        until(lambda: not answers(town.node("old1"), town.addresses["new1"][4]), 1, "from now on they don't")
        for sender, target in PAIRS:
            assert not answers(town.node(sender), town.addresses[target][4]), f"{sender} to {target}"
        assert town.server.reload(town_file(town.street, between_clients=True))
        until(lambda: answers(town.node("new2"), town.addresses["old1"][4]), 1, "and now again")
    assert {name: connection_of(town.server, name)["id"] for name in town.clients} == before


def test_a_tunnel_that_speaks_one_of_them_alone(testbed: Testbed) -> None:
    """Who comes with the other one is told."""
    street = Street(testbed, 2)
    server = testbed.run(street.server_node, street.server_file({"box1": {}, "box2": {}}, alpn="h3"))
    old = client_configuration(testbed.authority, "box2", f"10.60.0.254:{PORT}", {"cr": "10.200.15.2/24"})
    old_client = testbed.run(street.box(2), old)
    new_client = street.join(1)
    assert reaches(new_client.node, INNER_SERVER_V4)
    until(lambda: re.search("protocol|ALPN", old_client.tunnel()["detail"]), 3, "its status says why")
    assert names(server.tunnel()["connections"]) == {"box1"}
