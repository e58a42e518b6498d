"""Our server, and clients of aioquic.

    client ---- wan ---- server
    aioquic              mpquic    mt: 10.200.15.254/24, fd00:200:15::254/64
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Identity, MakePeer
from far.packets import echo_request
from lab import topology
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, PORT, Mpquic, Testbed, server_configuration, until
from peer import Peer, capsule, headers

TOKEN = "0123456789abcdef0123456789abcdef"
FIXED_V4, FIXED_V6 = "10.200.15.7", "fd00:200:15::7"  # of box2
ROUTES = [["10.200.15.0", "10.200.15.255", 0], ["fd00:200:15::", "fd00:200:15:0:ffff:ffff:ffff:ffff", 0]]

DATAGRAM_ERROR, MESSAGE_ERROR, FRAME_UNEXPECTED, SETTINGS_ERROR = 0x33, 0x10E, 0x105, 0x109
STREAM_CREATION_ERROR, CLOSED_CRITICAL_STREAM, FRAME_ERROR, ID_ERROR = 0x103, 0x104, 0x106, 0x108
MISSING_SETTINGS, CONNECT_ERROR, NO_ERROR = 0x10A, 0x10F, 0x100


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
    return net, shared_testbed.run(net.server, configuration(shared_testbed))


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
    "no HTTP datagrams, in so many words": {"settings": {"0x33": 0}},
    "no QUIC datagrams": {"settings": {"0x33": None}, "datagram_frames": False},
    "a ClientHello of two packets": {"large_hello": True},
    "a setting of WebTransport, and a limit on fields": {"settings": {"0x2b603742": 1, "0x6": 65536}},
}


class TestHabits:
    @pytest.mark.parametrize("habits", HABITS.values(), ids=HABITS.keys())
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


# Of the capsules of a client, RFC 9484 (4.7) and RFC 9297 (3.3)
MALFORMED = {
    "ADDRESS_REQUEST without a request": capsule(2),
    "the request id 0": capsule(2, [0, 4, 0, 0, 0, 0, 32]),
    "an address of IP version 5": capsule(2, [1, 5, 0, 0, 0, 0, 32]),
    "a prefix of 33 bits": capsule(2, [1, 4, 0, 0, 0, 0, 33]),
    "host bits": capsule(2, [1, 4, 10, 0, 0, 1, 24]),
    "half an address": capsule(2, [1, 4, 10, 0]),
    "an assigned prefix of 129 bits": capsule(1, [0, 6, *[0] * 16, 129]),
    "an assignment of IP version 0": capsule(1, [0, 0, 0, 0, 0, 0, 32]),
    "a range that ends before it begins": capsule(3, [4, 10, 0, 0, 9, 10, 0, 0, 1, 0]),
    "ranges that overlap": capsule(3, [4, 10, 0, 0, 0, 10, 0, 0, 9, 0, 4, 10, 0, 0, 9, 10, 0, 0, 20, 0]),
    "protocols out of order": capsule(3, [4, 10, 0, 0, 0, 10, 0, 0, 9, 6, 4, 10, 0, 1, 0, 10, 0, 1, 9, 1]),
    "IPv4 behind IPv6": capsule(3, [6, *[0] * 32, 0, 4, 10, 0, 1, 0, 10, 0, 1, 9, 0]),
    "half a range": capsule(3, [4, 10, 0, 0, 0, 10]),
}


class TestWhatIsWrong:
    @pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
    @pytest.mark.parametrize("chop", [0, 1])
    def test_a_malformed_capsule(self, site: Site, content: str, chop: int) -> None:
        client = site.connected(chop=chop)
        made = tunnel(client)
        client.do("content", stream=made.stream, hex=content)
        assert client.expect("reset", stream=made.stream)["code"] == MESSAGE_ERROR
        tunnel(client).works()

    def test_a_stream_that_ends_within_a_capsule(self, site: Site) -> None:
        client = site.connected()
        made = tunnel(client)
        client.do("content", stream=made.stream, hex="0240")
        client.do("finish", stream=made.stream)
        assert client.expect("reset", stream=made.stream)["code"] == MESSAGE_ERROR

    @pytest.mark.parametrize(
        ("datagram", "drop"),
        [
            ("00", "malformed"),  # no context id
            ("0002" + "45" * 30, "unknown_context"),
            ("00c0", "malformed"),  # half a context id
            ("0000", "malformed"),  # no packet
            ("0000" + "ff" * 40, "malformed"),
            ("3f00" + "45" * 30, "unknown_tunnel"),
        ],
    )
    def test_a_datagram_that_is_none(self, site: Site, datagram: str, drop: str) -> None:
        """Counted, and nothing else."""
        made = tunnel(site.connected())
        before = site.server.drops().get(drop, 0)
        made.client.do("raw_datagram", hex=datagram)
        until(lambda: site.server.drops().get(drop, 0) > before, 5, f"{drop} is counted")
        made.works()

    def test_an_http_datagram_without_a_stream(self, site: Site) -> None:
        """RFC 9297, 2.1"""
        made = tunnel(site.connected())
        made.client.do("raw_datagram", hex="c0")
        assert made.client.expect("closed")["code"] == DATAGRAM_ERROR

    @pytest.mark.parametrize(
        ("habits", "code"),
        [
            ({"settings": {"0x33": 2}}, SETTINGS_ERROR),  # RFC 9297, 2.1.1
            ({"settings": {"0x2": 0}}, SETTINGS_ERROR),  # RFC 9114, 7.2.4.1
            ({"datagram_frames": False}, SETTINGS_ERROR),  # RFC 9297, 2.1.1: promised, and not taken by QUIC
        ],
    )
    def test_settings(self, site: Site, habits: dict[str, Any], code: int) -> None:
        client = site.connected(**habits)
        assert client.expect("closed")["code"] == code
        tunnel(site.connected()).works()

    @pytest.mark.parametrize(
        ("command", "code"),
        [
            ({"do": "control_frame", "type": 4, "hex": ""}, FRAME_UNEXPECTED),  # a second SETTINGS
            ({"do": "control_frame", "type": 0, "hex": ""}, FRAME_UNEXPECTED),
            ({"do": "control_frame", "type": 2, "hex": ""}, FRAME_UNEXPECTED),  # of HTTP/2: RFC 9114, 7.2.8
            ({"do": "frame", "stream": 0, "type": 4, "hex": ""}, FRAME_UNEXPECTED),
            ({"do": "one_way", "hex": "00"}, STREAM_CREATION_ERROR),  # a second control stream
            ({"do": "one_way", "hex": "01"}, STREAM_CREATION_ERROR),  # a push stream of a client
            ({"do": "finish", "stream": 2}, CLOSED_CRITICAL_STREAM),
            ({"do": "reset", "stream": 2}, CLOSED_CRITICAL_STREAM),
        ],
    )
    def test_http3(self, site: Site, command: dict[str, Any], code: int) -> None:
        client = site.connected()
        tunnel(client)
        client.do(command["do"], **{key: value for key, value in command.items() if key != "do"})
        assert client.expect("closed")["code"] == code
        tunnel(site.connected()).works()


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
        listener = server.iperf3_server()
        for reverse in (False, True):
            assert client.iperf3(INNER_SERVER_V4, seconds=2, reverse=reverse).mbps > 0.5
        listener.stop()


def echo(made: Tunnel) -> str:
    """A ping from there to the server, in hexadecimal."""
    return echo_request(made.v4, INNER_SERVER_V4, 1000).hex()


def with_changes(changed: dict[str, str | None]) -> list[list[str]]:
    """The request, with other fields; None: without this one."""
    fields = dict(headers()) | changed
    return [[name, value] for name, value in fields.items() if value is not None]


def addresses_in_use(site: Site) -> set[str]:
    return {route["prefix"].partition("/")[0] for route in site.server.tunnel("mt")["routes"] if route["connection"]}
