"""Routes that the server advertises: installed while the tunnel is up, and not a moment longer.

    lan ---- lan0 box wan1 ---- wan1 server inet0 ---- internet
    192.168.77.2   cr ................. mt              198.51.100.2
    fd00:77::2     (as it is given)     10.200.15.254   2001:db8:51::2

The box has a default route over its link, as boxes do, but who takes that comes as far as the server and no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lab import LinkSpec, topology
from lab.topology import INTERNET_V4, INTERNET_V6, LAN_V4, LAN_V6, SERVER_V4
from native import answers, given, native_client, native_server, reaches, routes_into, undisturbed
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, PORT, Mpquic, Testbed, until
from test_box import snapshot

LANS = ["192.168.77.0/24", "fd00:77::/64"]
INTERNET = ["198.51.100.0/24", "2001:db8:51::/64"]
OWN_NETWORKS = ["10.200.15.0/24", "fd00:200:15::/64"]
ROUTES = [*INTERNET, *OWN_NETWORKS]
EVERYTHING = ["0.0.0.0/0", "::/0"]


@dataclass
class Site:
    testbed: Testbed
    net: topology.Box
    server: Mpquic
    client: Mpquic

    def routes(self) -> list[str]:
        return routes_into(self.net.box, "cr")


_TUNNELS_ONLY = """
table inet provider {
    chain forward { type filter hook forward priority 0; iifname "wan1" drop; }
}
"""


def make_net(testbed: Testbed, spec: LinkSpec) -> topology.Box:
    net = topology.box(testbed.lab, [spec])
    net.server.run(["nft", "-f", "-"], text=_TUNNELS_ONLY)
    return net


def make_site(
    testbed: Testbed, tunnel: dict[str, Any], spec: LinkSpec = LinkSpec(), accept: object = True, **server_top: Any
) -> Site:  # fmt: skip
    """`tunnel` is of the server."""
    net = make_net(testbed, spec)
    clients = {"box1": LANS}
    server = testbed.run(net.server, native_server(testbed.authority, clients, tunnel, **server_top))
    client = testbed.add(net.box, native_client(
        testbed.authority, "box1", f"{SERVER_V4}:{PORT}", {"cr": {"accept_routes": accept}}, interfaces=["wan1"],
    ))  # fmt: skip
    return Site(testbed, net, server, client)


def up(site: Site, routes: Sequence[str]) -> Site:
    site.client.start().wait_until_up()
    until(lambda: site.routes() == sorted(routes), 3, f"routes {sorted(routes)}")
    return site


def test_default_routes_of_an_egress_lead_box_and_lan_to_the_internet(testbed: Testbed) -> None:
    site = make_site(testbed, {}, egress={"interface": "inet0"})
    net = site.net
    before = snapshot(net.box)
    assert not answers(net.box, INTERNET_V4) and not answers(net.lan, INTERNET_V4)
    up(site, EVERYTHING)
    assert reaches(net.box, INTERNET_V4, INTERNET_V6, INNER_SERVER_V4, INNER_SERVER_V6)
    assert reaches(net.lan, INTERNET_V4, INTERNET_V6)
    # What the client owns is reached by the server; from beyond the egress only answers come in.
    assert reaches(net.server, LAN_V4, LAN_V6)
    assert not answers(net.internet, LAN_V4)
    site.client.stop()
    assert snapshot(net.box) == before
    assert not answers(net.box, INTERNET_V4)


def test_they_are_taken_back_when_the_tunnel_goes_down_and_come_with_it(testbed: Testbed) -> None:
    site = up(make_site(testbed, {"routes": ROUTES}, LinkSpec("")), ROUTES)
    net = site.net
    assert reaches(net.box, INTERNET_V4, INTERNET_V6)
    assert reaches(net.internet, LAN_V4, LAN_V6), "without egress the server's kernel decides, and lets in what it routes"
    addresses = given(site.client)
    net["wan1"].link.carrier(False)
    until(lambda: not site.routes(), 3, "they are gone")
    assert not answers(net.box, INTERNET_V4)
    net["wan1"].link.carrier(True)
    site.client.wait_until_up()
    until(lambda: site.routes() == sorted(ROUTES), 3, "they are back")
    assert given(site.client) == addresses
    assert reaches(net.box, INTERNET_V4)
    assert reaches(net.internet, LAN_V4)
    # A server that goes takes them along, too.
    site.server.stop()
    until(lambda: not site.routes(), 3, "they are gone")


def test_what_a_killed_client_leaves_behind_the_next_run_clears(testbed: Testbed) -> None:
    site = make_site(testbed, {"routes": ROUTES})
    before = snapshot(site.net.box)
    up(site, ROUTES)
    site.client.kill()
    assert snapshot(site.net.box) != before, "rules at least are still there"
    up(site, ROUTES)
    assert reaches(site.net.box, INTERNET_V4)
    site.client.stop()
    assert snapshot(site.net.box) == before


@pytest.mark.parametrize(
    ("accept", "installed"),
    [
        (False, []),
        # Of default routes what is in the list, of the server's own networks nothing.
        (["198.51.100.0/24", "2001:db8:51::2/128"], ["198.51.100.0/24", "2001:db8:51::2"]),
        (["0.0.0.0/0"], ["0.0.0.0/0"]),
    ],
    ids=["none", "listed", "one IP version"],
)
def test_a_client_takes_what_it_accepts(testbed: Testbed, accept: object, installed: list[str]) -> None:
    site = up(make_site(testbed, {}, accept=accept, egress={"interface": "inet0"}), installed)
    net = site.net
    assert answers(net.box, INTERNET_V4) == bool(installed)
    assert answers(net.box, INTERNET_V6) == ("2001:db8:51::2" in installed)
    assert answers(net.lan, INTERNET_V4) == bool(installed)


def test_routes_change_on_reload_and_nothing_is_lost(testbed: Testbed) -> None:
    site = up(make_site(testbed, {"routes": ROUTES}), ROUTES)
    others = ["198.51.0.0/16", "172.20.0.0/16", *OWN_NETWORKS]
    changed = native_server(testbed.authority, {"box1": LANS}, {"routes": others})
    with undisturbed(site.client), undisturbed(site.client, INTERNET_V4):
        assert site.server.reload(changed)
        until(lambda: site.routes() == sorted(others), 2, "other routes")
        assert site.server.reload(native_server(testbed.authority, {"box1": LANS}, {"routes": ROUTES}))
        until(lambda: site.routes() == sorted(ROUTES), 2, "as before")
