"""Sessions over several paths (docs/connect-ip.md): our server with clients of aioquic that open and join them, some of
them the wrong ones; our client over two links to a server of aioquic that has never heard of sessions.

    client ---- wan ---- server               box ---- wan1 ---- server
    aioquic              mpquic               mpquic - wan2 ---- aioquic
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from attacker import ipv4_packet
from conftest import Identity, MakePeer
from far.packets import echo_request
from lab import LinkSpec, topology
from nodes import INNER_SERVER_V4, PORT, Testbed, client_configuration, until
from our_server import Site, Tunnel, accepted, dial, running, site, tunnel
from peer import MESSAGE_ERROR, REQUEST_CANCELLED, Peer, capsule, headers

__all__ = ["running", "site"]  # fixtures

SAME_WORKER = {"first_id_byte": 0x6D}
"""The server finds a session where its first connection is, and goes by this byte: docs/architecture.md."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
UNKNOWN = "x" * 43

# Prints the sizes of datagrams as they come.
SIZES = """
import socket
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("", 9))
print("ready", flush=True)
while True:
    print(len(receiver.recv(1 << 16)), flush=True)
"""


@dataclass
class Session:
    """Its paths are connections of one client."""

    client: Peer
    token: str
    paths: list[Tunnel]
    numbers: Iterator[int]

    def sends(self, path: Tunnel, count: int = 5) -> int:
        """How many of so many pings, over this path, are answered: over whichever."""
        numbers = [next(self.numbers) for _ in range(count)]
        for number in numbers:
            self.client.do("packet", stream=path.stream, connection=path.connection, hex=ping(path, number))
        return self.answered(numbers)

    def answered(self, numbers: list[int]) -> int:
        wanted = {f"6d71{number:04x}" for number in numbers}

        def answers() -> list[str]:
            return [each["data"][48:56] for each in self.client.seen("packet", protocol=1)]

        try:
            until(lambda: wanted <= set(answers()), 1.5)
        except AssertionError:
            pass
        return sum(answer in wanted for answer in answers())


def ping(path: Tunnel, number: int) -> str:
    """In hexadecimal."""
    return echo_request(path.v4, INNER_SERVER_V4, number).hex()


def requested(client: Peer, session: str, connection: int) -> tuple[int, dict[str, object]]:
    """The stream, and the response."""
    stream = client.do("request", headers=headers(mpquic_session=session), connection=connection)
    response = client.expect("response", stream=stream, connection=connection)
    client.events.append(response)
    return stream, response


def path(client: Peer, session: str, connection: int) -> tuple[Tunnel, str]:
    stream, response = requested(client, session, connection)
    made = accepted(client, stream, connection)
    return made, str(response["headers"].get("mpquic-session"))  # type: ignore[attr-defined]


def opened(site: Site, name: str = "box1", joins: int = 1) -> Session:
    client = site.client(name)
    first, token = path(client, "open", dial(site, client, **SAME_WORKER))
    assert TOKEN.fullmatch(token), token
    session = Session(client, token, [first], iter(range(1, 10_000)))
    for _ in range(joins):
        joined, repeated = path(client, token, dial(site, client, **SAME_WORKER))
        assert repeated == token
        session.paths.append(joined)
    return session


class TestOurServer:
    def test_paths_of_one_session(self, site: Site) -> None:
        session = opened(site, joins=2)
        assert len({(each.v4, each.v6) for each in session.paths}) == 1, "all have the same addresses"
        for each in session.paths:
            assert session.sends(each) == 5

    @pytest.mark.parametrize("dead", [0, 1])
    @pytest.mark.parametrize("way", ["finish", "reset", "close"])
    def test_any_path_may_go(self, site: Site, dead: int, way: str) -> None:
        session = opened(site)
        gone, left = session.paths[dead], session.paths[1 - dead]
        session.client.do(way, connection=gone.connection, **({} if way == "close" else {"stream": gone.stream}))
        assert session.sends(left) == 5
        joined, token = path(session.client, session.token, dial(site, session.client, **SAME_WORKER))
        assert token == session.token
        assert session.sends(joined) == 5
        assert (joined.v4, joined.v6) == (left.v4, left.v6)

    def test_two_sessions_have_nothing_in_common(self, site: Site) -> None:
        one, other = opened(site, joins=0), opened(site, joins=0)
        assert one.token != other.token

    def test_a_session_ends_with_its_last_path(self, site: Site) -> None:
        session = opened(site)
        for each in session.paths:
            session.client.do("finish", stream=each.stream, connection=each.connection)
        late = dial(site, session.client, **SAME_WORKER)

        def refused() -> bool:
            _, response = requested(session.client, session.token, late)
            session.client.events.clear()
            return response["status"] == "404"

        until(refused, 5, "nobody can join it any more")

    def test_a_token_that_nobody_has(self, site: Site) -> None:
        session = opened(site)
        _, response = requested(session.client, UNKNOWN, dial(site, session.client, **SAME_WORKER))
        assert response["status"] == "404"
        assert "mpquic-session" not in response["headers"]  # type: ignore[operator]
        assert session.sends(session.paths[0]) == 5

    def test_a_session_of_somebody_else(self, site: Site) -> None:
        """The token lets nobody in who could not come in without it."""
        session = opened(site)
        thief = site.client("box2")
        _, response = requested(thief, session.token, dial(site, thief, **SAME_WORKER))
        assert response["status"] == "403"
        for each in session.paths:
            assert session.sends(each) == 5
        assert not thief.seen("packet")
        # And it may have one of its own.
        own, token = path(thief, "open", dial(site, thief, **SAME_WORKER))
        assert token != session.token and own.v4 != session.paths[0].v4

    def test_a_token_without_identity(self, site: Site) -> None:
        session = opened(site)
        stranger = site.client(None)
        _, response = requested(stranger, session.token, dial(site, stranger, **SAME_WORKER))
        assert response["status"] == "401"
        assert session.sends(session.paths[1]) == 5

    @pytest.mark.parametrize("value", ["", "close", "x" * 42, "x" * 44, "open, open", "x" * 42 + "=", "open extra", ";open"])
    def test_a_wish_that_is_none(self, site: Site, value: str) -> None:
        client = site.connected()
        _, response = requested(client, value, 0)
        assert response["status"] == "400"
        tunnel(client).works()

    def test_two_wishes(self, site: Site) -> None:
        client = site.connected()
        stream = client.do("request", headers=[*headers(mpquic_session="open"), ["mpquic-session", "open"]])
        assert client.expect("response", stream=stream)["status"] == "400"

    def test_parameters_that_nobody_knows_yet(self, site: Site) -> None:
        client = site.client()
        _, token = path(client, "open;later=1", dial(site, client, **SAME_WORKER))
        _, repeated = path(client, f"{token} ; later", dial(site, client, **SAME_WORKER))
        assert token == repeated

    def test_without_the_wish_there_is_no_session(self, site: Site) -> None:
        client = site.connected()
        stream = client.do("request", headers=headers())
        response = client.expect("response", stream=stream)
        assert "mpquic-session" not in response["headers"]
        before = site.server.drops().get("unknown_context", 0)
        client.do("sequenced", stream=stream, hex="45" * 40)
        until(lambda: site.server.drops().get("unknown_context", 0) > before, 5, "it is dropped")

    def test_the_same_packet_over_both_paths_is_delivered_once(self, site: Site) -> None:
        session = opened(site)
        numbers = [next(session.numbers) for _ in range(20)]
        before = site.server.drops().get("duplicate", 0)
        for sequence, number in enumerate(numbers):
            for each in session.paths:
                session.client.do(
                    "sequenced", stream=each.stream, connection=each.connection, hex=ping(each, number),
                    sequence=sequence, path_sequence=sequence, sent_at=1000 * sequence, copy=each is session.paths[1],
                )  # fmt: skip
        assert session.answered(numbers) == len(numbers)
        until(lambda: site.server.drops().get("duplicate", 0) == before + len(numbers), 5, "the others are counted")

    def test_order_is_restored(self, site: Site) -> None:
        """The second half comes first. The size of a packet tells which it is."""
        session = opened(site)
        with site.net.server.start([sys.executable, "-c", SIZES], log="sizes.log") as sizes:
            sizes.wait_for_log("ready")
            sent = [0, *range(5, 10), *range(1, 5)]
            for turn, sequence in enumerate(sent):
                each = session.paths[sequence in range(5, 10)]
                session.client.do(
                    "sequenced", stream=each.stream, connection=each.connection, ordered=True, flow=7,
                    hex=ipv4_packet(each.v4, INNER_SERVER_V4, 100 + sequence).hex(),
                    sequence=sequence, path_sequence=turn, sent_at=1000 * turn,
                )  # fmt: skip
            until(lambda: len(sizes.log.split()) == 1 + len(sent), 5, "all have come")
            assert sizes.log.split()[1:] == [str(100 - 28 + number) for number in sorted(sent)]

    @pytest.mark.parametrize(
        "lie",
        [
            {"flow": 5, "ordered": True, "sequence": 1 << 31},
            {"flow": 5, "ordered": True, "sequence": (1 << 32) - 1, "path_sequence": 1 << 31},
            {"sequence": 1 << 31, "sent_at": (1 << 32) - 1},
            {"flow": 0x3FFF, "ordered": True, "sequence": 1 << 20, "sent_at": 1 << 31, "copy": True},
        ],
    )
    def test_a_path_that_lies_harms_itself_alone(self, site: Site, lie: dict[str, int]) -> None:
        session, other = opened(site), opened(site, "box2")
        liar = session.paths[0]
        for step in range(50):
            changed = {**lie, "sequence": (lie["sequence"] + step * 0x1234567) % (1 << 32)}
            session.client.do(
                "sequenced", stream=liar.stream, connection=liar.connection, hex=ping(liar, next(session.numbers)), **changed
            )
        assert other.sends(other.paths[0]) == 5
        assert session.sends(session.paths[1]) == 5

    def test_half_a_header(self, site: Site) -> None:
        session = opened(site)
        before = site.server.drops().get("malformed", 0)
        for datagram in ("0002", "000200", "0002" + "00" * 14, "0002" + "00" * 14 + "ff" * 40, "0004", "000400000000"):
            session.client.do("raw_datagram", connection=session.paths[0].connection, hex=datagram)
        until(lambda: site.server.drops().get("malformed", 0) > before, 5, "they are counted")
        assert session.sends(session.paths[0]) == 5

    @pytest.mark.parametrize(
        "value",
        [[], [1, 1, 0, 0, 4, *b"wan"], [0, 1, 0, 0, 1, *b"w"], [1, 0, 0, 0, 1, *b"w"], [1, 1, 0, 0, 0], [1, 1, 0, 0, 1, 7]],
    )
    def test_a_malformed_description_of_a_path(self, site: Site, value: list[int]) -> None:
        session = opened(site)
        wrong, right = session.paths
        kind = bytes.fromhex("c000" + "2d7071707468")
        content = (kind + bytes([len(value), *value])).hex()
        session.client.do("content", stream=wrong.stream, connection=wrong.connection, hex=content)
        reset = session.client.expect("reset", stream=wrong.stream, connection=wrong.connection)
        assert reset["code"] == MESSAGE_ERROR
        assert session.sends(right) == 5


class TestOurClient:
    @pytest.fixture
    def far(self, testbed: Testbed, peer: MakePeer, identity: Identity) -> tuple[topology.Box, Peer]:
        net = topology.box(testbed.lab, [LinkSpec.both("delay=2ms")] * 2)
        server = peer(net.server, "server", **{
            **identity.server(), "assign": ["10.9.0.2/32"], "routes": [["10.9.0.0", "10.9.0.255", 0]]
        })  # fmt: skip
        server.do("listen", address="::", port=PORT)
        configuration = client_configuration(
            testbed.authority, "box1", f"{topology.SERVER_V4}:{PORT}", {"mp": {"links": ["wan1", "wan2"]}},
            interfaces=["wan1", "wan2"], alpn="h3",
        )  # fmt: skip
        self.client = testbed.add(net.box, configuration)
        return net, server

    def works(self, net: topology.Box) -> None:
        until(lambda: "mp" in net.box.ip("route get 10.9.0.1"), 5, "the route is there")
        until(lambda: net.box.ping("10.9.0.1", count=3).loss == 0, 10, "the server answers")

    def test_a_server_without_sessions_gives_a_plain_tunnel(self, far: tuple[topology.Box, Peer]) -> None:
        net, server = far
        self.client.start().wait_until_up()
        self.works(net)
        request = server.expect("request")
        assert request["headers"]["mpquic-session"] == "open"
        up = [each for each in self.client.tunnel()["connections"] if each["state"] == "up"]
        assert len(up) == 1
        # When its link is gone the other one has the tunnel.
        used = net[up[0]["link"]]
        used.link.carrier(up=False)

        def moved() -> bool:
            links = [each["link"] for each in self.client.tunnel()["connections"] if each["state"] == "up"]
            return links == [name for name in ("wan1", "wan2") if name != used.name]

        until(moved, 10, "the other link has it")
        self.works(net)

    @pytest.mark.parametrize("answer", ["", "open", "x" * 42, "x" * 43 + "!"])
    def test_a_consent_that_it_cannot_read(self, far: tuple[topology.Box, Peer], answer: str) -> None:
        net, server = far
        server.do("habit", manual=True)
        self.client.start()
        request = server.expect("request")
        server.do("respond", stream=request["stream"], connection=request["connection"], status=200,
                  headers={"capsule-protocol": "?1", "mpquic-session": answer})  # fmt: skip
        closed = server.expect("closed", connection=request["connection"])
        assert closed["code"] in (MESSAGE_ERROR, REQUEST_CANCELLED)
        server.do("habit", manual=False)
        self.client.wait_until_up(seconds=15)
        self.works(net)
