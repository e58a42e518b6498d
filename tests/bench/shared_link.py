"""A box with one link and a tunnel for each class over it.

    box ---- linkem, 100 Mbit/s, 10 ms each way ---- server      cr, df, bk
    wan                                              wan
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lab import Lab, Link, LinkSpec
from tests.e2e.nodes import Testbed, client_configuration, server_configuration

RATE_MBPS = 100
SPEC = LinkSpec.both(f"delay=10ms,rate={RATE_MBPS}mbit")
TUNNELS = {"cr": "critical", "df": "default", "bk": "bulk"}
FIRST_PORT = 5201
SINK_PORT = 7000

_BOX, _SERVER = "10.62.1.2", "10.62.1.1"
_LISTEN = f"{_SERVER}:45010"

# What of one connection is lost on its way, in the direction that comes in here; the counter has what was lost.
_LOSS = """
table netdev lossy
delete table netdev lossy
table netdev lossy {{
    chain arriving {{
        type filter hook ingress device "wan" priority 0
        udp {end} {port} numgen random mod 100 < {percent} counter drop
    }}
}}
"""

# Takes what comes and never answers; nobody reads it.
_SINK = """
import signal, socket, sys
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind((sys.argv[1], int(sys.argv[2])))
signal.pause()
"""


class SharedLink:
    def __init__(self, lab: Lab, testbed: Testbed) -> None:
        self.box, self.server = lab.node("shared-box"), lab.node("shared-server")
        self.link = Link(lab, "shared", (self.box, "wan"), (self.server, "wan"), SPEC)
        self.box.add_addresses("wan", f"{_BOX}/24")
        self.server.add_addresses("wan", f"{_SERVER}/24")
        authority = testbed.authority
        networks = {name: f"10.202.{number}" for number, name in enumerate(TUNNELS, start=1)}
        self.addresses = {name: f"{network}.254" for name, network in networks.items()}
        """Of the server, inside each tunnel."""
        self.daemon = testbed.run(
            self.server,
            server_configuration(authority, {f"{name}s": [f"{network}.254/24"] for name, network in networks.items()},
                                 {"box1": [f"{network}.1" for network in networks.values()]}, listen=_LISTEN),
            "shared-server",
        )  # fmt: skip
        self.client = testbed.run(
            self.box,
            client_configuration(authority, "box1", _LISTEN,
                                 {name: {"address": f"{networks[name]}.1/24", "class": traffic_class}
                                  for name, traffic_class in TUNNELS.items()}),
            "shared-box",
        )  # fmt: skip
        self.client.wait_until_up()
        self.ports = {name: FIRST_PORT + number for number, name in enumerate(TUNNELS)}
        """Of an iperf3 for each tunnel."""
        for port in self.ports.values():
            self.server.iperf3_server(port)
        self.server.start([sys.executable, "-c", _SINK, self.addresses["bk"], str(SINK_PORT)])

    def arrived(self, tunnel: str) -> int:
        """Inner packets that have come out at the server, since the start."""
        return self.daemon.tunnel(f"{tunnel}s")["rx_packets"]

    def _outer_port(self, tunnel: str) -> int:
        return int(self.client.tunnel(tunnel)["connections"][0]["local_address"].rpartition(":")[2])

    @contextmanager
    def loss(self, tunnel: str, percent: int) -> Iterator[None]:
        """So many of this tunnel's outer packets are lost, both ways, and of no other's. That it was so until the end
        is checked."""
        if percent == 0:
            yield
            return
        port = self._outer_port(tunnel)
        for node, end in ((self.server, "sport"), (self.box, "dport")):
            node.run(["nft", "-f", "-"], text=_LOSS.format(end=end, port=port, percent=percent))
        try:
            yield
            if self._outer_port(tunnel) != port:
                raise RuntimeError(f"tunnel {tunnel} has a new connection, which nothing was lost of")
            for node in (self.server, self.box):
                if "packets 0 " in node.run("nft list table netdev lossy").stdout:
                    raise RuntimeError(f"nothing of tunnel {tunnel} was lost at {node.name}")
        finally:
            for node in (self.server, self.box):
                node.run("nft delete table netdev lossy")
