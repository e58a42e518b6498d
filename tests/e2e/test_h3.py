"""The native protocol, CONNECT-IP over HTTP/3, when things go wrong: servers that die, links that break, peers that
speak nonsense, and everybody at once.

    client ---- link ---- server ---- veth ---- attacker
      cr                    mt
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import pytest

from attacker import attach_attacker, counted, goes_on, ipv4_packet, poke, send
from lab import LinkSpec, topology
from native import Counter, Street, answers, given, names, native_client, native_server, reaches
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, PORT, Mpquic, Testbed, patience, sanitized, until
from traffic import exchange_tcp

pytestmark = pytest.mark.threads

SEED = 9484
CROWD = 10 if sanitized() else 30


@dataclass
class Joined:
    net: topology.Pair
    server: Mpquic
    client: Mpquic


def join(testbed: Testbed, spec: LinkSpec | None = None, **server_top: object) -> Joined:
    net = topology.pair(testbed.lab, spec)
    server = testbed.run(net.server, native_server(testbed.authority, {"box1": {}, "box2": {}}, **server_top))
    client = testbed.run(net.client, native_client(testbed.authority, "box1", f"{net.server_v4}:{PORT}"))
    client.wait_until_up()
    return Joined(net, server, client)


class TestDeaths:
    @pytest.mark.parametrize("busy", [True, False], ids=["busy", "idle"])
    def test_a_server_that_was_killed_has_its_client_again_within_two_seconds(self, testbed: Testbed, busy: bool) -> None:
        joined = join(testbed)
        addresses = given(joined.client)
        remembered = joined.server.control.with_name(joined.server.control.name + ".clients")
        until(lambda: remembered.exists() and remembered.read_text(), 2, "the server has written down whom it serves")
        traffic = joined.net.client.start(["ping", "-n", "-i", "0.05", INNER_SERVER_V4]) if busy else None
        for _ in range(2):
            joined.server.kill()
            joined.server.start()
            begun = time.monotonic()
            until(lambda: names(joined.server.tunnel()["connections"]) == {"box1"}, 2, "it is back")
            joined.client.wait_until_up(seconds=1)
            assert time.monotonic() - begun < patience(2)
            assert given(joined.client) == addresses
            assert reaches(joined.net.client, INNER_SERVER_V4, INNER_SERVER_V6)
            assert reaches(joined.net.server, *addresses)
            until(lambda: remembered.read_text(), 2, "and written down again")
        if traffic:
            traffic.kill()

    def test_a_server_stops_cleanly_under_traffic(self, testbed: Testbed) -> None:
        joined = join(testbed, workers=2)
        v4, _ = given(joined.client)
        flood = joined.net.server.start(["ping", "-n", "-f", "-i", "0.001", v4])
        for _ in range(3):
            joined.server.stop()
            joined.server.start()
            until(lambda: answers(joined.net.server, v4), 3, "traffic both ways")
        flood.kill()


class TestLinks:
    def test_a_link_that_is_cut_and_healed(self, testbed: Testbed) -> None:
        joined = join(testbed, LinkSpec.both("delay=5ms"))
        net, addresses = joined.net, given(joined.client)
        traffic = net.client.start(["ping", "-n", "-i", "0.1", INNER_SERVER_V4])
        net.link.cut()
        until(lambda: joined.client.tunnel()["state"] != "up", 5, "the client notices")
        net.link.heal()
        joined.client.wait_until_up(seconds=8)
        assert given(joined.client) == addresses
        assert reaches(net.client, INNER_SERVER_V4, INNER_SERVER_V6) and reaches(net.server, *addresses)
        assert len(joined.server.tunnel()["connections"]) == 1
        traffic.kill()

    def test_a_cable_that_is_pulled_and_plugged(self, testbed: Testbed) -> None:
        joined = join(testbed, LinkSpec(""))
        net, addresses = joined.net, given(joined.client)
        net.link.carrier(False)
        until(lambda: joined.client.tunnel()["state"] == "waiting for link", 2, "no carrier")
        net.link.carrier(True)
        joined.client.wait_until_up()
        assert given(joined.client) == addresses
        assert reaches(net.client, INNER_SERVER_V4) and reaches(net.server, *addresses)

    def test_a_bad_link_brings_everything_through_as_it_was(self, testbed: Testbed) -> None:
        joined = join(testbed, LinkSpec.both("delay=10ms,loss=2%,rate=50mbit"))
        v4, v6 = given(joined.client)
        exchange_tcp(joined.net.client, joined.net.server, INNER_SERVER_V4, 500_000)
        exchange_tcp(joined.net.server, joined.net.client, v6, 500_000, port=7001)
        assert joined.client.tunnel()["connections"][0]["reconnects"] == 0


class TestNonsense:
    @pytest.fixture
    def siege(self, testbed: Testbed) -> tuple[Joined, Node]:
        joined = join(testbed, workers=2)
        return joined, attach_attacker(testbed.lab, joined.net.server)

    def test_a_client_in_order_that_speaks_no_http(self, testbed: Testbed) -> None:
        """Datagrams of all sorts, some as tunnels have them, and nothing on a stream: it gets no tunnel, no packet comes
        out, nobody else notices."""
        joined = join(testbed, workers=2)
        foe = attach_attacker(testbed.lab, joined.net.server)
        arrived = Counter(joined.net.server, "arrived", "iifname mt ip saddr 10.200.15.3")
        source = random.Random(SEED)
        print(f"seed {SEED}")
        of_a_tunnel = b"\0\0" + ipv4_packet("10.200.15.3", INNER_SERVER_V4)
        nonsense = [b"\x3f" + source.randbytes(source.randrange(1, 1100)) for _ in range(50)]
        with goes_on(joined.client, INNER_SERVER_V4):
            poked = poke(foe, testbed.authority, "box2", [of_a_tunnel, *nonsense, of_a_tunnel], alpn="h3", linger=0.5)
            broken = poke(foe, testbed.authority, "box2", [b"\xff"], alpn="h3", linger=2)
        print(poked, broken)
        assert poked.established == 1 and not poked.datagrams and not poked.closed and poked.unsent == 0
        # RFC 9297, 2.1: one that is too short to say what it belongs to is an error of the connection.
        assert broken.closed == ["closed by the other end: an HTTP datagram without a stream"]
        assert arrived.packets == 0
        assert names(joined.server.tunnel()["connections"]) == {"box1"}
        assert not [route for route in joined.server.tunnel()["routes"] if route["peer"] != "box1"]
        # And box2 itself, when it comes as it should, is welcome.
        box2 = testbed.run(joined.net.client, native_client(
            testbed.authority, "box2", f"{joined.net.server_v4}:{PORT}", {"df": {}}
        ), "box2")  # fmt: skip
        box2.wait_until_up()
        assert not set(given(box2, "df")) & set(given(joined.client))

    def test_garbage(self, testbed: Testbed) -> None:
        joined = join(testbed, workers=2)
        foe = attach_attacker(testbed.lab, joined.net.server)
        source = random.Random(SEED)
        print(f"seed {SEED}")
        with goes_on(joined.client, INNER_SERVER_V4), counted(joined.server, udp_garbage=10, unknown_connection=10):
            send(foe, [source.randbytes(source.randrange(1, 1400)) for _ in range(300)])
        assert reaches(joined.net.client, INNER_SERVER_V4, INNER_SERVER_V6)


def test_everybody_at_once(testbed: Testbed) -> None:
    """As after a power cut of the server: each has its own address again, and reaches the server."""
    street = Street(testbed, CROWD)
    server = street.serve({f"box{number}": {} for number in range(1, CROWD + 1)}, workers=2)
    clients = [testbed.add(box, street.client_file(box.name)) for box in street.boxes]
    for client in clients:
        client.start_only()
    for client in clients:
        client.wait_for_log("cr: up", 10)
    before = {client.name: given(client) for client in clients}
    assert len({address for each in before.values() for address in each}) == 2 * CROWD

    def all_ping() -> None:
        for client in clients:
            until(lambda: answers(client.node, INNER_SERVER_V4), 3, "the kernel has its route")  # noqa: B023
        pings = [client.node.start(["ping", "-n", "-c", "3", "-i", "0.1", "-W", "3", INNER_SERVER_V4]) for client in clients]
        for ping in pings:
            assert ping.wait(patience(10)) == 0 and " 3 received" in ping.log, ping.log

    all_ping()
    server.stop()
    server.start()
    until(lambda: len(server.tunnel()["connections"]) == CROWD, 8, "all are back")
    for client in clients:
        client.wait_until_up()
    assert {client.name: given(client) for client in clients} == before
    all_ping()
