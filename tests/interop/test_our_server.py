"""Our server, and clients of aioquic that keep to the RFCs, in whatever way. Drawn in our_server.py."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Identity, MakePeer
from far.packets import echo_request
from lab import topology
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, Testbed, until
from our_server import (
    ELSEWHERE, FIXED_V4, FIXED_V6, NAME, ROUTES, TOKEN, Site, Tunnel, accepted, configuration, dial, running, site, tunnel, with_changes,
)  # fmt: skip
from peer import CONNECT_ERROR, HABITS, MESSAGE_ERROR, MISSING_SETTINGS, NO_ERROR, headers

__all__ = ["running", "site"]  # fixtures

CLIENT_HABITS: dict[str, dict[str, Any]] = HABITS | {
    "no HTTP datagrams, in so many words": {"settings": {"0x33": 0}},
    "a ClientHello of two packets": {"large_hello": True},
    "a setting of WebTransport, and a limit on fields": {"settings": {"0x2b603742": 1, "0x6": 65536}},
}


class TestHabits:
    @pytest.mark.parametrize("habits", CLIENT_HABITS.values(), ids=CLIENT_HABITS.keys())
    def test_it_works(self, site: Site, habits: dict[str, Any]) -> None:
        client = site.connected(**habits)
        made = tunnel(client)
        made.works()
        settings = client.expect("settings")["values"]
        assert settings["0x8"] == settings["0x33"] == 1  # RFC 9220, 3; RFC 9297, 2.1.1
        if habits.get("settings", {}).get("0x33", 1) != 1:
            client.do("packet", stream=made.stream, hex=echo(made))
            assert client.expect("packet", protocol=1)["way"] == "capsule"

    def test_over_ipv6(self, site: Site) -> None:
        client = site.client()
        dial(site, client, site.net.server_v6)
        tunnel(client).works()

    def test_alpn_among_others(self, site: Site) -> None:
        tunnel(site.connected(alpn=["hq-interop", "h3"])).works()

    def test_settings_that_come_late(self, site: Site) -> None:
        """Packets to the client can only be sent when it is known how, so it waits for its answer."""
        client = site.connected(hold_settings=True)
        stream = client.do("request", headers=headers())
        client.do("ask", stream=stream, addresses=[["0.0.0.0/32", 1]])
        assert not client.seen("response")
        client.do("settle")
        accepted(client, stream).works()

    def test_settings_that_never_come(self, site: Site) -> None:
        client = site.connected(hold_settings=True)
        client.do("request", headers=headers())
        assert client.expect("closed", 15)["code"] == MISSING_SETTINGS

    def test_header_sections_that_have_to_wait_for_the_dynamic_table(self, site: Site) -> None:
        """RFC 9204, 2.2.1: a section that refers to entries which are still to come blocks its stream."""
        client = site.connected(hold_encoder=True)
        client.expect("settings")
        first = client.do("request", headers=headers(x_first="a value for the table"))
        second = client.do("request", headers=headers(x_first="a value for the table"))
        assert client.do("release_encoder") > 40, "the dynamic table is not used: nothing was shown"
        for stream in (first, second):
            accepted(client, stream).works()

    def test_keys_and_connection_ids_change_under_way(self, site: Site) -> None:
        made = tunnel(site.connected())
        for change in ("update_keys", "change_id", "update_keys"):
            made.client.do(change)
            made.works()


class TestRequests:
    def test_another_path_first(self, site: Site) -> None:
        client = site.connected()
        wrong = client.do("request", headers=headers(path="/somewhere/else/"))
        response = client.expect("response", stream=wrong)
        assert response["status"] == "404"
        assert "mpquic" in response["headers"]["proxy-status"]
        client.expect("ended", stream=wrong)
        tunnel(client).works()

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({":protocol": "connect-udp"}, "501"),
            ({":protocol": "websocket"}, "501"),
            ({":method": "GET", ":protocol": None}, "405"),
            ({":path": "/", ":method": "GET", ":protocol": None}, "404"),
            ({":protocol": None, ":scheme": None, ":path": None}, "501"),  # RFC 9114, 4.4: a tunnel for TCP
            ({":path": "/.well-known/masque/ip/example.net/*/"}, "502"),
        ],
    )
    def test_what_is_not_to_be_had(self, site: Site, changed: dict[str, str | None], status: str) -> None:
        client = site.connected()
        stream = client.do("request", headers=with_changes(changed))
        assert client.expect("response", stream=stream)["status"] == status
        client.expect("ended", stream=stream)
        tunnel(client).works()

    @pytest.mark.parametrize(
        "changed",
        [
            {":authority": ""},
            {":scheme": ""},
            {":path": ""},
            {":path": None},
            {":path": "/.well-known/masque/ip/*/256/"},  # RFC 9484, 4.6
            {":path": "/.well-known/masque/ip/10.0.0.1%2F8/*/"},
            {":path": "/.well-known/masque/ip/10.0.0.0%2F33/*/"},
            {"content-length": "0"},  # RFC 9297, 3.2
            {":status": "200"},
            {"Upper": "case"},
        ],
    )
    def test_what_is_malformed(self, site: Site, changed: dict[str, str | None]) -> None:
        """RFC 9114, 4.1.2: a stream error; nobody else on the connection notices."""
        client = site.connected()
        stream = client.do("request", headers=with_changes(changed))
        assert client.expect("reset", stream=stream)["code"] == MESSAGE_ERROR
        tunnel(client).works()

    @pytest.mark.parametrize("path", ["/.well-known/masque/ip/10.200.15.254/1/", "/.well-known/masque/ip/*/1/"])
    def test_a_scope(self, site: Site, path: str) -> None:
        client = site.connected()
        stream = client.do("request", headers=headers(path=path))
        client.expect("response", stream=stream, status="200")
        (v4, _), *_ = client.expect("assigned")["addresses"]
        routes = client.expect("advertised")["routes"]
        assert routes[0] in (["10.200.15.254"] * 2 + [1], ROUTES[0][:2] + [1])
        assert client.do("echo", stream=stream, source=v4.partition("/")[0], target=INNER_SERVER_V4) == 5

    def test_a_scope_that_is_a_name(self, site: Site) -> None:
        """RFC 9484, 4.6: the server looks it up. All its addresses are advertised, and nothing else is let through."""
        client = site.connected()
        stream = client.do("request", headers=headers(path=f"/.well-known/masque/ip/{NAME}/*/"))
        client.expect("response", stream=stream, status="200")
        v4, v6 = (prefix.partition("/")[0] for prefix, _ in client.expect("assigned")["addresses"])
        assert client.expect("advertised")["routes"] == [[each, each, 0] for each in (INNER_SERVER_V4, INNER_SERVER_V6)]
        other = tunnel(client)
        for source, target in ((v4, INNER_SERVER_V4), (v6, INNER_SERVER_V6)):
            assert client.do("echo", stream=stream, source=source, target=target) == 5
        assert client.do("echo", stream=stream, source=v4, target=other.v4, patience=0.5) == 0
        other.works()

    def test_a_name_that_leads_nowhere_from_here(self, site: Site) -> None:
        """It has an address, and the server knows no way there."""
        client = site.connected()
        stream = client.do("request", headers=headers(path=f"/.well-known/masque/ip/{ELSEWHERE}/*/"))
        client.expect("response", stream=stream, status="200")
        client.expect("assigned")
        assert client.expect("advertised")["routes"] == []

    def test_a_name_that_nobody_has(self, site: Site) -> None:
        """RFC 9484, 4.6, and RFC 9209, 2.3.2."""
        client = site.connected()
        stream = client.do("request", headers=headers(path="/.well-known/masque/ip/nobody.test/*/"))
        response = client.expect("response", stream=stream)
        assert response["status"] == "502"
        assert "error=dns_error" in response["headers"]["proxy-status"] and "nobody.test" in response["headers"]["proxy-status"]
        tunnel(client).works()

    def test_two_tunnels_at_once(self, site: Site) -> None:
        client = site.connected()
        one, other = tunnel(client), tunnel(client)
        assert {one.v4, one.v6}.isdisjoint({other.v4, other.v6})
        one.works()
        other.works()
        client.do("finish", stream=one.stream)
        client.expect("ended", stream=one.stream)
        other.works()
        assert client.do("echo", stream=one.stream, source=one.v4, target=INNER_SERVER_V4, patience=0.5) == 0

    def test_two_clients_at_once(self, site: Site) -> None:
        client = site.client()
        one, other = (tunnel(client, dial(site, client, **site.identity.client(name))) for name in ("box1", "box2"))
        one.works()
        other.works()
        assert client.do("echo", stream=one.stream, source=one.v4, target=other.v4, patience=0.5, connection=0) == 0, \
            "clients do not reach each other unless the configuration lets them"  # fmt: skip

    def test_packets_before_the_response(self, site: Site) -> None:
        """RFC 9484, 7.1: it may guess that it will be let in."""
        client = site.connected("box2")
        client.expect("settings")
        stream = client.do("request", headers=headers())
        assert client.do("echo", stream=stream, source=FIXED_V4, target=INNER_SERVER_V4, count=3) == 3
        assert accepted(client, stream).v4 == FIXED_V4

    @pytest.mark.parametrize("way", ["finish", "reset", "close"])
    def test_the_client_leaves(self, site: Site, way: str) -> None:
        client = site.connected()
        made = tunnel(client)
        until(lambda: {made.v4, made.v6} <= addresses_in_use(site), 5, "its addresses are its own")
        client.do(way, **({} if way == "close" else {"stream": made.stream}))
        until(lambda: {made.v4, made.v6}.isdisjoint(addresses_in_use(site)), 5, "its addresses are free")


class TestIdentity:
    def test_a_token(self, site: Site) -> None:
        tunnel(site.connected(None), authorization=f"Bearer {TOKEN}").works()

    @pytest.mark.parametrize("credentials", [None, "Bearer " + "f" * 32, "Basic dTpw"])
    def test_no_good_token(self, site: Site, credentials: str | None) -> None:
        client = site.connected(None)
        stream = client.do("request", headers=with_changes({"authorization": credentials} if credentials else {}))
        response = client.expect("response", stream=stream)
        assert response["status"] == "401"
        assert response["headers"]["www-authenticate"].startswith("Bearer")
        assert "http_request_denied" in response["headers"]["proxy-status"]
        tunnel(client, authorization=f"Bearer {TOKEN}").works()  # on the same connection

    def test_a_certificate_of_nobody_here(self, site: Site) -> None:
        client = site.connected("stranger")
        stream = client.do("request", headers=headers())
        response = client.expect("response", stream=stream)
        assert response["status"] == "403"
        assert "stranger" in response["headers"]["proxy-status"]

    def test_a_source_of_somebody_else(self, site: Site) -> None:
        made = tunnel(site.connected())
        before = site.server.drops().get("foreign_source", 0)
        assert made.client.do("echo", stream=made.stream, source=FIXED_V4, target=INNER_SERVER_V4, patience=0.5) == 0
        assert site.server.drops()["foreign_source"] == before + 5
        made.works()


class TestAddresses:
    def test_requests_are_answered(self, site: Site) -> None:
        client = site.connected("box2")
        stream = client.do("request", headers=headers())
        wanted = [["::/128", 9], [f"{FIXED_V4}/32", 4], ["10.200.15.99/32", 5]]
        client.do("ask", stream=stream, addresses=wanted)
        answers = client.expect("assigned")["addresses"]
        if not any(request for _, request in answers):  # those that came unprompted, with the response
            answers = client.expect("assigned")["addresses"]
        assert [f"{FIXED_V4}/32", 4] in answers
        assert [f"{FIXED_V6}/128", 9] in answers
        assert ["0.0.0.0/32", 5] in answers  # has been refused: one of IPv4 is enough

    def test_requests_that_come_later(self, site: Site) -> None:
        made = tunnel(site.connected())
        for request in (1, 2):
            made.client.do("ask", stream=made.stream, addresses=[["0.0.0.0/32", request]])
            assert [f"{made.v4}/32", request] in made.client.expect("assigned")["addresses"]
        made.works()

    def test_an_address_of_its_own_choice(self, site: Site) -> None:
        client = site.connected()
        stream = client.do("request", headers=headers())
        client.do("ask", stream=stream, addresses=[["10.200.15.77/32", 1], ["::/128", 2]])
        made = accepted(client, stream)
        if made.v4 != "10.200.15.77":  # the response was quicker
            assert ["10.200.15.77/32", 1] in client.expect("assigned")["addresses"]

    def test_an_offer_of_routes_changes_nothing(self, site: Site) -> None:
        made = tunnel(site.connected())
        made.client.do("advertise", stream=made.stream, routes=[["0.0.0.0", "255.255.255.255", 0]])
        made.client.do("assign", stream=made.stream, addresses=["10.200.15.254/32"])
        made.works()

    def test_a_reload_is_told(self, testbed: Testbed, peer: MakePeer, identity: Identity) -> None:
        net = topology.pair(testbed.lab)
        server = testbed.run(net.server, configuration(testbed))
        site = Site(net, server, peer, identity)
        made = tunnel(site.connected())
        changed = configuration(testbed)
        changed["tunnels"]["mt"] = {"address": changed["tunnels"]["mt"]["address"], "routes": ["192.168.0.0/16"]}
        changed["clients"]["box1"] = {"prefixes": ["172.16.5.0/24"]}
        assert server.reload(changed)
        assert ["192.168.0.0", "192.168.255.255", 0] in made.client.expect("advertised")["routes"]
        until(lambda: ["172.16.5.0/24", 0] in made.client.expect("assigned")["addresses"], 5, "the prefix is told")
        assert made.client.do("echo", stream=made.stream, source=made.v4, target=INNER_SERVER_V4) == 5
        del changed["clients"]["box1"]
        assert server.reload(changed)
        assert made.client.expect("closed", 2)["code"] == CONNECT_ERROR

    def test_a_server_that_stops_says_so(self, testbed: Testbed, peer: MakePeer, identity: Identity) -> None:
        net = topology.pair(testbed.lab)
        server = testbed.run(net.server, configuration(testbed))
        made = tunnel(Site(net, server, peer, identity).connected())
        server.stop()
        assert made.client.expect("closed")["code"] == NO_ERROR


class TestTraffic:
    def test_tcp_and_large_packets_through_a_device(self, site: Site) -> None:
        """What this machine's own TCP sends, rather than what a test made up."""
        made = tunnel(site.connected())
        client, server = site.net.client, site.net.server
        made.client.do("attach", stream=made.stream, device="aio")
        client.add_addresses("aio", f"{made.v4}/32", f"{made.v6}/128")
        client.ip("link set aio mtu 1280 up")
        client.ip(f"-4 route add {INNER_SERVER_V4} dev aio src {made.v4}")
        client.ip(f"-6 route add {INNER_SERVER_V6} dev aio src {made.v6}")
        for target, size in ((INNER_SERVER_V4, 1280 - 28), (INNER_SERVER_V6, 1280 - 48)):
            assert client.ping(target, size=size, patience=3).loss == 0
        for port, reverse in ((5201, False), (5202, True)):
            with server.iperf3_server(port):
                assert client.iperf3(INNER_SERVER_V4, seconds=2, port=port, reverse=reverse).mbps > 0.5


def echo(made: Tunnel) -> str:
    """A ping from there to the server, in hexadecimal."""
    return echo_request(made.v4, INNER_SERVER_V4, 1000).hex()


def addresses_in_use(site: Site) -> set[str]:
    return {route["prefix"].partition("/")[0] for route in site.server.tunnel("mt")["routes"] if route["connection"]}
