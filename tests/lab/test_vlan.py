"""802.1Q on the wire, where the kernel has no devices for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import Lab
from lab.vlan import add_vlans


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


def test_what_passes_between_vlan_interfaces_is_tagged_on_the_wire(lab: Lab) -> None:
    nodes = [lab.node("left"), lab.node("right")]
    lab.veth(nodes[0], "eth0", nodes[1], "eth0")
    for number, node in enumerate(nodes, start=1):
        add_vlans(node, "eth0", [11, 12])
        node.add_addresses("eth0.11", f"10.0.11.{number}/24")
        node.add_addresses("eth0.12", f"10.0.12.{number}/24")
    wire = nodes[1].start("tcpdump -e -n -l -i eth0")
    wire.wait_for_log("listening on")
    for vlan in (11, 12):
        assert nodes[0].ping(f"10.0.{vlan}.2", count=3).received == 3
        wire.wait_for_log(rf"vlan {vlan}, .*10.0.{vlan}.1 > 10.0.{vlan}.2: ICMP echo request")
        wire.wait_for_log(rf"vlan {vlan}, .*10.0.{vlan}.2 > 10.0.{vlan}.1: ICMP echo reply")


def test_vlans_are_apart(lab: Lab) -> None:
    left, right = lab.node("left"), lab.node("right")
    lab.veth(left, "eth0", right, "eth0")
    add_vlans(left, "eth0", [11, 13])
    add_vlans(right, "eth0", [12, 13])
    left.add_addresses("eth0.11", "10.0.0.1/24")
    right.add_addresses("eth0.12", "10.0.0.2/24")
    assert left.ping("10.0.0.2", count=3, patience=0.3).received == 0
    left.ip("address flush dev eth0.11")
    right.ip("address flush dev eth0.12")
    left.add_addresses("eth0.13", "10.0.0.1/24")
    right.add_addresses("eth0.13", "10.0.0.2/24")
    assert left.ping("10.0.0.2", count=3).received == 3
