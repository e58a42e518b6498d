"""What reaches a public UDP port: garbage, forgeries, replays, clients that misbehave. All of it is dropped and counted
by its name, none of it is answered with more than it cost, and the tunnel of an honest client does not notice."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import attacker
from attacker import SMALLEST_INITIAL, Siege, capture, counted, goes_on, long_header, poke, send
from lab import topology
from nodes import INNER_CLIENT_V4, INNER_SERVER_V4, Mpquic, Testbed, pair_client, pair_server

VERSION_1 = 1
SEED = 20261122

# What the attackers' certificates may do; nobody has mallory in the configuration.
EVE, EVES_ADDRESS = "eve", "10.200.15.40"


@pytest.fixture(scope="module")
def field(shared_testbed: Testbed) -> Siege:
    net = topology.pair(shared_testbed.lab)
    foe = attacker.attach_attacker(shared_testbed.lab, net.server)
    configuration = pair_server(shared_testbed, log_level="debug")
    configuration["clients"][EVE] = {"prefixes": ["10.200.15.32/28"]}
    server = shared_testbed.run(net.server, configuration)
    client = shared_testbed.run(net.client, pair_client(shared_testbed, net.server_v4))
    client.wait_until_up()
    return Siege(shared_testbed, net, server, client, foe)


@pytest.fixture(autouse=True)
def an_honest_client_goes_on(field: Siege) -> Iterator[None]:
    with goes_on(field.client, INNER_SERVER_V4):
        yield


def random_payloads(count: int, sizes: tuple[int, int], first: int, mask: int) -> list[bytes]:
    print(f"seed {SEED}")
    source = random.Random(SEED)
    payloads = [bytearray(source.randbytes(source.randint(*sizes))) for _ in range(count)]
    for payload in payloads:
        payload[0] = payload[0] & ~mask & 0xFF | first
    return [bytes(payload) for payload in payloads]


def _with_bit_flipped(payload: bytes, bit: int) -> bytes:
    flipped = bytearray(payload)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


class TestPacketsOfNobody:
    def test_what_is_too_short_for_any_packet(self, field: Siege) -> None:
        payloads = random_payloads(200, (1, 20), 0, 0)
        with counted(field.server, udp_garbage=200):
            assert send(field.foe, payloads) == []

    def test_an_empty_payload(self, field: Siege) -> None:
        assert send(field.foe, [b""] * 10) == []

    def test_random_long_headers(self, field: Siege) -> None:
        """Most name no version that anybody speaks, and are smaller than what deserves an answer."""
        payloads = random_payloads(500, (21, SMALLEST_INITIAL - 1), 0x80, 0x80)
        with counted(field.server) as found:
            assert send(field.foe, payloads) == []
        assert found["udp_garbage"] + found["version"] + found["unknown_connection"] == 500

    def test_an_unknown_version_is_told_which_there_are(self, field: Siege) -> None:
        asked = long_header(0x1A2A3A4A, b"unknown!", b"me") + bytes(SMALLEST_INITIAL)
        with counted(field.server, version=1):
            answers = send(field.foe, [asked])
        # RFC 9000, 17.2.1: version 0, the ids the other way round, then what is spoken.
        assert len(answers) == 1 and answers[0][0] & 0x80
        assert answers[0][1:] == bytes(4) + b"\x02me" + b"\x08unknown!" + VERSION_1.to_bytes(4, "big")

    def test_a_small_packet_of_an_unknown_version_is_told_nothing(self, field: Siege) -> None:
        with counted(field.server) as found:
            assert send(field.foe, [long_header(0x1A2A3A4A, b"unknown!") + bytes(1000)]) == []
        assert sum(found.values()) == 1

    def test_an_initial_that_is_too_small_begins_nothing(self, field: Siege) -> None:
        """RFC 9000, 14.1."""
        begins = long_header(VERSION_1, b"unknown!", b"") + b"\x00\x44\x00" + bytes(1024)
        with counted(field.server) as found:
            assert send(field.foe, [begins[: SMALLEST_INITIAL - 1]] * 20) == []
        assert found["udp_garbage"] + found["unknown_connection"] + found["bad_packet"] == 20

    @pytest.mark.parametrize("size", [21, 22, 43, 44, 100, 1200])
    def test_a_short_header_of_nobody_brings_a_smaller_stateless_reset(self, field: Siege, size: int) -> None:
        """RFC 9000, 10.3: at least 21 bytes, fewer than what it answers: no two ends answer each other for ever."""
        with counted(field.server, unknown_connection=1):
            answers = send(field.foe, random_payloads(1, (size, size), 0x40, 0xC0))
        if size == 21:
            assert answers == []
        else:
            assert len(answers) == 1
            assert 21 <= len(answers[0]) < size
            assert answers[0][0] & 0xC0 == 0x40

    def test_one_connection_id_always_has_the_same_reset_token(self, field: Siege) -> None:
        packet = b"\x40" + b"eight-id" + bytes(60)
        answers = send(field.foe, [packet, packet])
        assert len(answers) == 2
        assert answers[0][-16:] == answers[1][-16:]

    def test_stateless_resets_are_rate_limited(self, field: Siege) -> None:
        sent = 12_000
        with counted(field.server, unknown_connection=sent // 2):
            answers = send(field.foe, random_payloads(sent, (60, 60), 0x40, 0xC0))
        assert 0 < len(answers) < sent * 0.9

    def test_a_reset_that_is_made_up_ends_nothing(self, field: Siege) -> None:
        """To the client: its connection ids have no length, so any payload reaches its connection."""
        outer = field.client.tunnel()["connections"][0]["local_address"].rpartition(":")[2]
        forged = [
            attacker.ipv4_packet(field.net.server_v4, field.net.client_v4, 28 + 60)[:20]
            + (45010).to_bytes(2, "big") + int(outer).to_bytes(2, "big") + (68).to_bytes(2, "big") + b"\0\0" + payload
            for payload in random_payloads(100, (60, 60), 0x40, 0xC0)
        ]  # fmt: skip
        with counted(field.client, bad_packet=100):
            attacker.send_ip(field.net.server, forged, to=field.net.client_v4)


class TestRealPackets:
    @pytest.fixture
    def captured(self, field: Siege) -> list[bytes]:
        with capture(field.net.client, "wan", 20) as packets:
            pass  # the pings under way give some
        return [each for each in packets if attacker.udp_payload(each)]

    def test_cut_off_anywhere(self, field: Siege, captured: list[bytes]) -> None:
        payload = attacker.udp_payload(captured[0])
        sizes = range(1, len(payload))
        rest = len(payload) - 21
        with counted(field.server, udp_garbage=20, bad_packet=rest):
            send(field.foe, [payload[:size] for size in sizes])
        with counted(field.server, udp_garbage=20, bad_packet=rest):
            attacker.send_ip(field.net.client, [attacker.cut(captured[0], size) for size in sizes], field.net.server_v4)

    def test_with_a_bit_flipped(self, field: Siege, captured: list[bytes]) -> None:
        payload = attacker.udp_payload(captured[0])
        flipped = [_with_bit_flipped(payload, bit) for bit in range(len(payload) * 8)]
        # In the connection id it is somebody else's, in the form bit perhaps a handshake's.
        with counted(field.server, unknown_connection=60, bad_packet=len(flipped) - 80):
            send(field.foe, flipped)

    def test_replayed_by_somebody_else(self, field: Siege, captured: list[bytes]) -> None:
        """A packet that has been here before does not move the tunnel to where it comes from (RFC 9000, 9.3)."""
        before = field.server.tunnel()["connections"]
        send(field.foe, [attacker.udp_payload(each) for each in captured] * 20)
        after = field.server.tunnel()["connections"]
        assert [each["remote_address"] for each in after] == [each["remote_address"] for each in before]
        assert field.net.client_v4 in after[0]["remote_address"]

    def test_replayed_from_the_same_address(self, field: Siege, captured: list[bytes]) -> None:
        """Nothing that has been delivered is delivered again."""
        received = field.server.tunnel()["rx_packets"]
        sent = field.client.tunnel()["tx_packets"]
        attacker.send_ip(field.net.client, captured * 50, field.net.server_v4)
        more_received = field.server.tunnel()["rx_packets"] - received
        more_sent = field.client.tunnel()["tx_packets"] - sent
        assert more_received <= more_sent + 2  # the two are asked at slightly different times

    def test_a_handshake_replayed(self, field: Siege) -> None:
        """An honest client's first flight begins handshakes again, and none of them is ever finished."""
        with capture(field.foe, "foe0", 3) as packets:  # an interface that is new speaks of itself, too
            assert poke(field.foe, field.testbed.authority, EVE, linger=0.3).established == 1
        initial = next(filter(None, map(attacker.udp_payload, packets)))
        assert len(initial) >= SMALLEST_INITIAL
        established = field.server.log.count("connected from")
        answers = send(field.foe, [initial] * 50)
        assert answers and sum(map(len, answers)) <= 3 * 50 * len(initial)  # RFC 9000, 8.1
        assert field.server.log.count("connected from") == established


class TestClients:
    def poke(self, field: Siege, identity: str | None, *datagrams: bytes, **options: object) -> attacker.Poked:
        return poke(field.foe, field.testbed.authority, identity, datagrams, **options)  # type: ignore[arg-type]

    def test_a_client_may_send_what_it_owns(self, field: Siege) -> None:
        """That the others are dropped means something only if this one is not."""
        with counted(field.server) as found:
            poked = self.poke(field, EVE, bytes([10, 200, 15, 40]), attacker.ipv4_packet(EVES_ADDRESS, INNER_SERVER_V4))
        assert poked.established == 1 and poked.unsent == 0
        assert sum(found.values()) == 0
        assert poked.datagrams, "the server says that nobody listens on that port"

    def test_unknown_alpn(self, field: Siege) -> None:
        poked = self.poke(field, EVE, alpn="mpquic-no", linger=3)
        assert poked.established == 0
        assert "no application protocol" in poked.closed[0].lower() or "refused" in poked.closed[0]

    def test_no_certificate(self, field: Siege) -> None:
        poked = self.poke(field, None, bytes([10, 200, 15, 40]), linger=3)
        assert poked.established == 0 and "refused us" in poked.closed[0]

    def test_a_name_that_nobody_knows(self, field: Siege) -> None:
        poked = self.poke(field, "mallory", bytes([10, 200, 15, 40]), linger=3)
        assert poked.closed == ["closed by the other end: no client of that name"]

    def test_datagrams_that_are_no_ip_packets(self, field: Siege) -> None:
        nonsense = [b"x", bytes(3), bytes(5), b"\x45" + bytes(10), b"\xf5" + bytes(40), b"\x60" + bytes(30)]
        with counted(field.server, malformed=len(nonsense)):
            self.poke(field, EVE, bytes([10, 200, 15, 40]), *nonsense)

    def test_a_first_datagram_that_is_nothing(self, field: Siege) -> None:
        with counted(field.server, malformed=1):
            self.poke(field, EVE, b"\xf5" + bytes(40))

    def test_an_address_that_belongs_to_another(self, field: Siege) -> None:
        """Neither registered nor used."""
        stolen = bytes(map(int, INNER_CLIENT_V4.split(".")))
        with counted(field.server, foreign_source=1):
            poked = self.poke(field, EVE, stolen)
        assert poked.closed == [f"closed by the other end: eve calls itself {INNER_CLIENT_V4}, which it does not own"]
        with counted(field.server, foreign_source=1):
            self.poke(field, EVE, attacker.ipv4_packet(INNER_CLIENT_V4, INNER_SERVER_V4))

    def test_a_foreign_source_after_a_good_registration(self, field: Siege) -> None:
        sources = (INNER_CLIENT_V4, "8.8.8.8", INNER_SERVER_V4)
        foreign = [attacker.ipv4_packet(source, INNER_SERVER_V4) for source in sources]
        with counted(field.server, foreign_source=3):
            self.poke(field, EVE, bytes([10, 200, 15, 40]), *foreign)

    def test_registering_again_changes_nothing(self, field: Siege) -> None:
        mine, other, stolen = (bytes([10, 200, 15, host]) for host in (40, 41, 1))
        with counted(field.server) as found:
            packet = attacker.ipv4_packet(EVES_ADDRESS, INNER_SERVER_V4)
            poked = self.poke(field, EVE, mine, mine, other, stolen, packet)
        assert poked.datagrams and sum(found.values()) == 0
        routes = field.server.tunnel()["routes"]
        assert [each["peer"] for each in routes if each["prefix"] == f"{INNER_CLIENT_V4}/32"] == ["box1"]

    @pytest.mark.parametrize("total_length", [0, 19, 63, 65, 65535])
    def test_a_length_that_is_a_lie(self, field: Siege, total_length: int) -> None:
        packet = attacker.ipv4_packet(EVES_ADDRESS, INNER_SERVER_V4)
        lie = packet[:2] + total_length.to_bytes(2, "big") + packet[4:]
        self.poke(field, EVE, bytes([10, 200, 15, 40]), lie, linger=0.5)

    def test_larger_than_the_device(self, field: Siege) -> None:
        """As large as a QUIC packet can carry: it is the kernel's to judge, and nothing breaks."""
        large = [attacker.ipv4_packet(EVES_ADDRESS, INNER_SERVER_V4, size) for size in (1281, 1350, 1420)]
        assert self.poke(field, EVE, bytes([10, 200, 15, 40]), *large, linger=2).unsent == 0

    def test_larger_than_any_packet(self, field: Siege) -> None:
        """It never leaves the attacker, since QUIC has no fragments."""
        large = attacker.ipv4_packet(EVES_ADDRESS, INNER_SERVER_V4, 1500)
        assert self.poke(field, EVE, bytes([10, 200, 15, 40]), large).unsent == 1

    def test_sources_without_end(self, field: Siege) -> None:
        """A peer may send from all that it owns, but not fill the table with it."""
        sources = [attacker.ipv4_packet(f"10.200.15.{32 + i % 16}", INNER_SERVER_V4) for i in range(500)]
        self.poke(field, EVE, bytes([10, 200, 15, 40]), *sources)
        assert len(field.server.tunnel()["routes"]) < 40
