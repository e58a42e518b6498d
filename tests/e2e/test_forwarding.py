"""Hosts behind both ends: kernel forwarding at the box and at the server, no NAT.

    lan ---- lan0 box wan1 ---- wan1 server inet0 ---- internet
    192.168.77.2   cr ................. mt              198.51.100.2
    fd00:77::2     10.200.15.1          10.200.15.254   2001:db8:51::2

The box routes the internet's networks into `cr`, the server routes the LAN's into `mt`. The cables are bare, so that
the kernel hands whole super-packets (TSO, GRO) from one interface to the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import Lab, LinkSpec, Node, topology
from lab.topology import INTERNET_V4, INTERNET_V6, LAN_V4, LAN_V6, SERVER_V4
from nodes import PORT, Authority, Mpquic, Testbed, client_configuration, server_configuration
from traffic import exchange_tcp, exchange_udp, exchange_udp_segments

pytestmark = pytest.mark.threads

INTERNET = {4: INTERNET_V4, 6: INTERNET_V6}
LAN = {4: LAN_V4, 6: LAN_V6}

both_families = pytest.mark.parametrize("inner", [4, 6])


@dataclass
class Forwarding:
    net: topology.Box
    server: Mpquic
    client: Mpquic


@pytest.fixture(scope="module", params=[1, 2], ids=["workers-1", "workers-2"])
def forwarding(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Forwarding]:
    with Lab() as lab:
        testbed = Testbed(lab, authority)
        net = topology.box(lab, [LinkSpec()])
        server = testbed.run(net.server, server_configuration(
            authority,
            tunnels={"mt": ["10.200.15.254/24", "fd00:200:15::254/64"]},
            clients={"box1": ["10.200.15.1", "fd00:200:15::1", "192.168.77.0/24", "fd00:77::/64"]},
            workers=request.param,
        ))  # fmt: skip
        client = testbed.run(net.box, client_configuration(
            authority, "box1", f"{SERVER_V4}:{PORT}", {"cr": ["10.200.15.1/24", "fd00:200:15::1/64"]},
            interfaces=["wan1"], workers=request.param,
        ))  # fmt: skip
        client.wait_until_up()
        net.box.ip("-4 route add 198.51.100.0/24 dev cr")
        net.box.ip("-6 route add 2001:db8:51::/64 dev cr")
        net.server.ip("-4 route add 192.168.77.0/24 dev mt")
        net.server.ip("-6 route add fd00:77::/64 dev mt")
        yield Forwarding(net, server, client)
        testbed.stop()


def kernel_counters(node: Node, tun: str) -> dict[str, dict[str, int]]:
    return json.loads(node.ip(f"-s -json link show dev {tun}"))[0]["stats64"]


@both_families
def test_a_host_of_the_lan_and_the_internet_reach_each_other(forwarding: Forwarding, inner: int) -> None:
    net = forwarding.net
    # The internet speaks first: what box1 owns is reachable before anything came from there.
    assert net.internet.ping(LAN[inner], count=5).received == 5
    assert net.lan.ping(INTERNET[inner], count=5).received == 5


@both_families
def test_tcp_is_byte_exact_and_travels_in_super_packets(forwarding: Forwarding, inner: int) -> None:
    net = forwarding.net
    before = kernel_counters(net.server, "mt")
    exchange_tcp(net.lan, net.internet, INTERNET[inner], 20_000_000)
    exchange_tcp(net.internet, net.lan, LAN[inner], 5_000_000)
    after = kernel_counters(net.server, "mt")
    for direction in ("rx", "tx"):
        size, count = (after[direction][what] - before[direction][what] for what in ("bytes", "packets"))
        # One each way are segments, the rest acknowledgements: far more bytes a packet than a segment has.
        assert size / count > 1500, f"{direction}: {size} bytes in {count} packets"
    assert forwarding.client.drops().get("foreign_source", 0) == 0


@both_families
def test_many_flows_at_once(forwarding: Forwarding, inner: int) -> None:
    net = forwarding.net
    with net.internet.iperf3_server():
        for reverse in (False, True):
            result = net.lan.iperf3(INTERNET[inner], seconds=1, parallel=8, reverse=reverse)
            assert all(stream["receiver"]["bytes"] > 0 for stream in result.raw["end"]["streams"])


@both_families
def test_udp(forwarding: Forwarding, inner: int) -> None:
    net = forwarding.net
    # Both hosts know the path's MTU: Linux fails the very send whose first fragment is answered with it.
    net.lan.ping(INTERNET[inner], count=2, size=1450, patience=0.2)
    net.internet.ping(LAN[inner], count=2, size=1450, patience=0.2)
    exchange_udp(net.lan, net.internet, INTERNET[inner], 1150, 1250)
    exchange_udp(net.internet, net.lan, LAN[inner], 3000, 3003)
    exchange_udp_segments(net.lan, net.internet, INTERNET[inner], 1200, 40)


@both_families
def test_who_is_not_behind_the_box_gets_no_packet_through(forwarding: Forwarding, inner: int) -> None:
    net = forwarding.net
    stranger = {4: "192.168.78.2", 6: "fd00:78::2"}[inner]
    net.lan.ip(f"address add {stranger}/{32 if inner == 4 else 128} dev lan0{'' if inner == 4 else ' nodad'}")
    try:
        before = forwarding.server.drops().get("foreign_source", 0)
        assert net.lan.ping(INTERNET[inner], count=5, source=stranger, patience=0.2).received == 0
        assert forwarding.server.drops()["foreign_source"] - before >= 5
    finally:
        net.lan.ip(f"address del {stranger}/{32 if inner == 4 else 128} dev lan0")
