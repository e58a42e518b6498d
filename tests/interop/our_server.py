"""Our server with clients of aioquic, for the tests of both kinds of them: those that keep to the RFCs
(test_our_server.py), and those that don't (test_wrong_clients.py).

    client ---- wan ---- server
    aioquic              mpquic    mt: 10.200.15.254/24, fd00:200:15::254/64
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Identity, MakePeer
from lab import topology
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, PORT, Mpquic, Testbed, server_configuration
from peer import Peer, headers

TOKEN = "0123456789abcdef0123456789abcdef"
FIXED_V4, FIXED_V6 = "10.200.15.7", "fd00:200:15::7"  # of box2
NAME, ELSEWHERE = "inside.test", "elsewhere.test"  # as the server looks them up
ROUTES = [["10.200.15.0", "10.200.15.255", 0], ["fd00:200:15::", "fd00:200:15:0:ffff:ffff:ffff:ffff", 0]]


@dataclass
class Site:
    net: topology.Pair
    server: Mpquic
    peer: MakePeer
    identity: Identity

    def client(self, name: str | None = "box1", **habits: Any) -> Peer:
        """Not connected yet; `name` is on its certificate."""
        shown = self.identity.ca if name is None else self.identity.client(name)
        return self.peer(self.net.client, "client", **{**shown, **habits})

    def connected(self, name: str | None = "box1", **habits: Any) -> Peer:
        client = self.client(name, **habits)
        dial(self, client)
        return client


def dial(site: Site, client: Peer, address: str = "", **changed: Any) -> int:
    number = client.do("connect", address=address or site.net.server_v4, port=PORT, **changed)
    client.expect("connected", connection=number, alpn="h3")
    return number


def configuration(testbed: Testbed, **top: Any) -> dict[str, Any]:
    clients = {
        "box1": {},
        "box2": {"addresses": [FIXED_V4, FIXED_V6]},
        "box3": {"token": "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()},
    }
    tunnels = {"mt": [f"{INNER_SERVER_V4}/24", f"{INNER_SERVER_V6}/64"]}
    return server_configuration(testbed.authority, tunnels, clients, **top)


@pytest.fixture(scope="module")
def running(shared_testbed: Testbed) -> tuple[topology.Pair, Mpquic]:
    net = topology.pair(shared_testbed.lab)
    server = shared_testbed.add(net.server, configuration(shared_testbed))
    hosts = net.server.write_file("hosts", f"{INNER_SERVER_V4} {NAME}\n{INNER_SERVER_V6} {NAME}\n192.0.2.1 {ELSEWHERE}\n")
    server.start_in(f"mount --bind {hosts} /etc/hosts && : >{hosts}.resolv && mount --bind {hosts}.resolv /etc/resolv.conf")
    server.wait_for_log("server runs")
    return net, server


@pytest.fixture
def site(running: tuple[topology.Pair, Mpquic], peer: MakePeer, identity: Identity) -> Site:
    """One server for the whole file: whatever is done to it, it serves the next."""
    return Site(*running, peer, identity)


@dataclass
class Tunnel:
    client: Peer
    stream: int
    v4: str
    v6: str
    connection: int

    def works(self) -> None:
        for source, target in ((self.v4, INNER_SERVER_V4), (self.v6, INNER_SERVER_V6)):
            assert self.client.do(
                "echo", stream=self.stream, source=source, target=target, connection=self.connection
            ) == 5, f"{source} -> {target}\n{self.client.account()}"  # fmt: skip


def accepted(client: Peer, stream: int, connection: int = 0) -> Tunnel:
    """After its request: what comes with the response."""
    of = {"stream": stream, "connection": connection}
    response = client.expect("response", **of)
    assert response["status"] == "200", response
    assert response["headers"]["capsule-protocol"] == "?1"
    addresses = [prefix for prefix, _ in client.expect("assigned", **of)["addresses"]]
    assert client.expect("advertised", **of)["routes"] == ROUTES
    v4, v6 = (prefix.partition("/") for prefix in addresses)
    assert (v4[2], v6[2]) == ("32", "128")
    return Tunnel(client, stream, v4[0], v6[0], connection)


def tunnel(client: Peer, connection: int = 0, **more: str) -> Tunnel:
    return accepted(client, client.do("request", headers=headers(**more), connection=connection), connection)


def with_changes(changed: dict[str, str | None]) -> list[list[str]]:
    """The request, with other fields; None: without this one."""
    fields = dict(headers()) | changed
    return [[name, value] for name, value in fields.items() if value is not None]
