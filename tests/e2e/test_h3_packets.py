"""What becomes of a packet on its way through an h3 tunnel: its TTL, its size, and what is said of one that is too large.

    lan ---- lan0 box wan1 ---- link ---- wan1 server inet0 ---- internet
                  cr .......................... mt

A packet of the tunnel costs 62 bytes of the WAN's MTU from client to server: 28 of IPv4 and UDP, 32 of QUIC, and 2 in
which the HTTP datagram says whose it is.
"""

from __future__ import annotations

import re
import struct

import pytest

from attacker import capture
from lab import LinkSpec, Node, topology
from lab.topology import LAN_V4, LAN_V6, SERVER_V4
from native import given, native_client, native_server, reaches
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, PORT, Mpquic, Testbed, until
from test_mtu import device_mtu, large_ping, passes
from traffic import exchange_tcp, exchange_udp

LANS = ["192.168.77.0/24", "fd00:77::/64"]
FAMILIES = [4, 6]
SERVER = {4: INNER_SERVER_V4, 6: INNER_SERVER_V6}
HOST = {4: LAN_V4, 6: LAN_V6}


def joined(testbed: Testbed, net: topology.Pair, mtu: int | str = "auto") -> tuple[Mpquic, Mpquic]:
    server_file = native_server(testbed.authority, {"box1": {}}, {"mtu": mtu})
    server = testbed.run(net.server, server_file)
    client = testbed.run(net.client, native_client(
        testbed.authority, "box1", f"{net.server_v4}:{PORT}", {"cr": {"mtu": mtu}}
    ))  # fmt: skip
    client.wait_until_up()
    return server, client


@pytest.mark.parametrize("family", FAMILIES)
def test_a_hop_is_counted_where_packets_are_forwarded_and_nowhere_else(testbed: Testbed, family: int) -> None:
    """RFC 9484, 4.7 and 7: the ends of a tunnel are routers. The kernel's forwarding is what counts the hop: for hosts
    behind the box, one at the box; for the box itself and the server itself none."""
    net = topology.box(testbed.lab, [LinkSpec()])
    server = testbed.run(net.server, native_server(testbed.authority, {"box1": LANS}))
    client = testbed.run(net.box, native_client(testbed.authority, "box1", f"{SERVER_V4}:{PORT}", interfaces=["wan1"]))
    client.wait_until_up()
    own = given(client)[FAMILIES.index(family)]

    def arriving(sender: Node, target: str, receiver: Node, interface: str) -> int:
        with capture(receiver, interface, 2, outgoing=False) as packets:
            sender.ping(target, count=2, options=["-t", "40"], patience=1)
        # A packet of somebody else's may be the first.
        asked = [each for each in packets if each[20 if family == 4 else 40] == (8 if family == 4 else 128)]
        return asked[0][8 if family == 4 else 7]

    assert arriving(net.box, SERVER[family], net.server, "mt") == 40
    assert arriving(net.lan, SERVER[family], net.server, "mt") == 39
    assert arriving(server.node, own, net.box, "cr") == 40
    assert arriving(server.node, HOST[family], net.lan, "lan0") == 39
    # One that has no hop left is answered by the box, not sent.
    said = net.lan.run(["ping", "-n", "-c", "1", "-W", "1", "-t", "1", SERVER[family]], check=False).stdout
    assert re.search("(?i)time to live exceeded|hop limit", said), said


class TestSmallPaths:
    @pytest.mark.parametrize("wan", [1280, 1300, 1500])
    def test_ipv6_at_its_least_passes_from_the_first_packet_on(self, testbed: Testbed, wan: int) -> None:
        """RFC 9484, 7.2.1. Of the first two no datagram has room for it: it goes over the request's stream."""
        net = topology.pair(testbed.lab, LinkSpec.both(f"delay=5ms,mtu={wan}"))
        server, client = joined(testbed, net)
        _, v6 = given(client)
        for node, target in ((net.client, INNER_SERVER_V6), (server.node, v6)):
            pings = node.ping(target, count=10, interval=0.1, size=1280 - 48, patience=5, options=["-M", "do"])
            assert pings.loss == 0 and max(pings.rtts_ms) < 500, pings
        assert not client.drops().get("too_big") and not server.drops().get("too_big")
        assert client.tunnel()["mtu"] >= 1280

    def test_traffic_goes_on_over_a_path_of_1280(self, testbed: Testbed) -> None:
        net = topology.pair(testbed.lab, LinkSpec.both("delay=5ms,rate=50mbit,mtu=1280"))
        server, client = joined(testbed, net)
        v4, v6 = given(client)
        exchange_tcp(net.client, net.server, INNER_SERVER_V6, 1_000_000)
        exchange_tcp(net.server, net.client, v4, 1_000_000)
        exchange_udp(net.client, net.server, INNER_SERVER_V4, 1150, 1250)
        assert client.tunnel()["connections"][0]["reconnects"] == 0
        assert reaches(net.client, INNER_SERVER_V4, INNER_SERVER_V6)

    def test_a_path_that_loses_packets(self, testbed: Testbed) -> None:
        """What goes over the stream comes all the same, and what doesn't waits for nothing."""
        net = topology.pair(testbed.lab, LinkSpec.both("delay=10ms,mtu=1280,loss=3%"))
        _, client = joined(testbed, net)
        large = net.client.ping(INNER_SERVER_V6, count=60, size=1280 - 48, patience=5)
        assert large.loss == 0
        assert client.tunnel()["connections"][0]["reconnects"] == 0


class TestDiscovery:
    @pytest.mark.parametrize(("wan", "client", "server"), [(1500, 1438, 1446), (1400, 1338, 1346)])
    def test_the_devices_get_what_the_path_carries(self, testbed: Testbed, wan: int, client: int, server: int) -> None:
        net = topology.pair(testbed.lab, LinkSpec.both(f"delay=5ms,mtu={0 if wan == 1500 else wan}"))
        joined(testbed, net)
        until(lambda: device_mtu(net.client, "cr") == client, 10, f"the client's MTU is {client}")
        until(lambda: device_mtu(net.server, "mt") == server, 10, f"the server's MTU is {server}")
        for address in (INNER_SERVER_V4, INNER_SERVER_V6):
            assert passes(net.client, address, client)

    def test_who_sends_too_much_is_told_the_size(self, testbed: Testbed) -> None:
        """The devices take 1500, which the path does not."""
        net = topology.pair(testbed.lab)
        server, client = joined(testbed, net, 1500)
        until(lambda: client.tunnel()["connections"][0]["mtu"] == 1438, 10, "path MTU discovery")
        until(lambda: server.tunnel()["connections"][0]["mtu"] == 1446, 10, "path MTU discovery")
        v4, v6 = given(client)
        until(lambda: re.search("mtu = 1438", large_ping(net.client, INNER_SERVER_V4, 1500, patience=1)), 3)
        with capture(net.client, "cr", 1, outgoing=False) as packets:
            said = large_ping(net.client, INNER_SERVER_V6, 1500)
        assert re.search("mtu[=:] ?1438", said), said
        assert (packets[0][40], struct.unpack("!I", packets[0][44:48])[0]) == (2, 1438)  # RFC 4443, 3.2
        for target in (v4, v6):
            assert re.search("mtu ?[=:] ?1446", large_ping(net.server, target, 1500)), target
            assert passes(net.server, target, 1446)
        assert client.drops()["too_big"] >= 2 and server.drops()["too_big"] >= 2
