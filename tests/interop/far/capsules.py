"""The capsules of CONNECT-IP (RFC 9484, 4.7) and their frame (RFC 9297, 3.2), read as strictly as they are written
there: what must not be raises Violation."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from .wire import Incomplete, Reader, frame, varint

DATAGRAM, ADDRESS_ASSIGN, ADDRESS_REQUEST, ROUTE_ADVERTISEMENT = 0x00, 0x01, 0x02, 0x03

_SIZES = {4: 4, 6: 16}


class Violation(Exception):
    pass


class CapsuleReader:
    """Of a stream's content, however it is cut up."""

    def __init__(self) -> None:
        self._data = b""

    def read(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        self._data += data
        while True:
            reader = Reader(self._data)
            try:
                capsule = reader.varint(), reader.take(reader.varint())
            except Incomplete:
                return
            self._data = reader.rest()
            yield capsule

    @property
    def within(self) -> bool:
        """A capsule has begun and not ended."""
        return bool(self._data)


# An address of ADDRESS_ASSIGN and ADDRESS_REQUEST is "PREFIX" or ["PREFIX", REQUEST ID] in commands, and
# ["PREFIX", REQUEST ID] in events. A range is [FIRST, LAST, PROTOCOL].


def addresses(kind: int, entries: list[Any]) -> bytes:
    body = b""
    for entry in entries:
        text, request = (entry, 0) if isinstance(entry, str) else entry
        address, _, length = text.partition("/")
        parsed = ipaddress.ip_address(address)
        body += varint(request) + bytes([parsed.version]) + parsed.packed + bytes([int(length or parsed.max_prefixlen)])
    return frame(kind, body)


def routes(ranges: list[list[Any]]) -> bytes:
    body = b""
    for first, last, protocol in ranges:
        parsed = ipaddress.ip_address(first)
        body += bytes([parsed.version]) + parsed.packed + ipaddress.ip_address(last).packed + bytes([protocol])
    return frame(ROUTE_ADVERTISEMENT, body)


def read_addresses(body: bytes, asks: bool) -> list[list[Any]]:
    reader, entries = Reader(body), []
    try:
        while reader:
            request = reader.varint()
            address = _address(reader)
            length = reader.byte()
            if length > address.max_prefixlen:
                raise Violation(f"a prefix length of {length}")
            try:
                prefix = ipaddress.ip_network((address, length))
            except ValueError as error:
                raise Violation(f"{address}/{length} has host bits") from error
            if asks and request == 0:
                raise Violation("an address is requested with the request id 0")
            entries.append([str(prefix), request])
    except Incomplete as error:
        raise Violation("a capsule of addresses ends within one") from error
    if asks and not entries:
        raise Violation("ADDRESS_REQUEST without a request")
    return entries


def read_routes(body: bytes) -> list[list[Any]]:
    reader, ranges = Reader(body), []
    try:
        while reader:
            first = _address(reader)
            size = _SIZES[first.version]
            last = ipaddress.ip_address(reader.take(size))
            ranges.append((first.version, reader.byte(), first, last))
    except Incomplete as error:
        raise Violation("ROUTE_ADVERTISEMENT ends within a range") from error
    for version, protocol, first, last in ranges:
        if first > last:
            raise Violation(f"a range from {first} to {last}")
        for other_version, other_protocol, other_first, other_last in ranges:
            if other_version == version and other_protocol != protocol and 0 in (protocol, other_protocol):
                if first <= other_last and other_first <= last:
                    raise Violation(f"{first} is routed for all protocols and for one")
    for (version, protocol, _, last), (next_version, next_protocol, first, _) in zip(ranges, ranges[1:]):
        if (next_version, next_protocol) < (version, protocol):
            raise Violation("ranges that are not in order of version and protocol")
        if (next_version, next_protocol) == (version, protocol) and last >= first:
            raise Violation("ranges that are not in order of address, or overlap")
    return [[str(first), str(last), protocol] for _, protocol, first, last in ranges]


def _address(reader: Reader) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    version = reader.byte()
    if version not in _SIZES:
        raise Violation(f"an address of IP version {version}")
    return ipaddress.ip_address(reader.take(_SIZES[version]))
