"""Our client, and a server of aioquic.

    client ---- wan ---- server
    mpquic   cr          aioquic    answers every ping, to whatever address
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Identity, MakePeer
from lab import Node, topology
from nodes import PORT, Mpquic, Testbed, client_configuration, until
from peer import Peer, capsule

V4, V6 = "10.9.0.2", "fd00:9::2"  # of our client
FAR_V4, FAR_V6 = "10.9.0.1", "fd00:9::1"
ASSIGN = [f"{V4}/32", f"{V6}/128"]
ROUTES = [["10.9.0.0", "10.9.0.255", 0], ["fd00:9::", "fd00:9::ffff", 0]]
NO_ERROR, REQUEST_CANCELLED, MESSAGE_ERROR = 0x100, 0x10C, 0x10E


@dataclass
class Site:
    testbed: Testbed
    net: topology.Pair
    make: MakePeer
    identity: Identity

    def server(self, **habits: Any) -> Peer:
        """Listens."""
        made = self.make(
            self.net.server, "server", **{**self.identity.server(), "assign": ASSIGN, "routes": ROUTES, **habits}
        )  # fmt: skip
        made.do("listen", address="::", port=PORT)
        return made

    def client(self, tunnel: dict[str, Any] | None = None, address: str = "", **top: Any) -> Mpquic:
        """Starts, and is not waited for."""
        configuration = client_configuration(
            self.testbed.authority, "box1", f"{address or self.net.server_v4}:{PORT}", {"cr": tunnel or {}},
            alpn="h3", **top,
        )  # fmt: skip
        return self.testbed.run(self.net.client, configuration)

    def ping(self, address: str, **more: Any) -> bool:
        return self.net.client.ping(address, count=5, **more).loss == 0

    def works(self) -> None:
        """When the routes are there, which may come later than the addresses."""
        node = self.net.client
        until(lambda: leads_to(node, FAR_V4) == leads_to(node, FAR_V6) == "cr", 5, "the routes are there")
        assert self.ping(FAR_V4) and self.ping(FAR_V6)


@pytest.fixture
def site(testbed: Testbed, peer: MakePeer, identity: Identity) -> Site:
    return Site(testbed, topology.pair(testbed.lab), peer, identity)


HABITS: dict[str, dict[str, Any]] = {
    "none in particular": {},
    "grease everywhere": {"grease": True, "streams": ["grease", "control", "grease", "encoder", "decoder", "grease"]},
    "streams the other way round, settings too": {"streams": ["decoder", "encoder", "control"], "reverse_settings": True},
    "no QPACK streams at all": {"streams": ["control"], "table": 0, "dynamic": False},
    "no dynamic table of its own, ours in use": {"table": 0},
    "a dynamic table of its own, ours not in use": {"dynamic": False},
    "capsules byte by byte": {"chop": 1},
    "capsules in sevens, among grease": {"chop": 7, "grease": True},
    "packets in capsules, though datagrams would do": {"over_stream": True},
    "packets in capsules, byte by byte": {"over_stream": True, "chop": 1},
    "no HTTP datagrams": {"settings": {"0x33": None}},
    "no QUIC datagrams": {"settings": {"0x33": None}, "datagram_frames": False},
    "an informational response first": {"interim": True},
    "Retry": {"retry": True},
    "no answer to requests of addresses": {"answer_requests": False},
    "certificates are asked for": {"ask_for_certificate": True},
}


class TestHabits:
    @pytest.mark.parametrize("habits", HABITS.values(), ids=HABITS.keys())
    def test_it_works(self, site: Site, habits: dict[str, Any]) -> None:
        server = site.server(**habits)
        client = site.client()
        client.wait_until_up()
        site.works()
        assert set(site.net.client.addresses("cr")) == set(ASSIGN)
        shown = server.expect("connected")
        assert shown["peer"] == ("CN=box1" if habits.get("ask_for_certificate") else None)
        assert server.expect("settings")["values"]["0x33"] == 1
        request = server.expect("request")
        assert request["headers"]["capsule-protocol"] == "?1"
        assert request["headers"][":authority"].startswith("mpquic-server") or request["headers"][":authority"]
        way = "capsule" if habits.get("settings") else "datagram"
        assert server.expect("packet", protocol=1)["way"] == way

    def test_over_ipv6(self, site: Site) -> None:
        site.server()
        site.client(address=f"[{site.net.server_v6}]").wait_until_up()
        site.works()

    def test_settings_that_come_late(self, site: Site) -> None:
        """RFC 9220, 3: no extended CONNECT before they allow it. The server watches that."""
        server = site.server(hold_settings=True)
        client = site.client()
        server.expect("connected")
        assert not server.seen("request")
        server.do("settle")
        client.wait_until_up()
        site.works()

    def test_keys_and_connection_ids_change_under_way(self, site: Site) -> None:
        server = site.server()
        site.client().wait_until_up()
        for change in ("update_keys", "change_id", "update_keys"):
            server.do(change)
            site.works()

    def test_header_sections_that_have_to_wait_for_the_dynamic_table(self, site: Site) -> None:
        """An entry of the table must have been worth making before a section refers to it: the second response does."""
        server = site.server(hold_encoder=True, manual=True)
        client = site.client()
        stream = server.expect("request")["stream"]
        server.do("respond", stream=stream, status=103, headers={"x-again": "a value for the table"})
        server.do("respond", stream=stream, status=200, headers={"x-again": "a value for the table"})
        server.do("assign", stream=stream, addresses=ASSIGN)
        server.do("advertise", stream=stream, routes=ROUTES)
        assert server.do("release_encoder") > 20, "the dynamic table is not used: nothing is shown"
        client.wait_until_up()
        site.works()


class TestAddressesAndRoutes:
    def test_several_at_once_of_which_one_goes(self, site: Site) -> None:
        more = [*ASSIGN, "10.9.0.3/32", "fd00:9::3/128"]
        server = site.server(assign=more, answer_requests=False)
        site.client().wait_until_up()
        until(lambda: set(site.net.client.addresses("cr")) == set(more), 5, "it has all addresses")
        for source, target in ((V4, FAR_V4), ("10.9.0.3", FAR_V4), (V6, FAR_V6), ("fd00:9::3", FAR_V6)):
            assert site.ping(target, source=source)
        stream = server.expect("request")["stream"]
        server.do("assign", stream=stream, addresses=["10.9.0.3/32", f"{V6}/128"])
        until(lambda: set(site.net.client.addresses("cr")) == {"10.9.0.3/32", f"{V6}/128"}, 5, "two are gone")
        site.works()
        server.do("assign", stream=stream, addresses=ASSIGN)
        until(lambda: set(site.net.client.addresses("cr")) == set(ASSIGN), 5, "others are there")
        site.works()

    def test_routes_come_and_go(self, site: Site) -> None:
        server = site.server()
        site.client().wait_until_up()
        stream = server.expect("request")["stream"]
        server.do("advertise", stream=stream, routes=[*ROUTES[:1], ["172.16.0.0", "172.31.255.255", 0], ROUTES[1]])
        until(lambda: leads_to(site.net.client, "172.20.1.1") == "cr", 5, "the route is there")
        assert site.ping("172.20.1.1")
        server.do("advertise", stream=stream, routes=ROUTES)
        until(lambda: leads_to(site.net.client, "172.20.1.1") != "cr", 5, "the route is gone")
        site.works()
        server.do("advertise", stream=stream, routes=[])
        until(lambda: leads_to(site.net.client, "10.9.0.77") != "cr", 5, "all routes are gone")

    def test_everything_is_routed_but_the_way_to_the_server(self, site: Site) -> None:
        site.server(routes=[["0.0.0.0", "255.255.255.255", 0], ["::", "ffff:" * 7 + "ffff", 0]])
        site.client().wait_until_up()
        until(lambda: leads_to(site.net.client, "198.51.100.9") == "cr", 5, "everything goes into the tunnel")
        assert site.ping("198.51.100.9") and site.ping("2001:db8:51::9")
        assert leads_to(site.net.client, site.net.server_v4) == "wan"
        site.works()

    def test_addresses_of_its_own_choice_are_asked_for(self, site: Site) -> None:
        server = site.server()
        client = site.client({"address": [f"{V4}/24", f"{V6}/64"]})
        client.wait_until_up()
        asked = server.expect("asked")["addresses"]
        assert sorted(prefix for prefix, _ in asked) == sorted(ASSIGN)
        site.works()

    def test_addresses_of_its_own_choice_are_refused(self, site: Site) -> None:
        site.server()
        client = site.client({"address": ["10.9.0.99/24"]})
        client.wait_for_log("does not let us be 10.9.0.99")

    def test_a_server_that_has_none(self, site: Site) -> None:
        site.server(assign=[])
        site.client().wait_for_log("the server has no address for us")

    def test_a_server_that_asks_is_answered(self, site: Site) -> None:
        """RFC 9484, 4.7.2: each request, if only with a refusal."""
        server = site.server()
        site.client().wait_until_up()
        stream = server.expect("request")["stream"]
        server.do("ask", stream=stream, addresses=[["0.0.0.0/32", 5], ["::/128", 6]])
        assert sorted(server.expect("assigned")["addresses"]) == [["0.0.0.0/32", 5], ["::/128", 6]]
        site.works()


class TestIdentity:
    def test_a_token(self, site: Site) -> None:
        token = "0123456789abcdef0123456789abcdef"
        file = site.net.client.write_file("box1.token", token + "\n")
        file.chmod(0o600)
        site.server(token=token)
        site.client(token=str(file)).wait_until_up()
        site.works()

    @pytest.mark.parametrize("name", ["other.example.net", "mpquic-serve"])
    def test_another_server(self, site: Site, name: str) -> None:
        site.server()
        configuration = client_configuration(
            site.testbed.authority, "box1", f"{site.net.server_v4}:{PORT}", {"cr": {}}, alpn="h3"
        )
        configuration["tls"]["server_name"] = name
        client = site.testbed.run(site.net.client, configuration)
        client.wait_for_log("certificate is refused")

    def test_a_client_that_is_not_let_in_says_why(self, site: Site) -> None:
        server = site.server(manual=True)
        client = site.client()
        stream = server.expect("request")["stream"]
        reason = 'far; error=http_request_denied; details="not today"'
        server.do("respond", stream=stream, status=403, headers={"proxy-status": reason}, end=True)
        client.wait_for_log(r"status 403.*not today")
        # It comes again, and then it is let in.
        server.do("habit", manual=False)
        stream = server.expect("request", 15)["stream"]
        client.wait_until_up(seconds=15)
        site.works()


class TestPackets:
    def test_packets_before_the_response(self, site: Site) -> None:
        """RFC 9484, 7.1: of so early ones some may be lost, but nothing else is."""
        server = site.server(manual=True)
        client = site.client()
        stream = server.expect("request")["stream"]
        assert server.do("echo", stream=stream, source=FAR_V4, target=V4, count=3, patience=0.3) == 0
        server.do("respond", stream=stream, status=200, headers={"capsule-protocol": "?1"})
        server.do("assign", stream=stream, addresses=ASSIGN)
        server.do("advertise", stream=stream, routes=ROUTES)
        client.wait_until_up()
        site.works()

    def test_tcp_and_large_packets_through_devices(self, site: Site) -> None:
        server = site.server()
        site.client().wait_until_up()
        stream = server.expect("request")["stream"]
        server.do("attach", stream=stream, device="aio")
        node = site.net.server
        node.add_addresses("aio", f"{FAR_V4}/24", f"{FAR_V6}/64")
        node.ip("link set aio mtu 1280 up")
        for target, size in ((FAR_V4, 1280 - 28), (FAR_V6, 1280 - 48)):
            assert site.ping(target, size=size, patience=3)
        assert node.ping(V4).loss == 0 and node.ping(V6).loss == 0
        listener = node.iperf3_server()
        for reverse in (False, True):
            assert site.net.client.iperf3(FAR_V4, seconds=2, reverse=reverse).mbps > 0.5
        listener.stop()

    @pytest.mark.parametrize(
        ("datagram", "drop"),
        [
            ("00", "malformed"),  # no context id
            ("0003" + "45" * 30, "unknown_context"),
            ("0000" + "ff" * 40, "malformed"),
            ("3f00" + "45" * 30, "unknown_tunnel"),
        ],
    )
    def test_a_datagram_that_is_none(self, site: Site, datagram: str, drop: str) -> None:
        server = site.server()
        client = site.client()
        client.wait_until_up()
        server.do("raw_datagram", hex=datagram)
        until(lambda: client.drops().get(drop, 0) > 0, 5, f"{drop} is counted")
        site.works()


# Of the capsules of a server, RFC 9484 (4.7) and RFC 9297 (3.3)
MALFORMED = {
    "an address of IP version 7": capsule(1, [0, 7, 0, 0, 0, 0, 32]),
    "a prefix of 33 bits": capsule(1, [0, 4, 0, 0, 0, 0, 33]),
    "host bits": capsule(1, [0, 4, 10, 0, 0, 1, 24]),
    "half an address": capsule(1, [0, 6, 0, 0]),
    "ADDRESS_REQUEST without a request": capsule(2),
    "a range that ends before it begins": capsule(3, [4, 10, 0, 0, 9, 10, 0, 0, 1, 0]),
    "ranges that overlap": capsule(3, [4, 10, 0, 0, 0, 10, 0, 0, 9, 0, 4, 10, 0, 0, 9, 10, 0, 0, 20, 0]),
    "protocols out of order": capsule(3, [4, 10, 0, 0, 0, 10, 0, 0, 9, 6, 4, 10, 0, 1, 0, 10, 0, 1, 9, 1]),
    "IPv4 behind IPv6": capsule(3, [6, *[0] * 32, 0, 4, 10, 0, 1, 0, 10, 0, 1, 9, 0]),
}


class TestWhatIsWrong:
    @pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
    def test_a_malformed_capsule(self, site: Site, content: str) -> None:
        """The tunnel ends, with the right error; the client dials again."""
        server = site.server()
        client = site.client()
        client.wait_until_up()
        stream = server.expect("request")["stream"]
        server.do("content", stream=stream, hex=content)
        ended(server, 0, MESSAGE_ERROR)
        client.wait_for_log("malformed capsule")
        server.expect("request", 10)
        client.wait_until_up(seconds=10)
        site.works()

    def test_the_client_ends_it(self, site: Site) -> None:
        """RFC 9114, 5.2 and 8.1"""
        server = site.server()
        client = site.client()
        client.wait_until_up()
        client.stop()
        ended(server, 0, NO_ERROR)

    @pytest.mark.parametrize("way", ["finish", "reset", "close"])
    def test_the_server_ends_it(self, site: Site, way: str) -> None:
        server = site.server()
        client = site.client()
        client.wait_until_up()
        stream = server.expect("request")["stream"]
        server.do(way, **({} if way == "close" else {"stream": stream}))
        server.expect("request", 10)
        client.wait_until_up(seconds=10)
        site.works()

    @pytest.mark.parametrize(
        ("habits", "said"),
        [
            ({"settings": {"0x8": None}}, "no extended CONNECT"),
            ({"settings": {"0x8": 0}}, "no extended CONNECT"),
            ({"settings": {"0x33": 2}}, "HTTP/3|SETTINGS"),
            ({"hold_settings": True}, "sends no SETTINGS"),
            ({"path": "/elsewhere/"}, "status 404"),
            ({"token": "of somebody else"}, "status 401"),
            ({"alpn": ["hq-interop"]}, "no application protocol|Handshake failed"),
        ],
    )
    def test_a_server_that_is_none(self, site: Site, habits: dict[str, Any], said: str) -> None:
        """The log says what is missing."""
        site.server(**habits)
        client = site.client()
        client.wait_for_log(rf"cr: .*({said})", 15)
        assert client.tunnel()["state"] != "up"

    @pytest.mark.parametrize(
        ("status", "headers", "said", "code"),
        [
            (204, {}, "malformed: status 204", REQUEST_CANCELLED),
            (200, {"content-type": "text/html"}, "malformed: content-type", REQUEST_CANCELLED),
            (301, {"location": "https://example.net/"}, "status 301", REQUEST_CANCELLED),
            (503, {"retry-after": "3"}, "status 503", REQUEST_CANCELLED),
        ],
    )
    def test_a_response_that_is_no_acceptance(
        self, site: Site, status: int, headers: dict[str, str], said: str, code: int
    ) -> None:
        server = site.server(manual=True)
        client = site.client()
        stream = server.expect("request")["stream"]
        server.do("respond", stream=stream, status=status, headers=headers)
        client.wait_for_log(said)
        ended(server, 0, code)


def ended(server: Peer, connection: int, code: int) -> None:
    """Our client has broken off, with this error; of a connection that serves one tunnel it ends all of it, as RFC 9114
    (8) lets it."""
    assert server.expect("closed", connection=connection)["code"] == code


def leads_to(node: Node, address: str) -> str:
    """The interface that packets to there leave by; empty: none."""
    found = re.search(r" dev (\S+)", node.run(["ip", "route", "get", address], check=False).stdout)
    return found.group(1) if found else ""
