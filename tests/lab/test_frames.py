"""Frames pass as they are: tags, types that are not IP, strange lengths."""

from __future__ import annotations

import sys

import pytest

from lab.topology import Pair

_HEADER = "ffffffffffff" + "020000000001"
_TYPE = "88b5"  # for local experiments, IEEE 802

# Prints the first frame with the experimental type behind its tags. The kernel takes the outermost tag out of a frame
# and tells it in PACKET_AUXDATA: it is put back here, independently of how the emulator does it.
_RECEIVE = """
import socket, struct, sys
SOL_PACKET, PACKET_AUXDATA = 263, 8
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("wan", 3))
s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
s.settimeout(5)
print("ready", flush=True)
while True:
    frame, ancillary, _, sender = s.recvmsg(65536, 256)
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
            if status & 0x10:
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    if sender[2] != socket.PACKET_OUTGOING and bytes.fromhex("88b5") in frame[12:24]:
        print(frame.hex())
        break
"""

_SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("wan", 0))
s.send(bytes.fromhex(sys.argv[1]))
"""


@pytest.mark.parametrize(
    "tags, payload",
    [
        ("", 46),
        ("", 1500),
        ("81000064", 46),
        ("8100a015", 1500),  # priority 5, VLAN 21, and as long as it may be
        ("88a80007", 100),
        ("88a800078100000b", 100),
    ],
)
@pytest.mark.parametrize("up", [True, False])
def test_a_frame_arrives_as_it_was_sent(pair: Pair, tags: str, payload: int, up: bool) -> None:
    sender, receiver = (pair.client, pair.server) if up else (pair.server, pair.client)
    frame = _HEADER + tags + _TYPE + "5a" * payload
    listening = receiver.start([sys.executable, "-c", _RECEIVE])
    listening.wait_for_log("ready")
    sender.python(_SEND, frame)
    listening.wait(10)
    assert listening.log.splitlines()[1] == frame
