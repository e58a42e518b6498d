"""A box with links, a server, and tunnels between them, all of them over h3.

           +-- wan1 ---- link ---- wan1 --+          inner: 10.203.N.1 at the box, .254 at the server,
      box ----                            ---- server        N = 1 for the first tunnel
           +-- wan2 ---- link ---- wan2 --+
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab import Lab, Link, Node, topology
from tests.e2e.nodes import PORT, Authority, Mpquic, Testbed, client_configuration, server_configuration, until

from .wan import Wan

_IDENTITY = "box1"
_STEADY = 1.5
_LAST_WORDS = 1500
# For the longest and fastest links that there are here, and all that may wait in queues and for order.
_BUFFERS = {"net.ipv4.tcp_rmem": "4096 131072 33554432", "net.ipv4.tcp_wmem": "4096 65536 33554432"}


@dataclass(frozen=True)
class Over:
    """A tunnel: its links, counted from 1, and what it does with them. No policy: a plain one, without a session."""

    links: tuple[int, ...]
    policy: str | None = "bonded"

    def configuration(self, number: int) -> dict[str, Any]:
        policy = {} if self.policy is None else {"policy": self.policy}
        return {"links": [f"wan{link}" for link in self.links], "address": f"10.203.{number}.1/24", **policy}


@dataclass
class Rig:
    box: Node
    server: Node
    links: list[Link]
    tunnels: dict[str, Over]
    client: Mpquic

    def address(self, tunnel: str, at_box: bool = False) -> str:
        """Inside the tunnel, of the server or the box."""
        return f"10.203.{list(self.tunnels).index(tunnel) + 1}.{1 if at_box else 254}"

    def ends(self, tunnel: str, down: bool) -> tuple[Node, Node, str]:
        """Who sends, who receives, and the receiver's address."""
        return (self.server, self.box, self.address(tunnel, True)) if down else (self.box, self.server, self.address(tunnel))

    def set(self, *wans: Wan) -> None:
        """From now on the links are these."""
        for link, wan in zip(self.links, wans, strict=True):
            link.set(wan.parameters)

    def await_paths(self, tunnel: str, seconds: float = 20) -> None:
        """All its links are in use."""
        wanted = len(self.tunnels[tunnel].links)

        def complete() -> bool:
            connections = self.client.tunnel(tunnel)["connections"]
            return sum(each["state"] == "up" for each in connections) == wanted

        until(complete, seconds, f"{tunnel} has all its {wanted} paths")

    def _await_steady_mtu(self) -> None:
        """Path MTU discovery goes on for a while after a tunnel is up."""
        known: list[int] = []
        since = time.monotonic()
        while time.monotonic() - since < _STEADY:
            if (mtus := [tunnel["mtu"] for tunnel in self.client.status()["tunnels"]]) != known:
                known, since = mtus, time.monotonic()
            time.sleep(0.1)


@contextmanager
def rig(wans: Sequence[Wan], tunnels: dict[str, Over]) -> Iterator[Rig]:
    """All tunnels are up, over all of their links. Whatever fails, the last words of both programs come with it."""
    with Lab() as lab, _speaking(Testbed(lab, Authority(lab.directory / "tls"))) as testbed:
        net = topology.box(lab, [wan.spec for wan in wans])
        for node in (net.box, net.server):
            node.sysctl(_BUFFERS)
        server = server_configuration(
            testbed.authority,
            {name: [f"10.203.{number}.254/24"] for number, name in enumerate(tunnels, start=1)},
            {_IDENTITY: [f"10.203.{number}.0/25" for number in range(1, len(tunnels) + 1)]},
            listen=f"0.0.0.0:{PORT}",
        )
        client = client_configuration(
            testbed.authority, _IDENTITY, f"{topology.SERVER_V4}:{PORT}",
            {name: over.configuration(number) for number, (name, over) in enumerate(tunnels.items(), start=1)},
            interfaces=[wan.name for wan in net.wans], alpn="h3",
        )  # fmt: skip
        testbed.run(net.server, server)
        made = Rig(net.box, net.server, [wan.link for wan in net.wans], tunnels, testbed.run(net.box, client))
        made.client.wait_until_up(seconds=10)
        for name in tunnels:
            made.await_paths(name)
        made._await_steady_mtu()
        yield made
        testbed.stop()


@contextmanager
def _speaking(testbed: Testbed) -> Iterator[Testbed]:
    try:
        yield testbed
    except Exception as failure:
        words = [f"{program.name}: {program.log[-_LAST_WORDS:]}" for program in testbed.programs if program.runs]
        raise RuntimeError("\n".join([str(failure), *words])) from failure
