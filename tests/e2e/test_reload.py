"""SIGHUP: what a node takes up while it runs, and what it refuses as a whole.

    host (lo of the client) ---- client ---- wan ---- server
                                 cr, df: tunnels of box1, tx: tunnel of box2, all to `mt`
"""

from __future__ import annotations

import copy
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import Node, topology
from nodes import (
    PORT, Authority, Configuration, Mpquic, Testbed, client_configuration, server_configuration, until,
)  # fmt: skip
from traffic import assert_answered

HOST = "172.16.9.1"


@dataclass
class Site:
    testbed: Testbed
    net: topology.Pair
    server: Mpquic
    box1: Mpquic
    box2: Mpquic
    server_file: Configuration
    box1_file: Configuration


def box(testbed: Testbed, net: topology.Pair, name: str, tunnels: dict[str, str], **top: object) -> Configuration:
    return client_configuration(testbed.authority, name, f"{net.server_v4}:{PORT}", tunnels, **top)


@pytest.fixture
def site(testbed: Testbed) -> Site:
    net = topology.pair(testbed.lab)
    net.client.add_addresses("lo", f"{HOST}/32")
    server_file = server_configuration(
        testbed.authority, {"mt": "10.200.15.254/24"},
        {"box1": ["10.200.15.1", "10.200.15.2"], "box2": ["10.200.15.9"]}, workers=2,
    )  # fmt: skip
    box1_file = box(testbed, net, "box1", {"cr": "10.200.15.1/32", "df": "10.200.15.2/32"})
    server = testbed.run(net.server, server_file)
    box1 = testbed.run(net.client, box1_file, "box1")
    box2 = testbed.run(net.client, box(testbed, net, "box2", {"tx": "10.200.15.9/32"}), "box2")
    for client in (box1, box2):
        client.wait_until_up()
    answer_by_the_tunnel_of_the_source(net.client)
    until(lambda: len(server.tunnel()["connections"]) == 3)
    return Site(testbed, net, server, box1, box2, server_file, box1_file)


def answer_by_the_tunnel_of_the_source(node: Node) -> None:
    for table, (tunnel, source) in enumerate((("cr", "10.200.15.1"), ("df", "10.200.15.2"), ("tx", "10.200.15.9")), 101):
        node.ip(f"rule add from {source} lookup {table}")
        node.ip(f"route replace default dev {tunnel} table {table}")


@contextmanager
def nothing_lost(node: Node, target: str) -> Iterator[None]:
    """Around what must not cost a ping."""
    ping = node.start(["stdbuf", "-oL", "ping", "-n", "-i", "0.01", "-W", "2", target])
    ping.wait_for_log("time=")
    yield
    answers = ping.log.count("time=")
    until(lambda: ping.log.count("time=") >= answers + 10)
    ping.signal(signal.SIGINT)
    ping.wait(5)
    assert_answered(ping)


@pytest.mark.threads
class TestServer:
    def test_a_client_is_revoked_within_a_second_and_the_others_lose_nothing(self, site: Site) -> None:
        changed = copy.deepcopy(site.server_file)
        del changed["clients"]["box2"]
        with nothing_lost(site.net.server, "10.200.15.1"):
            assert site.server.reload(changed)
            until(lambda: site.box2.tunnel()["state"] != "up", 0.5, "box2 is out")
            assert site.net.server.ping("10.200.15.9", count=2, patience=0.2).received == 0
            site.box2.wait_for_log("is no client any more|no client of that name")
            assert {c["peer"] for c in site.server.tunnel()["connections"]} == {"box1"}
            # It keeps trying, so it is back soon after it has been let in again.
            assert site.server.reload(site.server_file)
            site.box2.wait_until_up(seconds=6)
            until(lambda: site.net.server.ping("10.200.15.9", count=1, patience=0.3).received == 1)

    def test_prefixes_come_and_go(self, site: Site) -> None:
        source = ["ping", "-n", "-c", "2", "-i", "0.05", "-W", "0.5", "-I", HOST, "10.200.15.254"]
        site.net.client.ip("route add 10.200.15.254 dev cr")
        site.net.server.ip(f"route add {HOST} dev mt")
        assert " 0 received" in site.net.client.run(source, check=False).stdout
        changed = copy.deepcopy(site.server_file)
        changed["clients"]["box1"]["prefixes"].append("172.16.9.0/24")
        with nothing_lost(site.net.server, "10.200.15.1"):
            assert site.server.reload(changed)
            until(lambda: " 2 received" in site.net.client.run(source, check=False).stdout)
            prefixes = {route["prefix"]: route["kind"] for route in site.server.tunnel()["routes"]}
            assert prefixes["172.16.9.0/24"] == "configured" and prefixes[f"{HOST}/32"] == "learned"
            assert site.server.reload(site.server_file)
            assert " 0 received" in site.net.client.run(source, check=False).stdout
            assert not any(r["prefix"].startswith("172.16") for r in site.server.tunnel()["routes"])

    def test_a_tunnel_address_that_is_owned_no_more_ends_its_connection_alone(self, site: Site) -> None:
        changed = copy.deepcopy(site.server_file)
        changed["clients"]["box1"]["prefixes"].remove("10.200.15.2")
        with nothing_lost(site.net.server, "10.200.15.1"):
            assert site.server.reload(changed)
            until(lambda: site.box1.tunnel("df")["state"] != "up", 0.5)
        assert site.box1.tunnel("cr")["connections"][0]["reconnects"] == 0

    def test_a_certificate_is_revoked_within_a_second_and_the_others_lose_nothing(self, site: Site) -> None:
        authority = site.testbed.authority
        changed = copy.deepcopy(site.server_file)
        changed["tls"]["crl"] = authority.revoke()
        with nothing_lost(site.net.server, "10.200.15.1"):
            with nothing_lost(site.net.server, "10.200.15.9"):
                assert site.server.reload(changed)
            authority.revoke("box2")
            assert site.server.reload(changed)
            until(lambda: site.box2.tunnel()["state"] != "up", 0.5, "box2 is out")
            assert site.net.server.ping("10.200.15.9", count=2, patience=0.2).received == 0
            revoked = "certificate is refused: The certificate is NOT trusted. The certificate chain is revoked"
            site.server.wait_for_log(f"mt: box2 at .* has gone: the {revoked}")
            site.box2.wait_for_log(f"closed by the other end: the {revoked}")
            # It comes again, and in vain.
            site.server.wait_for_log(rf"warning .*:\d+: the other end's {revoked}")
            site.box2.wait_for_log("the other end refused us: Certificate is bad")
            assert {c["peer"] for c in site.server.tunnel()["connections"]} == {"box1"}
            # A certificate, not a name, is what was revoked.
            authority.renew_client("box2")
            assert site.box2.reload(box(site.testbed, site.net, "box2", {"tx": "10.200.15.9/32"}))
            site.box2.wait_until_up(seconds=6)
        assert site.box1.tunnel("cr")["connections"][0]["reconnects"] == 0

    def test_an_authority_is_taken_away_and_its_clients_go(self, site: Site, tmp_path: Path) -> None:
        foreign = Authority(tmp_path)
        changed = copy.deepcopy(site.server_file)
        changed["tls"]["client_ca"] = foreign.ca
        assert site.server.reload(changed)
        until(lambda: not site.server.tunnel()["connections"], 0.5, "nobody is left")
        site.server.wait_for_log("box1 at .* has gone: the certificate is refused: .* issuer is unknown")
        assert site.server.reload(site.server_file)
        for client in (site.box1, site.box2):
            client.wait_until_up(seconds=6)

    def test_a_renewed_certificate_is_shown_from_then_on(self, site: Site) -> None:
        authority = site.testbed.authority
        renewed = authority.directory / "renewed"
        authority.renew_server(renewed)
        changed = copy.deepcopy(site.server_file)
        changed["tls"] |= {"certificate": str(renewed / "server.pem"), "key": str(renewed / "server.key")}
        with nothing_lost(site.net.server, "10.200.15.1"):
            assert site.server.reload(changed)
            site.box2.stop()
            site.box2.start().wait_until_up()
        assert site.box1.tunnel("cr")["connections"][0]["reconnects"] == 0


class TestRefusal:
    """Whatever is wrong with the new file, the old configuration stays in force as a whole."""

    def test_a_file_that_is_wrong(self, site: Site) -> None:
        with nothing_lost(site.net.server, "10.200.15.9"):
            assert not site.server.reload("role: server\ntunels: {}\n")
            site.server.wait_for_log(rf'{re.escape(str(site.server.file))}:2:1: unknown key "tunels"')
        assert not site.server.reload("role: [")
        site.server.file.unlink()
        site.server.process.signal(signal.SIGHUP)
        site.server.wait_for_log("No such file or directory")
        assert len(site.server.tunnel()["connections"]) == 3

    def test_what_needs_a_restart(self, site: Site) -> None:
        changed = copy.deepcopy(site.box1_file)
        changed["tunnels"]["cr"]["mtu"] = 1300
        changed["tunnels"]["new"] = {"links": ["wan"], "address": "10.200.15.3/32"}
        changed["log_level"] = "debug"
        with nothing_lost(site.net.server, "10.200.15.1"):
            assert not site.box1.reload(changed)
        site.box1.wait_for_log(r':\d+:\d+: tunnel "cr" is another one now: that needs a restart')
        site.box1.wait_for_log(r':\d+:\d+: a new tunnel needs a restart: "new"')
        assert site.box1.reload(site.box1_file)

    def test_what_the_kernel_refuses(self, site: Site) -> None:
        """Here it can't be changed, since somebody else holds the lock for longer than one waits."""
        holder = site.net.client.start([sys.executable, "-c", _HOLD_THE_LOCK])
        holder.wait_for_log("held")
        changed = {**copy.deepcopy(site.box1_file), "classify": [{"source": HOST, "tunnel": "df"}], "log_level": "debug"}
        with nothing_lost(site.net.server, "10.200.15.1"):
            assert not site.box1.reload(changed)
        site.box1.wait_for_log("another process has been changing kernel state")
        assert "debug" not in site.box1.log
        holder.stop()
        assert site.box1.reload(changed)
        assert "classify" in site.net.client.run("nft list ruleset").stdout


_HOLD_THE_LOCK = """
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("\\0mpquic-kernel-state")
s.listen()
print("held", flush=True)
time.sleep(60)
"""


def test_the_log_level_changes(site: Site) -> None:
    assert site.box1.reload({**site.box1_file, "log_level": "error"})
    before = len(site.box1.log)
    site.server.stop()
    site.server.start()
    site.box1.wait_until_up(seconds=8)
    assert "info" not in site.box1.log[before:].replace("has taken up", "")
