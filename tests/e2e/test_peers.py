"""Many clients on one server: who is reached where.

    box0 ---- wan --+
    box1 ---- wan --+-- bridge (wire) ---- wan server
     ...            |                          mt: 10.201.255.254/16, fd00:201::ffff/64
    box49 --- wan --+
    cr: 10.201.0.N/16, fd00:201::N/64; behind it, on lo: 172.16.N.1

N is the box's number plus 1. Traffic between boxes goes through the server's kernel (ip_forward): in by `mt`, out by
`mt`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import Lab, Node
from nodes import (
    PORT, Authority, Mpquic, Testbed, client_configuration, patience, sanitized, server_configuration, until,
)  # fmt: skip
from traffic import exchange_tcp

COUNT = 12 if sanitized() else 50


@dataclass
class Crowd:
    server_node: Node
    boxes: list[Node]
    server: Mpquic
    clients: list[Mpquic]

    def inner(self, number: int, family: int = 4) -> str:
        return f"10.201.0.{number + 1}" if family == 4 else f"fd00:201::{number + 1}"


def wire(testbed: Testbed, boxes: int) -> tuple[Node, list[Node]]:
    """The server and its boxes, at 10.60.0.254 and 10.60.0.N."""
    middle, server = testbed.lab.node("wire"), testbed.lab.node("server")
    testbed.lab.veth(server, "wan", middle, "server")
    server.add_addresses("wan", "10.60.0.254/24")
    server.forward()
    # The kernel would tell boxes of one subnet that there is a shorter way from one to the other than through here.
    server.sysctl({"net.ipv4.conf.all.send_redirects": "0", "net.ipv4.conf.default.send_redirects": "0"})
    nodes = []
    for number in range(boxes):
        box = testbed.lab.node(f"box{number}")
        testbed.lab.veth(box, "wan", middle, f"box{number}")
        box.add_addresses("wan", f"10.60.0.{number + 1}/24")
        nodes.append(box)
    testbed.lab.bridge(middle, "bridge", "server", *(box.name for box in nodes))
    return server, nodes


@pytest.fixture(scope="module")
def crowd(authority: Authority) -> Iterator[Crowd]:
    with Lab() as lab:
        testbed = Testbed(lab, authority)
        server_node, boxes = wire(testbed, COUNT)
        server = testbed.run(server_node, server_configuration(
            authority,
            tunnels={"mt": ["10.201.255.254/16", "fd00:201::ffff/64"]},
            clients={
                f"box{i}": [f"10.201.0.{i + 1}", f"fd00:201::{i + 1:x}", f"172.16.{i + 1}.0/24"] for i in range(COUNT)
            },
            between_clients=True,
            workers=2,
        ))  # fmt: skip
        clients = []
        for number, box in enumerate(boxes):
            box.add_addresses("lo", f"172.16.{number + 1}.1/32")
            tunnels = {"cr": [f"10.201.0.{number + 1}/16", f"fd00:201::{number + 1:x}/64"]}
            configuration = client_configuration(authority, box.name, f"10.60.0.254:{PORT}", tunnels, workers=1)
            clients.append(testbed.add(box, configuration))
            clients[-1].start_only()
        for client in clients:
            client.wait_for_log("cr: up", 10)
        yield Crowd(server_node, boxes, server, clients)
        testbed.stop()


def test_each_has_one_connection_and_its_own_routes(crowd: Crowd) -> None:
    def all_registered() -> bool:
        return len(crowd.server.tunnel()["connections"]) == COUNT

    until(all_registered, 5, "all clients registered")
    tunnel = crowd.server.tunnel()
    by_id = {connection["id"]: connection["peer"] for connection in tunnel["connections"]}
    assert len(by_id) == COUNT and set(by_id.values()) == {f"box{i}" for i in range(COUNT)}
    registered = {route["prefix"]: route for route in tunnel["routes"] if route["kind"] == "registered"}
    assert set(registered) == {f"10.201.0.{i + 1}/32" for i in range(COUNT)}
    for route in tunnel["routes"]:
        assert by_id[route["connection"]] == route["peer"]
    assert len({route["prefix"] for route in tunnel["routes"] if route["kind"] == "configured"}) == 2 * COUNT


@pytest.mark.threads
@pytest.mark.parametrize("family", [4, 6])
def test_each_reaches_the_next_all_at_once(crowd: Crowd, family: int) -> None:
    pings = []
    for number, box in enumerate(crowd.boxes):
        target = f"10.201.0.{(number + 1) % COUNT + 1}" if family == 4 else f"fd00:201::{(number + 1) % COUNT + 1:x}"
        pings.append(box.start(["ping", "-n", "-c", "5", "-i", "0.1", "-W", "3", target], log=f"ping{family}.log"))
    for ping in pings:
        assert ping.wait(patience(10)) == 0
        assert " 5 received" in ping.log, ping.log
    # IPv6's link-local multicast is nobody's and for nobody.
    assert crowd.server.drops().keys() <= {"no_route", "foreign_source"}


@pytest.mark.threads
def test_tcp_from_client_to_client(crowd: Crowd) -> None:
    exchange_tcp(crowd.boxes[3], crowd.boxes[COUNT - 1], f"10.201.0.{COUNT}", 5_000_000)
    exchange_tcp(crowd.boxes[COUNT - 2], crowd.boxes[0], "fd00:201::1", 5_000_000)


def test_what_is_behind_a_box_is_reached_before_it_has_spoken(crowd: Crowd) -> None:
    crowd.server_node.ip("route add 172.16.0.0/16 dev mt")
    for number in (0, COUNT // 2, COUNT - 1):
        assert crowd.server_node.ping(f"172.16.{number + 1}.1", count=2).received == 2


def test_who_leaves_is_forgotten_and_nobody_else(crowd: Crowd) -> None:
    leaver = crowd.clients[5]
    leaver.stop()
    until(lambda: len(crowd.server.tunnel()["connections"]) == COUNT - 1, 2, "the leaver's connection gone")
    assert not [route for route in crowd.server.tunnel()["routes"] if route["peer"] == "box5"]
    before = crowd.server.drops().get("no_route", 0)
    assert crowd.server_node.ping("10.201.0.6", count=2, patience=0.2).received == 0
    assert crowd.server.drops()["no_route"] >= before + 2
    assert crowd.server_node.ping("10.201.0.5", count=2).received == 2
    leaver.start()
    leaver.wait_until_up()
    until(lambda: crowd.server_node.ping("10.201.0.6", count=1, patience=0.2).received, 2, "the leaver is back")


_SPEAK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
s.sendto(b"here", ("10.200.15.254", 9))
"""


def test_a_host_behind_one_of_two_boxes_is_reached_where_it_spoke(testbed: Testbed) -> None:
    # Two boxes that are the same peer. The host is behind the first; the newest connection is the second's.
    server_node, boxes = wire(testbed, 2)
    server = testbed.run(server_node, server_configuration(
        testbed.authority, tunnels={"mt": "10.200.15.254/24"}, clients={"site": ["10.200.15.0/28", "172.16.1.0/24"]}
    ))  # fmt: skip
    clients = []
    for number, box in enumerate(boxes):
        tunnels = {"cr": f"10.200.15.{number + 1}/24"}
        configuration = client_configuration(testbed.authority, "site", f"10.60.0.254:{PORT}", tunnels)
        clients.append(testbed.run(box, configuration))
        until(lambda: len(server.tunnel()["connections"]) == len(clients), 5, "the box is registered")
        box.ip("route add 172.16.0.0/16 dev cr")
    server_node.ip("route add 172.16.1.0/24 dev mt")
    boxes[0].add_addresses("lo", "172.16.1.9/32")

    def way_to(prefix: str, kind: str) -> str:
        tunnel = server.tunnel()
        remote = {connection["id"]: connection["remote_address"].split(":")[0] for connection in tunnel["connections"]}
        ways = [remote[route["connection"]] for route in tunnel["routes"] if (route["prefix"], route["kind"]) ==
                (prefix, kind)]  # fmt: skip
        return ways[0] if ways else ""

    assert way_to("172.16.1.0/24", "configured") == "10.60.0.2"
    assert server_node.ping("172.16.1.9", count=2, patience=0.2).received == 0
    boxes[0].run([sys.executable, "-c", _SPEAK, "172.16.1.9"])
    until(lambda: way_to("172.16.1.9/32", "learned") == "10.60.0.1", 2, "the host is learned")
    assert server_node.ping("172.16.1.9", count=3).received == 3

    # It moves to the other box and back again, as a host on wheels does.
    for number, before in ((1, 0), (0, 1), (1, 0), (0, 1)):
        boxes[before].ip("address del 172.16.1.9/32 dev lo")
        boxes[number].add_addresses("lo", "172.16.1.9/32")
        boxes[number].run([sys.executable, "-c", _SPEAK, "172.16.1.9"])
        until(lambda: way_to("172.16.1.9/32", "learned") == f"10.60.0.{number + 1}", 2, "it is followed")  # noqa: B023
        assert server_node.ping("172.16.1.9", count=3).received == 3

    # The box that it was behind leaves: what the peer owns is again reached over the other one.
    clients[0].stop()
    until(lambda: not way_to("172.16.1.9/32", "learned"), 2, "the host is forgotten")
    boxes[1].add_addresses("lo", "172.16.1.9/32")
    assert server_node.ping("172.16.1.9", count=3).received == 3
