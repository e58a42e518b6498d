"""The native protocol, CONNECT-IP over HTTP/3: addresses and routes are handed out, and who may have them.

    client ---- wan ---- server
"""

from __future__ import annotations

from lab import topology
from nodes import PORT, Testbed, client_configuration, server_configuration, until


def test_a_client_without_addresses_is_given_some(testbed: Testbed) -> None:
    net = topology.pair(testbed.lab)
    server = testbed.run(net.server, server_configuration(
        testbed.authority, tunnels={"mt": ["10.200.15.254/24", "fd00:200:15::254/64"]}, clients={"box1": {}},
    ))  # fmt: skip
    client = testbed.run(net.client, client_configuration(
        testbed.authority, "box1", f"{net.server_v4}:{PORT}", {"cr": {}}, alpn="h3",
    ))  # fmt: skip
    client.wait_until_up()
    assert net.client.ping("10.200.15.254").loss == 0
    assert net.client.ping("fd00:200:15::254").loss == 0
    print(net.client.run(["sh", "-c", "ip address; ip route; ip rule"]).stdout, server.log)
