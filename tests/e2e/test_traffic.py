"""Inner IPv4 and IPv6 over outer IPv4 and IPv6.

    client ---- wan ---- server
     cr4 .. 10.60.1.1 .. mt4         one socket, [::]:45010, for both
     cr6 .. fd00:60:1::1 .. mt6
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import LinkSpec, programs, topology
from nodes import PORT, Mpquic, Testbed, client_configuration, join, server_configuration, until
from traffic import exchange_tcp, exchange_udp, exchange_udp_segments

INNER = {  # of the server, by outer and inner IP version
    (4, 4): "10.200.14.254",
    (4, 6): "fd00:200:14::254",
    (6, 4): "10.200.16.254",
    (6, 6): "fd00:200:16::254",
}
HEADERS = {4: 20 + 8, 6: 40 + 8}

every_combination = pytest.mark.parametrize("outer, inner", INNER)


@dataclass
class Network:
    net: topology.Pair
    server: Mpquic
    client: Mpquic


@pytest.fixture(scope="module")
def network(shared_testbed: Testbed) -> Iterator[Network]:
    net = topology.pair(shared_testbed.lab)
    server = shared_testbed.run(net.server, server_configuration(
        shared_testbed.authority,
        tunnels={
            "mt4": ["10.200.14.254/24", "fd00:200:14::254/64"],
            "mt6": ["10.200.16.254/24", "fd00:200:16::254/64"],
        },
        clients={"box1": ["10.200.14.1", "10.200.16.1", "fd00:200:14::1", "fd00:200:16::1"]},
        workers=2,
    ))  # fmt: skip
    tunnels = {
        "cr4": {"address": ["10.200.14.1/24", "fd00:200:14::1/64"], "server": f"{net.server_v4}:{PORT}"},
        "cr6": {"address": ["10.200.16.1/24", "fd00:200:16::1/64"], "server": f"[{net.server_v6}]:{PORT}"},
    }
    client = shared_testbed.run(
        net.client, client_configuration(shared_testbed.authority, "box1", f"{net.server_v4}:{PORT}", tunnels)
    )
    client.wait_until_up()
    until(lambda: all(len(tunnel["connections"]) == 1 for tunnel in server.status()["tunnels"]), 3, "both are registered")
    yield Network(net, server, client)


def settled_mtu(network: Network, outer: int) -> int:
    """The client's inner MTU, once discovery has come to an end: a packet of 1500 bytes fits the wire."""
    full = {4: 1420, 6: 1400}[outer]
    until(lambda: network.client.tunnel(f"cr{outer}")["mtu"] >= full, 5, "MTU discovered")
    until(lambda: network.server.tunnel(f"mt{outer}")["mtu"] >= full, 5, "MTU discovered at the server")
    return network.client.tunnel(f"cr{outer}")["mtu"]


@every_combination
def test_ping(network: Network, outer: int, inner: int) -> None:
    assert network.net.client.ping(INNER[outer, inner], count=5).received == 5
    there = INNER[outer, inner].replace("254", "1")
    assert network.net.server.ping(there, count=5).received == 5


@pytest.mark.threads
@every_combination
def test_tcp_both_ways_at_once(network: Network, outer: int, inner: int) -> None:
    exchange_tcp(network.net.client, network.net.server, INNER[outer, inner], 12_000_000)


@every_combination
def test_udp_of_every_size(network: Network, outer: int, inner: int) -> None:
    mtu = settled_mtu(network, outer)
    exchange_udp(network.net.client, network.net.server, INNER[outer, inner], 1, mtu - HEADERS[inner])


@every_combination
def test_udp_in_fragments(network: Network, outer: int, inner: int) -> None:
    settled_mtu(network, outer)
    for size in (1600, 4000, 20_000):
        exchange_udp(network.net.client, network.net.server, INNER[outer, inner], size, size)


@every_combination
def test_udp_segmented_by_whoever_sends_it(network: Network, outer: int, inner: int) -> None:
    settled_mtu(network, outer)
    exchange_udp_segments(network.net.client, network.net.server, INNER[outer, inner], 1000, 40)
    exchange_udp_segments(network.net.client, network.net.server, INNER[outer, inner], 64, 60)


def test_what_one_end_sends_the_other_counts(network: Network) -> None:
    before = network.server.tunnel("mt4")
    network.net.client.ping(INNER[4, 4], count=20)
    after = network.server.tunnel("mt4")
    assert after["rx_packets"] - before["rx_packets"] >= 20
    assert after["tx_bytes"] - before["tx_bytes"] >= 20 * 84
    assert network.server.drops().get("foreign_source", 0) == 0


def test_status_lists_every_node_asked(network: Network) -> None:
    both = [str(network.server.control), str(network.client.control)]
    done = subprocess.run([programs.mpquic(), "status", "--json", *both], capture_output=True, text=True, check=True)
    assert [node["role"] for node in json.loads(done.stdout)] == ["server", "client"]
    table = subprocess.run([programs.mpquic(), "status", *both], capture_output=True, text=True, check=True).stdout
    assert "mt4" in table and "cr6" in table


@pytest.mark.parametrize("outer", [4, 6])
def test_tcp_over_a_link_that_delays_and_loses(testbed: Testbed, outer: int) -> None:
    net = topology.pair(testbed.lab, LinkSpec.both("delay=10ms,loss=1%", seed=5))
    joined = join(testbed, net, outer=outer)
    answers = net.client.ping("10.200.15.254", count=50)
    assert answers.received > 40
    assert answers.rtt_ms >= 20
    exchange_tcp(net.client, net.server, "10.200.15.254", 2_000_000)
    exchange_tcp(net.client, net.server, "fd00:200:15::254", 2_000_000)
    assert joined.client.tunnel()["connections"][0]["loss_ratio"] > 0
    assert joined.client.tunnel()["connections"][0]["reconnects"] == 0
