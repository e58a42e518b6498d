"""The two ends of aioquic with each other: what the other tests stand on.

    client ---- wan ---- server
"""

from __future__ import annotations

import pytest
from conftest import Identity, MakePeer
from lab import topology
from nodes import PORT, Testbed
from peer import headers

ROUTES = [["10.9.0.0", "10.9.0.255", 0], ["fd00:9::", "fd00:9::ffff", 0]]
HABITS = [
    {},
    {"grease": True, "streams": ["grease", "decoder", "encoder", "grease", "control"]},
    {"table": 0, "dynamic": False, "streams": ["control"]},
    {"over_stream": True, "chop": 1},
    {"hold_encoder": False, "reverse_settings": True, "chop": 7, "grease": True},
]


@pytest.mark.parametrize("habits", HABITS)
def test_addresses_routes_and_packets(
    testbed: Testbed, identity: Identity, peer: MakePeer, habits: dict[str, object]
) -> None:
    net = topology.pair(testbed.lab)
    server = peer(net.server, "server", **identity.server(), assign=["10.9.0.2/32", "fd00:9::2/128"], routes=ROUTES,
                  **habits)  # fmt: skip
    server.do("listen", address="0.0.0.0", port=PORT)
    client = peer(net.client, "client", **identity.ca, **habits)
    client.do("connect", address=net.server_v4, port=PORT)
    client.expect("connected", alpn="h3")
    client.expect("settings")
    stream = client.do("request", headers=headers())
    client.expect("response", status="200")
    assert client.expect("assigned")["addresses"] == [["10.9.0.2/32", 0], ["fd00:9::2/128", 0]]
    assert client.expect("advertised")["routes"] == ROUTES
    client.do("ask", stream=stream, addresses=[["0.0.0.0/32", 1]])
    assert client.expect("assigned")["addresses"] == [["10.9.0.2/32", 1], ["fd00:9::2/128", 0]]
    assert client.do("echo", stream=stream, source="10.9.0.2", target="10.9.0.1") == 5
    assert client.do("echo", stream=stream, source="fd00:9::2", target="fd00:9::1", size=1100) == 5
