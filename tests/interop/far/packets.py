"""IP packets as far as this end looks into them: what must hold for each, and ICMP echo."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from .capsules import Violation

_ICMP, _ICMPV6 = 1, 58
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}


@dataclass
class Packet:
    version: int
    source: str
    target: str
    protocol: int
    hops: int
    payload: bytes


def parse(data: bytes) -> Packet:
    """A whole packet and nothing besides."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        size, = struct.unpack_from("!H", data, 2)
        header = (data[0] & 15) * 4
        if size == len(data) and 20 <= header <= size:
            if _sum(data[:header]):
                raise Violation("an IPv4 header with a wrong checksum")
            source, target = (str(ipaddress.ip_address(data[at : at + 4])) for at in (12, 16))
            return Packet(4, source, target, data[9], data[8], data[header:])
    if version == 6 and len(data) >= 40:
        size, = struct.unpack_from("!H", data, 4)
        if size + 40 == len(data):
            source, target = (str(ipaddress.ip_address(data[at : at + 16])) for at in (8, 24))
            return Packet(6, source, target, data[6], data[7], data[40:])
    raise Violation(f"a datagram that is no IP packet: {data[:48].hex()}, {len(data)} bytes")


def echo_request(source: str, target: str, number: int, size: int = 56) -> bytes:
    return _icmp(source, target, _REQUEST, struct.pack("!HH", 0x6D71, number) + bytes(size))


def echo_reply(data: bytes) -> bytes | None:
    """None: it is no echo request."""
    packet = parse(data)
    if not _is_icmp(packet) or packet.payload[0] != _REQUEST[packet.version]:
        return None
    return _icmp(packet.target, packet.source, _REPLY, packet.payload[4:])


def answered_echo(data: bytes) -> tuple[str, int] | None:
    """Who answered, and the number of echo_request(). None: it is no such reply."""
    packet = parse(data)
    if not _is_icmp(packet) or packet.payload[0] != _REPLY[packet.version]:
        return None
    return packet.source, struct.unpack_from("!H", packet.payload, 6)[0]


def _is_icmp(packet: Packet) -> bool:
    return packet.protocol == (_ICMP if packet.version == 4 else _ICMPV6) and len(packet.payload) >= 8


def _icmp(source: str, target: str, kinds: dict[int, int], rest: bytes) -> bytes:
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    version = 4 if len(ends) == 8 else 6
    message = bytes([kinds[version], 0, 0, 0]) + rest
    covered = message if version == 4 else ends + struct.pack("!II", len(message), _ICMPV6) + message
    message = message[:2] + struct.pack("!H", _sum(covered)) + message[4:]
    if version == 6:
        return struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, 64) + ends + message
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 0, 0, 64, _ICMP, 0) + ends
    return header[:10] + struct.pack("!H", _sum(header)) + header[12:] + message


def _sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
