"""Sizes: what a path carries is found out, followed when it changes, and told to whoever sends more. Nothing that is
too large vanishes without a word.

A packet of the tunnel costs 60 bytes of the WAN's MTU from client to server: 28 of IPv4 and UDP, 32 of QUIC. From
server to client it costs 8 less, for a client's connection ids have no length. The WAN carries 1500 unless a test says
otherwise."""

from __future__ import annotations

import json
import re
import struct
import threading
import time

import pytest

from attacker import capture
from lab import LinkSpec, Node, topology
from nodes import (
    INNER_CLIENT_V4, INNER_CLIENT_V6, INNER_SERVER_V4, INNER_SERVER_V6, Joined, Testbed, join, pair_client, pair_server,
    until,
)  # fmt: skip

V4, V6 = 28, 48  # IP and ICMP header of an echo request


def device_mtu(node: Node, device: str) -> int:
    return json.loads(node.ip(f"-json link show dev {device}"))[0]["mtu"]


def join_with_mtu(testbed: Testbed, net: topology.Pair, mtu: int | str) -> Joined:
    """Both ends' devices configured alike."""
    server_file, client_file = pair_server(testbed), pair_client(testbed, net.server_v4)
    server_file["tunnels"]["mt"]["mtu"] = client_file["tunnels"]["cr"]["mtu"] = mtu
    server = testbed.run(net.server, server_file)
    client = testbed.run(net.client, client_file)
    client.wait_until_up()
    return Joined(net, server, client)


def large_ping(node: Node, address: str, size: int, *options: str, count: int = 1, patience: float = 5) -> str:
    """What ping says about packets of this size that may not be fragmented."""
    header = V6 if ":" in address else V4
    words = ["ping", "-n", "-M", "do", "-c", str(count), "-i", "0.1", "-W", str(patience), "-s", str(size - header)]
    done = node.run([*words, *options, address], check=False, timeout=60)
    return done.stdout + done.stderr


def passes(node: Node, address: str, size: int) -> bool:
    return " 0% packet loss" in large_ping(node, address, size, count=3, patience=2)


class TestDiscovery:
    @pytest.mark.parametrize(
        ("wan", "outer", "client", "server"),
        [(1500, 4, 1440, 1448), (1500, 6, 1420, 1428), (1400, 4, 1340, 1348), (1360, 4, 1300, 1308)],
    )
    def test_the_devices_get_what_the_path_carries(
        self, testbed: Testbed, wan: int, outer: int, client: int, server: int
    ) -> None:
        net = topology.pair(testbed.lab, LinkSpec.both(f"delay=5ms,mtu={0 if wan == 1500 else wan}"))
        join(testbed, net, outer)
        until(lambda: device_mtu(net.client, "cr") == client, 10, f"the client's MTU is {client}")
        until(lambda: device_mtu(net.server, "mt") == server, 10, f"the server's MTU is {server}")
        for address in (INNER_SERVER_V4, INNER_SERVER_V6):
            assert passes(net.client, address, client)

    def test_a_fixed_mtu_stays(self, testbed: Testbed) -> None:
        net = topology.pair(testbed.lab)
        joined = join_with_mtu(testbed, net, 1300)
        until(lambda: joined.client.tunnel()["connections"][0]["mtu"] == 1440, 10, "path MTU discovery")
        assert device_mtu(net.client, "cr") == device_mtu(net.server, "mt") == 1300
        assert joined.client.tunnel()["mtu"] == 1300

    def test_a_packet_larger_than_is_known_yet_is_not_lost(self, testbed: Testbed) -> None:
        """The very first packet, while the path is known to carry no more than 1200 bytes, waits for discovery. On
        either side: the answer is as large."""
        net = topology.pair(testbed.lab, LinkSpec.both("delay=40ms"))
        join_with_mtu(testbed, net, 1440)
        said = large_ping(net.client, INNER_SERVER_V4, 1400)
        assert "1 received" in said, said

    @pytest.mark.parametrize("wan", [1360, 1400, 1500])
    def test_ipv6_at_its_least_passes(self, testbed: Testbed, wan: int) -> None:
        """RFC 8200, 5: 1280 bytes, from the very first packet on."""
        net = topology.pair(testbed.lab, LinkSpec.both(f"delay=5ms,mtu={wan}"))
        join(testbed, net)
        said = large_ping(net.client, INNER_SERVER_V6, 1280, count=10)
        assert " 0% packet loss" in said, said


class TestTooBig:
    """The devices take 1500, which the path does not."""

    @pytest.fixture(scope="class")
    def net(self, shared_testbed: Testbed) -> topology.Pair:
        net = topology.pair(shared_testbed.lab)
        joined = join_with_mtu(shared_testbed, net, 1500)
        until(lambda: joined.client.tunnel()["connections"][0]["mtu"] == 1440, 10, "path MTU discovery")
        until(lambda: joined.server.tunnel("mt")["connections"][0]["mtu"] == 1448, 10, "path MTU discovery")
        time.sleep(1)  # the session settles
        return net

    @pytest.mark.parametrize(
        ("address", "complaint"), [(INNER_SERVER_V4, "mtu = 1440"), (INNER_SERVER_V6, "mtu[=:] ?1440")]
    )
    def test_the_sender_is_told_the_size(self, net: topology.Pair, address: str, complaint: str) -> None:
        with capture(net.client, "cr", 1, outgoing=False) as packets:
            said = large_ping(net.client, address, 1500)
        assert re.search(complaint, said), said
        if ":" in address:
            kind, code, mtu = packets[0][40], packets[0][41], struct.unpack("!I", packets[0][44:48])[0]
            assert (kind, code, mtu) == (2, 0, 1440)  # RFC 4443, 3.2: Packet Too Big
        else:
            kind, code, mtu = packets[0][20], packets[0][21], struct.unpack("!H", packets[0][26:28])[0]
            assert (kind, code, mtu) == (3, 4, 1440)  # RFC 1191, 4: Fragmentation Needed
        # The kernel has heard it: the next is refused at once, and what fits passes.
        assert passes(net.client, address, 1440)

    @pytest.mark.parametrize(
        ("address", "other"), [(INNER_CLIENT_V4, INNER_SERVER_V4), (INNER_CLIENT_V6, INNER_SERVER_V6)]
    )
    def test_the_server_tells_as_well(self, net: topology.Pair, address: str, other: str) -> None:
        large_ping(net.client, other, 1500)  # the client's kernel learns its own size, for its answers
        assert re.search("mtu ?[=:] ?1448", large_ping(net.server, address, 1500))
        assert passes(net.server, address, 1448)

    def test_tcp_finds_its_size(self, net: topology.Pair) -> None:
        target = net.server.iperf3_server()
        assert net.client.iperf3(INNER_SERVER_V4, seconds=1).mbps > 1
        assert net.client.iperf3(INNER_SERVER_V6, seconds=1, reverse=True).mbps > 1
        target.stop()


class TestShrinking:
    """The WAN turns into a black hole for packets of more than 1400 bytes, and no ICMP says so."""

    @pytest.fixture
    def net(self, testbed: Testbed) -> topology.Pair:
        net = topology.pair(testbed.lab, LinkSpec.both("delay=10ms,rate=50mbit"))
        joined = join(testbed, net)
        until(lambda: device_mtu(net.client, "cr") == 1440 and device_mtu(net.server, "mt") == 1448, 10, "discovery")
        self.joined = joined
        return net

    @pytest.mark.parametrize("reverse", [False, True], ids=["up", "down"])
    def test_under_a_transfer(self, net: topology.Pair, reverse: bool) -> None:
        target = net.server.iperf3_server()
        shrinking = threading.Timer(2, lambda: net.link.set("mtu=1400"))
        shrinking.start()
        rates = net.client.iperf3(INNER_SERVER_V4, seconds=10, reverse=reverse).interval_mbps
        shrinking.join()
        target.stop()
        print("Mbit/s, second by second:", [round(rate) for rate in rates])
        assert min(rates[-2:]) > rates[1] / 2
        if not reverse:
            assert device_mtu(net.client, "cr") <= 1340
        assert passes(net.client, INNER_SERVER_V4, 1300)

    def test_under_pings_alone(self, net: topology.Pair) -> None:
        """Five a second, which the kernel may cut into fragments as soon as it knows that it must."""
        pings = net.client.start(["ping", "-n", "-M", "dont", "-i", "0.2", "-s", str(1400 - V4), INNER_SERVER_V4])
        pings.wait_for_log("icmp_seq=5 .*time=")
        net.link.set("mtu=1400")
        time.sleep(0.1)  # what was under way
        answered = pings.log.count("time=")
        begun = time.monotonic()
        until(lambda: pings.log.count("time=") > answered + 2, 10, "large pings come back")
        print(f"answered again after {time.monotonic() - begun:.1f} s")
        assert device_mtu(net.client, "cr") <= 1340
        # What may not be fragmented is refused, in either direction; Debian 13's ping does not say for which size.
        for node, address in ((net.client, INNER_SERVER_V4), (net.server, INNER_CLIENT_V4)):
            said = large_ping(node, address, 1400, count=3, patience=2)
            assert re.search("mtu ?[=:] ?1[23]|sendmsg: Message too long", said), said
