"""Bytes: variable-length integers (RFC 9000, 16) and what is greased with (RFC 9114, 7.2.8; RFC 9287 and others)."""

from __future__ import annotations


def varint(value: int) -> bytes:
    for size, prefix in ((1, 0), (2, 1), (4, 2), (8, 3)):
        if value < 1 << (8 * size - 2):
            return (value | prefix << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(value)


class Incomplete(Exception):
    pass


class Reader:
    """Of bytes that are all there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise Incomplete
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        first = self.byte()
        rest = self.take((1 << (first >> 6)) - 1)
        return int.from_bytes(bytes([first & 0x3F]) + rest, "big")

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)


def frame(kind: int, payload: bytes) -> bytes:
    """Of HTTP/3, and a capsule too: RFC 9114, 7.1; RFC 9297, 3.2."""
    return varint(kind) + varint(len(payload)) + payload


# Types that mean nothing, for ever.
RESERVED_HTTP3 = 0x1F * 7 + 0x21  # settings, frames and streams
RESERVED_CAPSULE = 0x29 * 11 + 0x17
RESERVED_PARAMETER = 31 * 3 + 27
