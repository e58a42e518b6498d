"""Calls: 50 packets of 172 bytes a second from each source, as G.711 sends them. A program for the lab's nodes.

voice.py send ADDRESS PORT SOURCE...    a call from each source, until it is told to stop
voice.py receive PORT                   prints a line for each packet: source, number, when sent, when received
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time

INTERVAL = 0.02
_PAYLOAD = 172  # 20 ms of sound, and RTP's header
_HEADER = struct.Struct("!Id")


def send(address: str, port: int, sources: list[str]) -> None:
    sockets = []
    for source in sources:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((source, 0))
        sockets.append(made)
    due = time.monotonic()
    number = 0
    while True:
        # CLOCK_MONOTONIC is the same in all namespaces, so the receiver can tell how long a packet took.
        packet = _HEADER.pack(number, time.monotonic()).ljust(_PAYLOAD, b"\0")
        for each in sockets:
            with contextlib.suppress(OSError):  # not sent is lost, as at the receiver it is
                each.sendto(packet, (address, port))
        number += 1
        due += INTERVAL
        time.sleep(max(0.0, due - time.monotonic()))


def receive(port: int) -> None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("", port))
    print("ready", flush=True)
    while True:
        packet, (source, _) = bound.recvfrom(2048)
        number, sent = _HEADER.unpack_from(packet)
        print(source, number, f"{sent:.6f} {time.monotonic():.6f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    else:
        receive(int(sys.argv[2]))
