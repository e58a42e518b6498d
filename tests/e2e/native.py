"""The native protocol on nodes: servers that hand out what clients need, and clients that have nothing of it in their
files. As nodes.py, for ALPN h3.

    box1 ---- wan --+
    box2 ---- wan --+-- bridge (wire) ---- wan server        outer: 10.60.0.N and 10.60.0.254
     ...            |                          mt            inner: 10.200.15.254/24, fd00:200:15::254/64
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import Node, programs
from nodes import (
    INNER_SERVER_V4, INNER_SERVER_V6, PORT, Authority, Configuration, Mpquic, Testbed, client_configuration,
    server_configuration, until,
)  # fmt: skip
from traffic import assert_answered

NETWORKS = [f"{INNER_SERVER_V4}/24", f"{INNER_SERVER_V6}/64"]


def native_server(
    authority: Authority, clients: dict[str, Any], tunnel: Configuration | None = None, **top: Any
) -> Configuration:
    """With the tunnel `mt`, of which `tunnel` says more."""
    return server_configuration(authority, {"mt": {"address": NETWORKS, **(tunnel or {})}}, clients, **top)


def native_client(
    authority: Authority, identity: str | None, server: str, tunnels: dict[str, Any] | None = None, **top: Any
) -> Configuration:
    """With the tunnel `cr`, unless it is said otherwise. Without identity it has no certificate."""
    configuration = client_configuration(authority, identity or "nobody", server, tunnels or {"cr": {}}, alpn="h3", **top)
    if identity is None:
        del configuration["tls"]["certificate"], configuration["tls"]["key"]
    return configuration


class Street:
    """A server and its boxes on one wire. All that runs there is made with the testbed's authority."""

    def __init__(self, testbed: Testbed, boxes: int) -> None:
        self.testbed = testbed
        lab = testbed.lab
        middle, self.server_node = lab.node("wire"), lab.node("server")
        self.boxes = [lab.node(f"box{number}") for number in range(1, boxes + 1)]
        for node, address in zip([self.server_node, *self.boxes], (254, *range(1, boxes + 1)), strict=True):
            lab.veth(node, "wan", middle, node.name)
            node.add_addresses("wan", f"10.60.0.{address}/24")
        lab.bridge(middle, "bridge", "server", *(box.name for box in self.boxes))
        self.server_node.forward()
        # The kernel would tell boxes of one subnet that there is a shorter way from one to the other than through here.
        self.server_node.sysctl({"net.ipv4.conf.all.send_redirects": "0", "net.ipv4.conf.default.send_redirects": "0"})

    def serve(self, clients: dict[str, Any], tunnel: Configuration | None = None, **top: Any) -> Mpquic:
        return self.testbed.run(self.server_node, self.server_file(clients, tunnel, **top))

    def server_file(self, clients: dict[str, Any], tunnel: Configuration | None = None, **top: Any) -> Configuration:
        return native_server(self.testbed.authority, clients, tunnel, **top)

    def client_file(
        self, identity: str | None, tunnels: dict[str, Any] | None = None, **top: Any
    ) -> Configuration:  # fmt: skip
        return native_client(self.testbed.authority, identity, f"10.60.0.254:{PORT}", tunnels, **top)

    def box(self, number: int) -> Node:
        return self.boxes[number - 1]

    def join(self, number: int, tunnels: dict[str, Any] | None = None, **top: Any) -> Mpquic:
        """box1 on the node box1, up."""
        client = self.testbed.run(self.box(number), self.client_file(f"box{number}", tunnels, **top))
        client.wait_until_up()
        return client


def given(client: Mpquic, tunnel: str = "cr") -> list[str]:
    """The addresses of the tunnel's device, once it has one of each IP version."""

    def both() -> list[str]:
        addresses = client.node.addresses(tunnel)
        return addresses if len(addresses) == 2 else []

    return [address.partition("/")[0] for address in until(both, 3, f"{tunnel} has an address of each IP version")]


def reaches(node: Node, *addresses: str, source: str | None = None, count: int = 3) -> bool:
    """Whether each answers all pings, once it has answered one: a tunnel is up a moment before the kernel has its routes."""
    end = time.monotonic() + 2
    for each in addresses:
        while not answers(node, each, source) and time.monotonic() < end:
            pass
    return all(node.ping(each, count=count, source=source, patience=2).received == count for each in addresses)


def answers(node: Node, address: str, source: str | None = None) -> bool:
    """Whether it answers just now; for what comes or goes."""
    words = ["ping", "-n", "-c", "1", "-W", "0.3", *(["-I", source] if source else []), address]
    return node.run(words, check=False).returncode == 0


def connection_of(server: Mpquic, peer: str) -> dict[str, Any]:
    """The only one that it has."""
    (connection,) = (each for each in server.tunnel()["connections"] if each["peer"] == peer)
    return connection


@contextmanager
def undisturbed(client: Mpquic, address: str = INNER_SERVER_V4, tunnel: str = "cr") -> Iterator[None]:
    """Around what must cost this client neither a ping nor its connection."""
    before = client.tunnel(tunnel)["connections"][0]
    ping = client.node.start(["stdbuf", "-oL", "ping", "-n", "-i", "0.02", "-W", "2", address])
    ping.wait_for_log("time=")
    yield
    answered = ping.log.count("time=")
    until(lambda: ping.log.count("time=") >= answered + 5, 3, "pings go on")
    ping.signal(signal.SIGINT)
    ping.wait(5)
    assert_answered(ping)
    after = client.tunnel(tunnel)["connections"][0]
    assert (after["id"], after["reconnects"]) == (before["id"], before["reconnects"])
    assert after["since_seconds"] >= before["since_seconds"]


def new_token(directory: Path, name: str) -> tuple[str, str]:
    """Made by `mpquic token new`: its file, and its hash for the server."""
    command = [programs.mpquic(), "token", "new", name, "--dir", str(directory), "--force"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r'token: "(sha256:\w+)"', said)
    assert found is not None, said
    return str(directory / f"{name}.token"), found[1]


# Counts packets before anybody but the device itself has a say. Those that a program has captured or made count, too.
_COUNT = """
table inet count_{name}
delete table inet count_{name}
table inet count_{name} {{
    counter seen {{ }}
    chain in {{ type filter hook prerouting priority raw; {match} counter name seen; }}
    chain out {{ type filter hook output priority raw; {match} counter name seen; }}
}}
"""


class Counter:
    """Packets that come into a node, or that it makes, and that match ("ip saddr 10.0.0.1")."""

    def __init__(self, node: Node, name: str, match: str) -> None:
        self.node, self.name = node, name
        node.run(["nft", "-f", "-"], text=_COUNT.format(name=name, match=match))

    @property
    def packets(self) -> int:
        shown = json.loads(self.node.run(f"nft -j list counter inet count_{self.name} seen").stdout)
        return shown["nftables"][-1]["counter"]["packets"]


def routes_into(node: Node, device: str) -> list[str]:
    """Destinations of the routes of ours that lead into a device, in whichever table."""
    shown: list[str] = []
    for family in ("-4", "-6"):
        found = json.loads(node.ip(f"{family} -json route show table all proto 109 dev {device}") or "[]")
        shown += [("::/0" if family == "-6" else "0.0.0.0/0") if r["dst"] == "default" else r["dst"] for r in found]
    return sorted(shown)


def names(sequence: Sequence[dict[str, Any]], key: str = "peer") -> set[str]:
    return {each[key] for each in sequence}
