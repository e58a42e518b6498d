"""Numbered UDP datagrams from one node to another: which arrived, in what order, when."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from lab import Node

_RECEIVE = """
import json, socket, sys, time
port, idle = int(sys.argv[1]), float(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
SO_RCVBUFFORCE = 33
s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
s.bind(("", port))
print("ready", flush=True)
s.settimeout(5)
got, times = [], []
try:
    while True:
        data = s.recv(65536)
        if data == b"end":
            s.settimeout(idle)
            continue
        got.append(int(data[:8]))
        times.append(time.monotonic())
except TimeoutError:
    pass
print(json.dumps([got, times]))
"""

_SEND = """
import socket, sys, time
address, port, count, size, gap = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(int(count)):
    s.sendto(b"%08d" % number + bytes(int(size) - 8), (address, int(port)))
    if float(gap): time.sleep(float(gap))
"""

_END = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'end', ('127.0.0.1', 9000))"


@dataclass(frozen=True)
class Received:
    numbers: list[int]
    times: list[float]

    @property
    def seconds(self) -> float:
        return self.times[-1] - self.times[0]


def send(sender: Node, receiver: Node, address: str, count: int, size: int = 100, gap: float = 0.0) -> Received:
    """`size` is the UDP payload; `gap` the pause between two datagrams in seconds."""
    listening = receiver.start([sys.executable, "-c", _RECEIVE, "9000", "0.5"])
    listening.wait_for_log("ready")
    sender.python(_SEND, address, "9000", str(count), str(size), str(gap))
    # Told on the receiver's own loopback: what the link does must not be able to lose it.
    receiver.python(_END)
    listening.wait(20)
    return Received(*json.loads(listening.log.splitlines()[-1]))
