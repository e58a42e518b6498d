"""Sequenced packets and probes, as mpquic has them in its sessions (docs/connect-ip.md), written by that page alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .capsules import Violation

PACKET, PROBE = 2, 4  # contexts
_HEADER = struct.Struct("!HIII")
_PROBE = struct.Struct("!II")
_ORDERED, _COPY, _FLOW = 0x8000, 0x4000, 0x3FFF


@dataclass
class Header:
    flow: int = 0
    sequence: int = 0
    path_sequence: int = 0
    sent_at: int = 0
    ordered: bool = False
    copy: bool = False

    def pack(self) -> bytes:
        first = self.flow | (_ORDERED if self.ordered else 0) | (_COPY if self.copy else 0)
        return _HEADER.pack(first, self.sequence, self.path_sequence, self.sent_at)


def unpack(data: bytes) -> tuple[Header, bytes]:
    """The header, and the packet behind it."""
    if len(data) <= _HEADER.size:
        raise Violation(f"a sequenced packet of {len(data)} bytes")
    first, sequence, path_sequence, sent_at = _HEADER.unpack_from(data)
    header = Header(first & _FLOW, sequence, path_sequence, sent_at, bool(first & _ORDERED), bool(first & _COPY))
    return header, data[_HEADER.size :]


def check_probe(data: bytes) -> None:
    if len(data) < _PROBE.size:
        raise Violation(f"a probe of {len(data)} bytes")
