"""Our server, and clients of aioquic that break the RFCs: each gets the error that it has earned, and the next one is
served as ever. Drawn in our_server.py."""

from __future__ import annotations

from typing import Any

import pytest
from far.capsules import ADDRESS_REQUEST, addresses
from nodes import until
from our_server import Site, running, site, tunnel
from peer import (
    CLOSED_CRITICAL_STREAM, DATAGRAM_ERROR, FRAME_UNEXPECTED, MESSAGE_ERROR, SETTINGS_ERROR, STREAM_CREATION_ERROR,
    capsule,
)  # fmt: skip

__all__ = ["running", "site"]  # fixtures

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

    @pytest.mark.parametrize("kind", ["17", "00"])
    def test_a_large_capsule_that_is_no_use(self, site: Site, kind: str) -> None:
        """RFC 9297, 3.2 and 3.5: one that nobody knows, and a datagram that is no IP packet, are skipped."""
        made = tunnel(site.connected())
        made.client.do("content", stream=made.stream, hex=kind + "80100000" + "00" * (1 << 20))
        made.works()

    @pytest.mark.parametrize("kind", ["01", "02", "03"])
    def test_a_capsule_that_is_larger_than_any(self, site: Site, kind: str) -> None:
        client = site.connected()
        made = tunnel(client)
        client.do("content", stream=made.stream, hex=kind + "ffffffffffffffff" + "00" * (1 << 17))
        assert client.expect("reset", stream=made.stream)["code"] == MESSAGE_ERROR
        tunnel(client).works()

    def test_requests_of_addresses_without_an_end(self, site: Site) -> None:
        client = site.connected()
        made = tunnel(client)
        asked = [addresses(ADDRESS_REQUEST, [["10.200.15.99/32", number]]) for number in range(1, 5000)]
        client.do("content", stream=made.stream, hex=b"".join(asked).hex())
        client.expect("reset", stream=made.stream)
        # The first of them may have been answered, and the client does not know what it has sent.
        client.events[:] = [event for event in client.events if event["event"] != "violation"]
        tunnel(site.connected()).works()

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

    @pytest.mark.parametrize("datagram", ["c0", "ffffffffffffffff00"])
    def test_an_http_datagram_without_a_stream(self, site: Site, datagram: str) -> None:
        """RFC 9297, 2.1: half a quarter stream id, and one that is none of a stream."""
        made = tunnel(site.connected())
        made.client.do("raw_datagram", hex=datagram)
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
