"""The client's link comes, goes and changes under it.

    client ---- wan ---- server                     for most tests: 10.60.1.2 to 10.60.1.1
      cr ................. mt

    box wan1 ---- link ---- NAT ---- wan1 server    for the carrier's NAT that forgets
      cr ............................. mt

               +-- east --+
    client ----+          +---- server (lo)         for the gateway that changes
               +-- west --+
"""

from __future__ import annotations

import sys

import pytest

from lab import Lab, LinkSpec, Node, Process, topology
from lab.topology import SERVER_V4
from nodes import (
    INNER_CLIENT_V4, INNER_CLIENT_V6, INNER_SERVER_V4, PORT, Joined, Mpquic, Testbed, client_configuration, join,
    pair_client, pair_server, patience, server_configuration, until,
)  # fmt: skip

# One TCP connection, with a line forth and back every 20 ms.
_TALK_SERVER = """
import socket
listener = socket.create_server(("10.200.15.254", 7100))
print("ready", flush=True)
connection, _ = listener.accept()
with connection, connection.makefile("rwb") as stream:
    for line in stream:
        stream.write(line)
        stream.flush()
"""
_TALK = """
import socket, time
with socket.create_connection(("10.200.15.254", 7100), timeout=10) as connection, connection.makefile("rwb") as stream:
    number = 0
    while True:
        number += 1
        stream.write(b"%d\\n" % number)
        stream.flush()
        assert int(stream.readline()) == number
        print(number, flush=True)
        time.sleep(0.02)
"""


class Talk:
    """A TCP connection through the tunnel that must survive what happens to the link."""

    def __init__(self, client: Node, server: Node) -> None:
        self.answerer = server.start([sys.executable, "-c", _TALK_SERVER], log="talk-server.log")
        self.answerer.wait_for_log("ready", patience(5))
        self.asker: Process = client.start([sys.executable, "-c", _TALK], log="talk.log")
        self.goes_on()

    def lines(self) -> int:
        assert self.asker.running, self.asker.log[-2000:]
        return self.asker.log.count("\n")

    def goes_on(self, seconds: float = 2.0) -> None:
        said = self.lines()
        until(lambda: self.lines() > said + 3, seconds, "the TCP connection goes on")


def state(client: Mpquic) -> tuple[str, str]:
    tunnel = client.tunnel()
    return tunnel["state"], tunnel["detail"]


def test_waits_for_an_interface_its_carrier_and_an_address(testbed: Testbed) -> None:
    client_node, server_node = testbed.lab.node("client"), testbed.lab.node("server")
    testbed.run(server_node, pair_server(testbed))
    client = testbed.run(client_node, pair_client(testbed, "10.60.1.1"))
    assert state(client) == ("waiting for link", "there is no such interface")
    client.wait_for_log("cr: waiting for wan: there is no such interface")

    testbed.lab.veth(client_node, "wan", server_node, "wan")
    client_node.ip("link set dev wan down")
    until(lambda: state(client) == ("waiting for link", "the interface is down"), 2)
    server_node.ip("link set dev wan down")
    client_node.ip("link set dev wan up")
    until(lambda: state(client) == ("waiting for link", "no carrier"), 2)
    server_node.ip("link set dev wan up")
    until(lambda: state(client) == ("waiting for link", "no IPv4 address"), 2)
    server_node.add_addresses("wan", "10.60.1.1/24")
    client_node.add_addresses("wan", "fd00:60:1::2/64")  # of the wrong family
    assert state(client) == ("waiting for link", "no IPv4 address")
    client_node.add_addresses("wan", "10.60.1.2/24")
    client.wait_until_up(seconds=2)
    assert client_node.ping(INNER_SERVER_V4, count=2).received == 2

    client_node.ip("link del dev wan")
    until(lambda: state(client) == ("waiting for link", "there is no such interface"), 2)
    testbed.lab.veth(client_node, "wan", server_node, "wan")
    server_node.add_addresses("wan", "10.60.1.1/24")
    client_node.add_addresses("wan", "10.60.1.2/24")
    client.wait_until_up(seconds=2)
    assert client_node.ping(INNER_SERVER_V4, count=2).received == 2


@pytest.fixture
def talking(testbed: Testbed) -> tuple[Joined, Talk]:
    joined = join(testbed, topology.pair(testbed.lab))
    return joined, Talk(joined.net.client, joined.net.server)


def test_a_changed_address_is_followed(talking: tuple[Joined, Talk]) -> None:
    joined, talk = talking
    client = joined.net.client
    for old, new in ((2, 3), (3, 4), (4, 2)):
        client.ip(f"address del 10.60.1.{old}/24 dev wan")
        client.ip(f"address add 10.60.1.{new}/24 dev wan")
        until(lambda: f"10.60.1.{new}:" in str(joined.server.tunnel()["connections"]), 2)  # noqa: B023
        talk.goes_on()
    until(lambda: len(joined.server.tunnel()["connections"]) == 1, 2, "no connection from a former address is left")


def test_another_address_beside_the_one_in_use_changes_nothing(talking: tuple[Joined, Talk]) -> None:
    joined, talk = talking
    joined.net.client.ip("address add 10.60.1.7/24 dev wan")
    joined.net.client.ip("address add 10.99.0.7/24 dev wan")
    talk.goes_on()
    joined.net.client.ip("address del 10.60.1.7/24 dev wan")
    talk.goes_on()
    assert joined.client.tunnel()["connections"][0]["reconnects"] == 0


def test_a_link_that_flaps(talking: tuple[Joined, Talk]) -> None:
    joined, talk = talking
    for _ in range(3):
        joined.net.link.carrier(up=False)
        until(lambda: state(joined.client) == ("waiting for link", "no carrier"), 2)
        joined.net.link.carrier(up=True)
        joined.client.wait_until_up(seconds=2)
        talk.goes_on(5)  # the inner TCP may have backed off by then


def test_a_link_that_is_silent_for_a_while(testbed: Testbed) -> None:
    joined = join(testbed, topology.pair(testbed.lab, LinkSpec.both("delay=2ms")))
    talk = Talk(joined.net.client, joined.net.server)
    joined.net.link.cut()
    until(lambda: state(joined.client)[1] == "the server does not answer", 5)
    joined.net.link.heal()
    joined.client.wait_until_up(seconds=5)
    talk.goes_on(8)


@pytest.mark.threads
def test_a_nat_that_forgets(testbed: Testbed) -> None:
    net = topology.box(testbed.lab, [LinkSpec.both("delay=5ms", nat=True)])
    server = testbed.run(net.server, server_configuration(
        testbed.authority,
        {"mt": [f"{INNER_SERVER_V4}/24"]},
        {"box1": [INNER_CLIENT_V4, INNER_CLIENT_V6]},
        workers=2,
    ))  # fmt: skip
    client = testbed.run(net.box, client_configuration(
        testbed.authority, "box1", f"{SERVER_V4}:{PORT}", {"cr": f"{INNER_CLIENT_V4}/24"}, interfaces=["wan1"]
    ))  # fmt: skip
    client.wait_until_up()
    talk = Talk(net.box, net.server)
    nat = net["wan1"].nat
    assert nat is not None

    def seen_port() -> int:
        return int(server.tunnel()["connections"][0]["remote_address"].rpartition(":")[2])

    for _ in range(5):
        nat.rebind()
        until(lambda: nat.ports[0] <= seen_port() <= nat.ports[1], 2, "the server sees the new port")
        talk.goes_on()
    assert client.tunnel()["connections"][0]["reconnects"] == 0
    assert len(server.tunnel()["connections"]) == 1


def gateways(lab: Lab) -> tuple[Node, Node, list[Node]]:
    """A client with two gateways to the server, 10.70.0.1 and .2, without default route as yet."""
    client, server, lan = lab.node("client"), lab.node("server"), lab.node("wire")
    lab.veth(client, "wan", lan, "client")
    client.add_addresses("wan", "10.70.0.9/24")
    server.add_addresses("lo", f"{SERVER_V4}/32")
    routers = []
    for number, name in enumerate(("east", "west"), start=1):
        router = lab.node(name)
        router.forward()
        lab.veth(router, "inside", lan, name)
        lab.veth(router, "outside", server, name)
        router.add_addresses("inside", f"10.70.0.{number}/24")
        router.add_addresses("outside", f"10.71.{number}.2/24")
        server.add_addresses(name, f"10.71.{number}.1/24")
        router.ip(f"route add {SERVER_V4} via 10.71.{number}.1")
        routers.append(router)
    lab.bridge(lan, "bridge", "client", "east", "west")
    return client, server, routers


def test_a_changed_gateway_is_followed(testbed: Testbed) -> None:
    client_node, server_node, routers = gateways(testbed.lab)
    server_node.ip("route add 10.70.0.0/24 via 10.71.1.2")
    testbed.run(server_node, pair_server(testbed))
    client = testbed.run(client_node, pair_client(testbed, SERVER_V4))
    client_node.ip("route add default via 10.70.0.1")
    client.wait_until_up(seconds=8)  # it has tried in vain, perhaps
    talk = Talk(client_node, server_node)
    for number in (2, 1, 2):
        routers[2 - number].ip("link set dev inside down")
        client_node.ip(f"route replace default via 10.70.0.{number}")
        server_node.ip(f"route replace 10.70.0.0/24 via 10.71.{number}.2")
        talk.goes_on()
        routers[2 - number].ip("link set dev inside up")
    assert client.tunnel()["connections"][0]["reconnects"] == 0
