"""A server that is open for everybody gives each stranger an address of its own, on whichever worker he is."""

from __future__ import annotations

from native import Street, given
from nodes import Testbed


def test_strangers_do_not_take_each_others_addresses(testbed: Testbed) -> None:
    street = Street(testbed, 8)
    everybody = {"*": ["10.200.15.0/24", "fd00:200:15::/64"]}
    configuration = street.server_file(everybody, workers=2)
    configuration["tls"]["client_auth"] = "none"
    configuration["tls"].pop("client_ca", None)
    testbed.run(street.server_node, configuration)
    clients = []
    for number in range(1, 9):
        client = testbed.run(street.box(number), street.client_file(None))
        client.wait_until_up()
        clients.append(client)
    addresses = [tuple(given(client)) for client in clients]
    assert len(set(addresses)) == len(addresses)
    assert [client.tunnel()["connections"][0]["reconnects"] for client in clients] == [0] * 8
