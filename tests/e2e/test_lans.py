"""The box's LANs: addresses that mpquic gives and takes back, VLANs, and what somebody else made of either.

    lan ---- lan0 box wan1, wan2 ---- server
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from lab import LinkSpec, Node, programs, topology
from lab.topology import SERVER_V4
from nodes import PORT, Authority, Configuration, Mpquic, Testbed, client_configuration, until
from test_box import FOREIGN, shell, snapshot

OFFICE = ["172.16.41.1/24", "fd00:16:41::1/64"]
GUESTS = ["172.16.42.1/24"]


def configuration(authority: Authority, lans: dict[str, Any], **top: Any) -> Configuration:
    rules = [{"lan": name, "tunnel": "cr"} for name in lans]
    return client_configuration(
        authority, "box1", f"{SERVER_V4}:{PORT}", {"cr": "10.200.1.1/24"}, interfaces=["wan1"], lans=lans,
        classify=rules, **top,
    )  # fmt: skip


def net_command(client: Mpquic, verb: str) -> subprocess.CompletedProcess[str]:
    return client.node.run([programs.mpquic(), "net", verb, str(client.file)], check=False)


def addresses(node: Node, interface: str) -> list[str]:
    links = json.loads(node.ip(f"-json address show dev {interface}"))
    return [f"{one['local']}/{one['prefixlen']}" for one in links[0]["addr_info"] if one["scope"] == "global"]


def everything(node: Node) -> tuple[list[str], list[tuple[str, list[str], list[str]]]]:
    """What the kernel has, interfaces and their addresses included."""
    links = json.loads(node.ip("-json link"))
    return snapshot(node), [(link["ifname"], link["flags"], addresses(node, link["ifname"])) for link in links]


def make_box(testbed: Testbed) -> topology.Box:
    return topology.box(testbed.lab, [LinkSpec(), LinkSpec()])


def test_addresses_are_given_and_taken_back_and_others_never_touched(testbed: Testbed) -> None:
    box = make_box(testbed).box
    shell(box, FOREIGN)
    shell(box, "ip link add lan0.21 type ifb; ip address add 172.16.41.77/24 dev lan0; ip address add 10.9.9.9/32 dev lan0.21")
    shell(box, "ip link set lan0.21 up; sysctl -qw net.ipv6.conf.lan0.accept_dad=0 net.ipv4.conf.lan0.promote_secondaries=0")
    until(lambda: "tentative" not in box.ip("address"), 5)
    before = everything(box)
    lans = {
        "office": {"interface": "lan0", "address": OFFICE},
        "guests": {"interface": "lan0", "vlan": 21, "address": GUESTS},
    }
    client = testbed.add(box, configuration(testbed.authority, lans))

    missing = net_command(client, "diff")
    assert missing.returncode == 1
    for line in ("+ address 172.16.41.1/24 on lan0", "+ address 172.16.42.1/24 on lan0.21"):
        assert line in missing.stdout.splitlines()
    assert "VLAN device" not in missing.stdout, "what somebody else made is used"
    applied = net_command(client, "apply")
    assert (applied.returncode, applied.stdout) == (0, ""), applied.stdout + applied.stderr
    assert set(OFFICE) <= set(addresses(box, "lan0"))
    assert addresses(box, "lan0.21") == ["10.9.9.9/32", *GUESTS]
    assert "172.16.42.0/24 dev lan0.21" in shell(box, "ip route show table all proto 109"), "LAN to LAN"
    with_ours = everything(box)
    again = net_command(client, "diff")
    assert (again.returncode, again.stdout) == (0, ""), again.stdout + again.stderr
    assert net_command(client, "apply").returncode == 0
    assert everything(box) == with_ours
    assert "address 172.16.42.1/24 on lan0.21\n" in net_command(client, "status").stdout
    assert net_command(client, "remove").returncode == 0
    assert everything(box) == before

    # The same with the node itself, once stopped and once killed.
    client.start().stop()
    assert everything(box) == before
    client.start().kill()
    assert set(OFFICE) <= set(addresses(box, "lan0"))
    client.start().stop()
    assert everything(box) == before
    client.start().kill()
    assert net_command(client, "remove").returncode == 0
    assert everything(box) == before


def test_what_comes_later_and_what_somebody_takes_away(testbed: Testbed) -> None:
    box = make_box(testbed).box
    lans = {"office": {"interface": "lan0", "address": OFFICE}, "cellar": {"interface": "lan7", "address": GUESTS}}
    client = testbed.run(box, configuration(testbed.authority, lans))
    client.wait_for_log("waiting: lan cellar: interface lan7 does not exist")
    assert client.log.count("lan7 does not exist") == 1

    box.ip("link add lan7 type ifb")
    until(lambda: addresses(box, "lan7") == GUESTS, 2)
    until(lambda: "172.16.42.0/24 dev lan7" in shell(box, "ip route show table all proto 109"), 2)
    assert "UP" in json.loads(box.ip("-json link show dev lan7"))[0]["flags"]
    box.ip("link del lan7")
    client.wait_for_log("(?s)does not exist.*interface lan7 does not exist")
    assert "somebody" not in client.log, "an interface that goes takes its address with it"

    box.ip(f"address del {OFFICE[0]} dev lan0")
    until(lambda: OFFICE[0] in addresses(box, "lan0"), 2)
    client.wait_for_log("somebody has changed VLANs or addresses of mpquic: they are as they were")


def test_two_nodes_keep_their_addresses_apart(testbed: Testbed) -> None:
    box = make_box(testbed).box
    nodes = []
    for name, link, tunnel, lan in (("one", "wan1", "cr", OFFICE), ("two", "wan2", "df", GUESTS)):
        wanted = client_configuration(
            testbed.authority, "box1", f"{SERVER_V4}:{PORT}", {tunnel: f"10.200.{len(nodes)}.1/24"}, interfaces=[link],
            lans={"office": {"interface": "lan0", "address": lan}},
        )  # fmt: skip
        nodes.append(testbed.run(box, wanted, name))
    assert set(OFFICE + GUESTS) <= set(addresses(box, "lan0"))
    nodes[0].stop()
    assert set(addresses(box, "lan0")) & set(OFFICE + GUESTS) == set(GUESTS)


def test_a_kernel_without_vlans_is_said_and_the_rest_stands(testbed: Testbed) -> None:
    """And one that has them makes the VLAN; tests/kernel says more of that."""
    box = make_box(testbed).box
    has_vlans = box.run(["ip", "link", "add", "probe", "link", "lan0", "type", "vlan", "id", "9"], check=False).returncode == 0
    lans = {
        "office": {"interface": "lan0", "address": OFFICE},
        "guests": {"interface": "lan0", "vlan": 21, "address": GUESTS},
    }
    client = testbed.add(box, configuration(testbed.authority, lans))
    applied = net_command(client, "apply")
    assert applied.returncode == 0, applied.stderr
    assert set(OFFICE) <= set(addresses(box, "lan0"))
    refused = "lan guests: VLAN 21 on lan0: this kernel can't make it: 802.1Q: Operation not supported (Unknown device type)"
    assert [refused in line for line in applied.stdout.splitlines()] == ([] if has_vlans else [True])
    assert net_command(client, "diff").returncode == 0
    assert net_command(client, "remove").returncode == 0
