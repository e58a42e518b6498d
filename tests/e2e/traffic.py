"""Bytes that must arrive as they were sent: TCP both ways at once, UDP of every size, UDP segmented by the kernel."""

from __future__ import annotations

import re
import sys

from lab import Node, Process
from nodes import patience

# One connection, in which both ends send at the same time what a seed says and check what they get.
_TCP = """
import hashlib, random, socket, sys, threading
role, address, port, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET

def pieces(seed):
    source, left = random.Random(seed), size
    while left:
        piece = source.randbytes(min(left, 1 << 16))
        left -= len(piece)
        yield piece

def send(connection, seed):
    for piece in pieces(seed):
        connection.sendall(piece)
    connection.shutdown(socket.SHUT_WR)

def check(connection, seed):
    wanted, got, count = hashlib.sha256(), hashlib.sha256(), 0
    while piece := connection.recv(1 << 17):
        got.update(piece)
        count += len(piece)
    for piece in pieces(seed):
        wanted.update(piece)
    print("same" if got.digest() == wanted.digest() else f"different after {count} of {size} bytes", flush=True)

if role == "listen":
    listener = socket.create_server((address, port), family=family)
    print("ready", flush=True)
    connection, _ = listener.accept()
else:
    connection = socket.create_connection((address, port), timeout=20)
    connection.settimeout(None)
ours, theirs = ("a", "b") if role == "listen" else ("b", "a")
sender = threading.Thread(target=send, args=(connection, ours))
sender.start()
check(connection, theirs)
sender.join()
"""

_UDP_ECHO = """
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((address, port))
print("ready", flush=True)
while True:
    data, sender = s.recvfrom(1 << 16)
    s.sendto(data, sender)
"""

# Sends datagrams of the sizes first..last, a few at a time, and prints those that didn't come back as they were.
_UDP_SIZES = """
import random, socket, sys
address, port, first, last = sys.argv[1], *map(int, sys.argv[2:])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((address, port))
bad = []
sizes = range(first, last + 1)
for start in range(0, len(sizes), 32):
    wanted = {size: random.Random(size).randbytes(size) for size in sizes[start : start + 32]}
    for data in wanted.values():
        s.send(data)
    try:
        while wanted:
            data = s.recv(1 << 16)
            if wanted.pop(len(data), None) != data:
                bad.append(len(data))
    except TimeoutError:
        bad += wanted
print(bad)
"""

# One send call, which the kernel (or whoever comes after it) cuts into datagrams of the same size.
_UDP_SEGMENTS = """
import random, socket, sys
address, port, size, count = sys.argv[1], *map(int, sys.argv[2:])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((address, port))
UDP_SEGMENT = 103
s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
wanted = [random.Random(i).randbytes(size) for i in range(count)]
s.send(b"".join(wanted))
try:
    got = [s.recv(1 << 16) for _ in wanted]
except TimeoutError:
    got = []
print("same" if sorted(got) == sorted(wanted) else "different")
"""


def exchange_tcp(asker: Node, answerer: Node, address: str, size: int, port: int = 7000, seconds: float = 20) -> None:
    """Both send `size` bytes in one connection at the same time. `address` is the answerer's."""
    arguments = (address, str(port), str(size))
    with answerer.start([sys.executable, "-c", _TCP, "listen", *arguments], log=f"tcp-{address}-{port}.log") as peer:
        peer.wait_for_log("ready", patience(5))
        assert asker.python(_TCP, "connect", *arguments, timeout=patience(seconds)).strip() == "same"
        assert peer.wait(patience(5)) == 0
        assert peer.log.split() == ["ready", "same"]


def exchange_udp(asker: Node, answerer: Node, address: str, first: int, last: int, port: int = 7001) -> None:
    """Datagrams with `first` to `last` bytes come back as they were sent."""
    with _echo(answerer, address, port):
        wrong = asker.python(_UDP_SIZES, address, str(port), str(first), str(last), timeout=patience(30)).strip()
        assert wrong == "[]", f"sizes that did not come back: {wrong}"


def exchange_udp_segments(asker: Node, answerer: Node, address: str, size: int, count: int, port: int = 7002) -> None:
    """`count` datagrams of one size, sent in one call."""
    with _echo(answerer, address, port):
        assert asker.python(_UDP_SEGMENTS, address, str(port), str(size), str(count)).strip() == "same"


def _echo(answerer: Node, address: str, port: int) -> Process:
    echo = answerer.start([sys.executable, "-c", _UDP_ECHO, address, str(port)], log=f"echo-{address}-{port}.log")
    echo.wait_for_log("ready", patience(5))
    return echo


def assert_answered(ping: Process) -> None:
    """Each of its pings up to the last answer, which may have been on its way when it was stopped."""
    answers = [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", ping.log)]
    assert answers and answers == list(range(1, len(answers) + 1)), ping.log[-2000:]
