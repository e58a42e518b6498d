"""What changes while h3 connections stand: the new capsules say it, and neither a connection nor a ping is lost.

    lan ---- lan0 box wan1 ---- wan1 server inet0 ---- internet
                  cr ................. mt
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from lab import LinkSpec, topology
from lab.topology import INTERNET_V4, LAN_V4, LAN_V6, SERVER_V4
from native import Street, answers, connection_of, given, native_client, native_server, reaches, routes_into, undisturbed
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, PORT, Configuration, Mpquic, Testbed, until

LANS = ["192.168.77.0/24", "fd00:77::/64"]


@dataclass
class Site:
    testbed: Testbed
    net: topology.Box
    server: Mpquic
    client: Mpquic

    def server_file(self, client: dict[str, Any], **top: Any) -> Configuration:
        return native_server(self.testbed.authority, {"box1": client}, **top)


def client_file(testbed: Testbed, **top: Any) -> Configuration:
    return native_client(testbed.authority, "box1", f"{SERVER_V4}:{PORT}", interfaces=["wan1"], **top)


@pytest.fixture
def site(testbed: Testbed) -> Site:
    net = topology.box(testbed.lab, [LinkSpec()])
    server = testbed.run(net.server, native_server(testbed.authority, {"box1": {}}))
    client = testbed.run(net.box, client_file(testbed))
    client.wait_until_up()
    return Site(testbed, net, server, client)


@contextmanager
def the_same_connection(site: Site) -> Iterator[None]:
    """At either end, and no ping is lost in either IP version."""
    before = connection_of(site.server, "box1")
    with undisturbed(site.client, INNER_SERVER_V4), undisturbed(site.client, INNER_SERVER_V6):
        yield
    after = connection_of(site.server, "box1")
    assert after["id"] == before["id"] and after["since_seconds"] >= before["since_seconds"]


def test_prefixes_of_a_client_come_and_go(site: Site) -> None:
    lan = site.net.lan
    lan_addresses = [LAN_V4, LAN_V6]
    assert not answers(lan, INNER_SERVER_V4)
    with the_same_connection(site):
        assert site.server.reload(site.server_file({"prefixes": LANS}))
        until(lambda: answers(lan, INNER_SERVER_V4), 1, "it comes through now")
        assert reaches(lan, INNER_SERVER_V4, INNER_SERVER_V6) and reaches(site.net.server, *lan_addresses)
        owned = {route["prefix"]: route["kind"] for route in site.server.tunnel()["routes"]}
        assert all(owned[lan] == "configured" for lan in LANS)
        foreign = site.server.drops().get("foreign_source", 0)
        assert site.server.reload(site.server_file({}))
        until(lambda: not answers(lan, INNER_SERVER_V4), 1, "and now it doesn't")
        assert site.server.drops()["foreign_source"] > foreign
        assert not any(lan in LANS for lan in (route["prefix"] for route in site.server.tunnel()["routes"]))


def test_addresses_of_a_client_change_under_its_feet(testbed: Testbed) -> None:
    """The tunnel stays, its address is another one; who is not meant does not notice."""
    street = Street(testbed, 2)
    server = street.serve({"box1": {}, "box2": {}})
    box1, box2 = street.join(1), street.join(2)
    others = given(box2)
    before, connection = given(box1), box1.tunnel()["connections"][0]
    fixed = ["10.200.15.77", "fd00:200:15::77"]
    with undisturbed(box2):
        assert server.reload(street.server_file({"box1": {"addresses": fixed}, "box2": {}}))
        until(lambda: given(box1) == fixed, 1, "its device has the new ones")
        assert reaches(server.node, *fixed, *others) and reaches(box1.node, INNER_SERVER_V4, INNER_SERVER_V6)
        assert not any(answers(server.node, address) for address in before)
        assert {route["prefix"] for route in server.tunnel()["routes"] if route["peer"] == "box1"} == {
            f"{fixed[0]}/32", f"{fixed[1]}/128",
        }  # fmt: skip
        # Another client is given what it had, or a third: it is nobody's.
        assert server.reload(street.server_file({"box1": {"addresses": "10.200.15.78"}, "box2": {}}))
        until(lambda: given(box1)[0] == "10.200.15.78", 1, "and again")
        assert reaches(server.node, *given(box1))
    after = box1.tunnel()["connections"][0]
    assert (after["id"], after["reconnects"]) == (connection["id"], 0)
    assert after["since_seconds"] >= connection["since_seconds"]


def test_a_pool_that_moves_takes_its_clients_along(testbed: Testbed) -> None:
    street = Street(testbed, 2)
    server = street.serve({"box1": {}, "box2": {"addresses": ["10.200.15.9", "fd00:200:15::9"]}})
    box1, box2 = street.join(1), street.join(2)
    with undisturbed(box2):
        pool = {"pool": ["10.200.15.128/25", "fd00:200:15::1000/116"]}
        assert server.reload(street.server_file({"box1": {}, "box2": {"addresses": ["10.200.15.9", "fd00:200:15::9"]}}, pool))
        until(lambda: given(box1) == ["10.200.15.128", "fd00:200:15::1000"], 1, "addresses of the new pool")
        assert reaches(server.node, *given(box1)) and reaches(box1.node, INNER_SERVER_V4, INNER_SERVER_V6)
    assert box1.tunnel()["connections"][0]["reconnects"] == 0


def test_the_client_s_lans_change(site: Site) -> None:
    """Which networks it has, it tells the server; those that it does not own there it hears of."""
    assert site.server.reload(site.server_file({"prefixes": ["172.16.41.0/24"]}))
    office = {"office": {"interface": "lan0", "address": "172.16.41.1/24"}}
    cellar = {"cellar": {"interface": "lan7", "address": "172.16.42.1/24"}}
    site.net.box.ip("link add lan7 type ifb")
    with the_same_connection(site):
        assert site.client.reload(client_file(site.testbed, lans=office))
        until(lambda: "172.16.41.1/24" in site.net.box.addresses("lan0"), 1, "the LAN is there")
        assert reaches(site.net.server, "172.16.41.1")
        assert site.client.reload(client_file(site.testbed, lans=office | cellar))
        site.server.wait_for_log("warning mt: box1 offers a way to 172.16.42.0/24, which it does not own")
        assert "way to 172.16.41.0/24" not in site.server.log
        assert not answers(site.net.server, "172.16.42.1")


def test_a_client_accepts_other_routes(site: Site) -> None:
    def only(*prefixes: str) -> Configuration:
        configuration = client_file(site.testbed)
        configuration["tunnels"]["cr"]["accept_routes"] = list(prefixes)
        return configuration

    assert routes_into(site.net.box, "cr") == ["10.200.15.0/24", "fd00:200:15::/64"]
    with the_same_connection(site):
        assert site.client.reload(only("10.200.15.254", "fd00:200:15::/64"))
        until(lambda: routes_into(site.net.box, "cr") == ["10.200.15.254", "fd00:200:15::/64"], 1)
        assert site.client.reload(client_file(site.testbed))
        until(lambda: routes_into(site.net.box, "cr") == ["10.200.15.0/24", "fd00:200:15::/64"], 1)


def test_an_egress_comes_and_goes(site: Site) -> None:
    """And with it the default routes, at both ends at once."""
    with the_same_connection(site):
        wider = site.server_file({"prefixes": LANS}, egress={"interface": "inet0"})
        assert site.server.reload(wider)
        until(lambda: routes_into(site.net.box, "cr") == ["0.0.0.0/0", "::/0"], 1, "everything goes into the tunnel")
        before = site.server.tunnel()["rx_packets"]
        assert reaches(site.net.lan, INTERNET_V4)
        assert site.server.tunnel()["rx_packets"] >= before + 3
        assert site.server.reload(site.server_file({}))
        until(lambda: routes_into(site.net.box, "cr") == ["10.200.15.0/24", "fd00:200:15::/64"], 1)
