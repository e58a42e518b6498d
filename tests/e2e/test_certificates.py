"""Who is who: nobody gets a packet through without the right certificate, the right side says why, and others go on.

    stranger ---- wan --+
                        +-- bridge ---- server
    box1 -------- wan --+                mt
      cr

box1 is in order, and its pings never stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab import Lab, Node, topology
from nodes import (
    INNER_SERVER_V4, PORT, Authority, Configuration, Mpquic, Testbed, client_configuration, server_configuration, until,
)  # fmt: skip

SERVER = f"10.60.0.254:{PORT}"


@dataclass
class Gate:
    testbed: Testbed
    server: Mpquic
    box1: Mpquic
    stranger: Node


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another CA, with a server and clients of its own."""
    return Authority(tmp_path_factory.mktemp("foreign"))


@pytest.fixture(scope="module")
def gate(authority: Authority) -> Iterator[Gate]:
    with Lab() as lab:
        testbed = Testbed(lab, authority)
        wire, server_node = lab.node("wire"), lab.node("server")
        nodes = {"server": server_node, "box1": lab.node("box1"), "stranger": lab.node("stranger")}
        for name, address in (("server", "10.60.0.254"), ("box1", "10.60.0.1"), ("stranger", "10.60.0.2")):
            lab.veth(nodes[name], "wan", wire, name)
            nodes[name].add_addresses("wan", f"{address}/24")
        lab.bridge(wire, "bridge", *nodes)
        clients = {"box1": ["10.200.15.1"], "box2": ["10.200.15.2"], "lost": ["10.200.15.3"]}
        configuration = server_configuration(authority, {"mt": f"{INNER_SERVER_V4}/24"}, clients, workers=2)
        configuration["tls"]["crl"] = authority.revoke("lost")
        server = testbed.run(server_node, configuration)
        box1 = testbed.run(nodes["box1"], client_configuration(authority, "box1", SERVER, {"cr": "10.200.15.1/24"}))
        box1.wait_until_up()
        yield Gate(testbed, server, box1, nodes["stranger"])
        testbed.stop()


def box2(authority: Authority, **tls: Any) -> Configuration:
    """A client that would be let in, but for what `tls` changes; None takes a key away."""
    configuration = client_configuration(authority, "box2", SERVER, {"cr": "10.200.15.2/24"})
    configuration["tls"] |= tls
    configuration["tls"] = {key: value for key, value in configuration["tls"].items() if value is not None}
    return configuration


def refused(gate: Gate, configuration: Configuration, name: str, at_client: str, at_server: str) -> None:
    """The stranger tries; both logs match, neither end gets a packet, and box1 has not felt it."""
    said_before = len(gate.server.log)
    packets_before = gate.server.tunnel()["rx_packets"]
    client = gate.testbed.run(gate.stranger, configuration, name)
    try:
        client.wait_for_log(at_client)
        until(lambda: re.search(at_server, gate.server.log[said_before:]), 3, at_server)
        assert gate.stranger.ping(INNER_SERVER_V4, count=3, patience=0.3).received == 0
        assert gate.server.node.ping("10.200.15.2", count=1, patience=0.3).received == 0
        assert not [route for route in gate.server.tunnel()["routes"] if route["peer"] != "box1"]
        assert client.tunnel()["rx_packets"] == 0
        assert gate.server.tunnel()["rx_packets"] == packets_before
        assert gate.box1.node.ping(INNER_SERVER_V4, count=3).received == 3
        assert gate.box1.tunnel()["connections"][0]["reconnects"] == 0
    finally:
        client.stop()


def test_the_one_in_order_is_let_in(gate: Gate, authority: Authority) -> None:
    client = gate.testbed.run(gate.stranger, box2(authority), "in-order")
    client.wait_until_up()
    assert gate.stranger.ping(INNER_SERVER_V4, count=3).received == 3
    client.stop()


NOT_TRUSTED = "certificate is refused: The certificate is NOT trusted. The certificate issuer is unknown"


def test_a_server_that_another_ca_has_signed(gate: Gate, authority: Authority, foreign: Authority) -> None:
    refused(gate, box2(authority, ca=foreign.ca), "wrong-ca",
            at_client=f"warning cr: the other end's {NOT_TRUSTED}",
            at_server=r"warning 10\.60\.0\.2:\d+: the other end refused us")  # fmt: skip


def test_a_client_that_another_ca_has_signed(gate: Gate, authority: Authority, foreign: Authority) -> None:
    refused(gate, box2(authority, **foreign.client("box2")), "foreign-client",
            at_client="warning cr: the other end refused us: Certificate is bad",
            at_server=rf"warning 10\.60\.0\.2:\d+: the other end's {NOT_TRUSTED}")  # fmt: skip


def test_a_client_without_certificate(gate: Gate, authority: Authority) -> None:
    refused(gate, box2(authority, certificate=None, key=None), "nameless",
            at_client="warning cr: the other end refused us: Certificate is required",
            at_server=r"warning 10\.60\.0\.2:\d+: TLS: Certificate is required")  # fmt: skip


def test_a_client_whose_certificate_is_revoked(gate: Gate, authority: Authority) -> None:
    refused(gate, box2(authority, **authority.client("lost")), "revoked",
            at_client="warning cr: the other end refused us: Certificate is bad",
            at_server=r"warning 10\.60\.0\.2:\d+: the other end's certificate is refused: The certificate is NOT "
                      r"trusted. The certificate chain is revoked")  # fmt: skip


def test_a_server_of_another_name(gate: Gate, authority: Authority) -> None:
    refused(gate, box2(authority, server_name="vps.example.org"), "wrong-name",
            at_client="warning cr: .* The name in the certificate does not match the expected",
            at_server=r"warning 10\.60\.0\.2:\d+: the other end refused us")  # fmt: skip


def test_a_client_whose_name_the_configuration_does_not_know(gate: Gate, authority: Authority) -> None:
    refused(gate, box2(authority, **authority.client("box9")), "unknown",
            at_client="warning cr: closed by the other end: no client of that name",
            at_server='warning 10.60.0.2:.*: no client named "box9" in the configuration')  # fmt: skip


def test_a_client_with_the_tunnel_address_of_another(gate: Gate, authority: Authority) -> None:
    configuration = client_configuration(authority, "box2", SERVER, {"cr": "10.200.15.1/24"})
    refused(gate, configuration, "not-its-own",
            at_client="warning cr: closed by the other end: box2 calls itself 10.200.15.1, which it does not own",
            at_server="warning box2 at 10.60.0.2:.* calls itself 10.200.15.1, which it does not own")  # fmt: skip
    assert gate.server.drops()["foreign_source"] > 0


def test_a_client_that_asks_not_to_verify_is_warned_and_connects(
    gate: Gate, authority: Authority, foreign: Authority
) -> None:
    client = gate.testbed.run(gate.stranger, box2(authority, ca=foreign.ca, insecure_skip_verify=True), "careless")
    client.wait_for_log("warning insecure_skip_verify is on: anybody on the way can pose as the server")
    client.wait_until_up()
    assert gate.stranger.ping(INNER_SERVER_V4, count=3).received == 3
    client.stop()


def test_an_open_server_lets_anybody_in_and_says_so(testbed: Testbed) -> None:
    net = topology.pair(testbed.lab)
    configuration = server_configuration(testbed.authority, {"mt": f"{INNER_SERVER_V4}/24"}, {"*": ["10.200.15.0/24"]})
    configuration["tls"]["client_auth"] = "none"
    del configuration["tls"]["client_ca"]
    server = testbed.run(net.server, configuration)
    server.wait_for_log("warning client_auth is none: whoever reaches this server gets into its tunnels")
    anybody = box2(testbed.authority, certificate=None, key=None)
    anybody["server"] = f"{net.server_v4}:{PORT}"
    client = testbed.run(net.client, anybody)
    client.wait_until_up()
    assert net.client.ping(INNER_SERVER_V4, count=3).received == 3
