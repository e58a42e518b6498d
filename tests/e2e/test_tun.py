"""The TUN device: made, addressed, up, the path's MTU; gone after a clean stop; never flapping.

    client ---- wan ---- server
      cr ................. mt
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab import Node, topology
from nodes import INNER_SERVER_V4, Testbed, join, pair_client, pair_server, patience, until


def link(node: Node, name: str) -> dict[str, Any] | None:
    return next((one for one in json.loads(node.ip("-details -json link show")) if one["ifname"] == name), None)


def test_made_addressed_up_and_gone(testbed: Testbed) -> None:
    joined = join(testbed, topology.pair(testbed.lab))
    net = joined.net
    for node, name, addresses in (
        (net.client, "cr", {"10.200.15.1/24", "fd00:200:15::1/64"}),
        (net.server, "mt", {"10.200.15.254/24", "fd00:200:15::254/64"}),
    ):
        device = link(node, name)
        assert device and "UP" in device["flags"] and device["linkinfo"]["info_data"]["type"] == "tun"
        assert set(node.addresses(name)) == addresses
    # What fits a wire of 1500 bytes, found out in steps.
    until(lambda: link(net.client, "cr")["mtu"] > 1400 and link(net.server, "mt")["mtu"] > 1400, 5, "MTU found")
    assert link(net.client, "cr")["mtu"] == joined.client.tunnel()["mtu"] < 1500 - 20 - 8 - 20

    assert joined.client.stop() < patience(2)
    assert link(net.client, "cr") is None
    assert joined.server.stop() < patience(2)
    assert link(net.server, "mt") is None
    assert not joined.client.control.exists() and not joined.server.control.exists()


def test_a_fixed_mtu_stays(testbed: Testbed) -> None:
    net = topology.pair(testbed.lab)
    testbed.run(net.server, pair_server(testbed))
    configuration = pair_client(testbed, net.server_v4)
    configuration["tunnels"]["cr"]["mtu"] = 1350
    client = testbed.run(net.client, configuration)
    assert link(net.client, "cr")["mtu"] == 1350
    until(lambda: client.tunnel()["connections"] and client.tunnel()["connections"][0]["mtu"] > 1400, 5, "MTU found")
    assert link(net.client, "cr")["mtu"] == 1350


def test_the_client_has_its_device_before_it_has_a_server(testbed: Testbed) -> None:
    net = topology.pair(testbed.lab)
    client = testbed.run(net.client, pair_client(testbed, net.server_v4))
    device = link(net.client, "cr")
    assert device and "UP" in device["flags"] and device["mtu"] == 1280
    assert client.tunnel()["state"] == "connecting"
    index = device["ifindex"]
    testbed.run(net.server, pair_server(testbed))
    client.wait_until_up(seconds=10)
    assert link(net.client, "cr")["ifindex"] == index


@pytest.mark.parametrize("left_behind", ["", "multi_queue"], ids=["one-queue", "multi-queue"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_persistent_device_left_behind_is_taken_over(testbed: Testbed, left_behind: str, workers: int) -> None:
    net = topology.pair(testbed.lab)
    for node, name in ((net.client, "cr"), (net.server, "mt")):
        node.ip(f"tuntap add dev {name} mode tun {left_behind}")
        node.ip(f"address add 10.99.0.1/24 dev {name}")
    joined = join(testbed, net, workers=workers)
    assert net.client.ping(INNER_SERVER_V4, count=3).received == 3
    assert link(net.server, "mt")["linkinfo"]["info_data"]["multi_queue"] == (workers > 1)
    joined.client.stop()
    assert link(net.client, "cr") is None


def test_it_does_not_flap_while_the_tunnel_reconnects(testbed: Testbed) -> None:
    joined = join(testbed, topology.pair(testbed.lab))
    net = joined.net
    until(lambda: link(net.client, "cr")["mtu"] > 1400, 5, "MTU found")
    index = link(net.client, "cr")["ifindex"]
    monitor = net.client.start(["ip", "-o", "monitor", "link"], log="monitor.log")
    watch = net.client.start(["ip", "-o", "monitor", "address", "dev", "cr"], log="watch.log")
    for count in range(1, 11):
        net.client.ip("address del 10.60.1.2/24 dev wan")
        until(lambda: joined.client.tunnel()["state"] != "up", 2, "noticed")
        net.client.ip("address add 10.60.1.2/24 dev wan")

        def reconnected() -> bool:
            tunnel = joined.client.tunnel()
            return tunnel["state"] == "up" and tunnel["connections"][0]["reconnects"] == count  # noqa: B023

        until(reconnected, 2, f"reconnected the {count}th time")
    assert net.client.ping(INNER_SERVER_V4, count=3).received == 3
    assert link(net.client, "cr")["ifindex"] == index
    for line in monitor.log.splitlines():
        assert "cr:" not in line or ("LOWER_UP" in line and "Deleted" not in line), line
    assert "cr" not in watch.log


@pytest.mark.parametrize("workers", [1, 2])
def test_a_device_that_somebody_deletes_ends_the_node_which_says_so(testbed: Testbed, workers: int) -> None:
    joined = join(testbed, topology.pair(testbed.lab), workers=workers)
    for node, mpquic, device in ((joined.net.client, joined.client, "cr"), (joined.net.server, joined.server, "mt")):
        node.ip(f"link delete {device}")
        mpquic.wait_for_log(f"{device}: the TUN device has been deleted")
        assert mpquic.process.wait(patience(2)) == 1
        mpquic.check_log()
