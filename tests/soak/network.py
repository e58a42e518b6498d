"""What is soaked: a box with two links and three tunnels, and two servers.

    box ---- wan1 -------------- server     `steady`: the tunnels kept1 over wan1 and kept2 over wan2, never restarted
        ---- wan2 ---- NAT ----- server     `shaken`: the tunnel lost over wan1, restarted now and then

The program at the box that carries all three is never restarted either; a second one, `guest`, has a tunnel of its own
to `steady` over wan2, and comes and goes."""

from __future__ import annotations

from dataclasses import dataclass

from lab import LinkSpec, topology
from nodes import Mpquic, Testbed, client_configuration, server_configuration

LINKS = {"wan1": "delay=10ms,rate=50mbit,loss=0.1%", "wan2": "delay=25ms,rate=20mbit,loss=0.5%"}
SERVERS_OF_TUNNELS = {"kept1": "10.201.1.254", "kept2": "10.201.2.254", "lost": "10.201.3.254", "guest": "10.201.4.254"}

_STEADY, _SHAKEN = 45010, 45011


@dataclass
class Soaked:
    testbed: Testbed
    net: topology.Box
    steady: Mpquic
    shaken: Mpquic
    box: Mpquic
    guest: Mpquic


def build(testbed: Testbed) -> Soaked:
    authority = testbed.authority
    net = topology.box(testbed.lab, [LinkSpec.both(LINKS["wan1"]), LinkSpec(LINKS["wan2"], LINKS["wan2"], nat=True)])
    # An address that replaces another must not take the interface's routes with it.
    net.box.sysctl({"net.ipv4.conf.all.promote_secondaries": "1"})
    net.box.ip("-4 rule add priority 20001 from 10.60.1.0/24 lookup 1001")

    def served(*names: str) -> dict[str, str]:
        return {f"s_{name}": f"{SERVERS_OF_TUNNELS[name]}/24" for name in names}

    owned = {"box1": ["10.201.1.1", "10.201.2.1", "10.201.3.1"], "guest1": ["10.201.4.1"]}
    steady = testbed.add(net.server, server_configuration(
        authority, served("kept1", "kept2", "guest"), owned, f"0.0.0.0:{_STEADY}"), "steady")  # fmt: skip
    shaken = testbed.add(net.server, server_configuration(
        authority, served("lost"), {"box1": owned["box1"]}, f"0.0.0.0:{_SHAKEN}"), "shaken")  # fmt: skip
    box = testbed.add(net.box, client_configuration(
        authority, "box1", f"{topology.SERVER_V4}:{_STEADY}",
        {
            "kept1": {"address": "10.201.1.1/24", "links": ["wan1"]},
            "kept2": {"address": "10.201.2.1/24", "links": ["wan2"]},
            "lost": {"address": "10.201.3.1/24", "links": ["wan1"], "server": f"{topology.SERVER_V4}:{_SHAKEN}"},
        },
        interfaces=["wan1", "wan2"]), "box")  # fmt: skip
    guest = testbed.add(net.box, client_configuration(
        authority, "guest1", f"{topology.SERVER_V4}:{_STEADY}", {"guest": "10.201.4.1/24"}, interfaces=["wan2"]),
        "guest")  # fmt: skip
    for program in (steady, shaken, box, guest):
        program.start()
    return Soaked(testbed, net, steady, shaken, box, guest)
