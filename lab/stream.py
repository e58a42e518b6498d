"""UDP at an even rate until it is stopped, each packet with a number: what was lost, and how long nothing came.

As a program on the nodes, which `Stream` starts:

    python3 -m lab.stream receive PORT
    python3 -m lab.stream send ADDRESS PORT RATE SIZE

The sender prints when it has begun: packet n is due n/RATE seconds later. The receiver prints a line for each packet:
number, when it was sent, when it arrived.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass
from types import TracebackType

from . import programs
from .node import Node
from .rates import Rates

_HEADER = struct.Struct("!Id")
_EXPEDITED = 0xB8  # the DSCP of voice, as a TOS
_SHORTEST_SLEEP = 0.001
_FLUSH_EVERY = 0.05
# Milliseconds are measured, so both ends run in the real-time class; but no sender that might not keep up with its rate.
_PROMPT = 10_000


@dataclass(frozen=True)
class Watched:
    """What became of the packets of a time span."""

    sent: int
    lost: int
    duplicates: int
    longest_gap: float
    """Seconds in which none arrived."""
    latest: float
    """Seconds that one of those that arrived was sent later than due: what the sender itself has to do with a gap."""


class Stream:
    """Stopped at the end of the block. `sender` sends to `address`, which is the receiver's, `rate` packets a second with
    `size` bytes of payload."""

    def __init__(
        self, sender: Node, receiver: Node, address: str, rate: float = 200, size: int = 172, port: int = 7300
    ) -> None:
        words = [sys.executable, "-m", "lab.stream"]
        env = {"PYTHONPATH": str(programs.ROOT)}
        log = f"stream-{time.monotonic_ns()}.log"
        self.rate = rate
        self.size = size
        self._receiver = receiver.start([*words, "receive", str(port)], log=log, env=env)
        self._receiver.wait_for_log("ready")
        self._sender = sender.start([*words, "send", address, str(port), str(rate), str(size)], log="to-" + log, env=env)
        self._begun = float(self._sender.wait_for_log(r"begun (\S+)\n")[1])
        self._log = self._receiver.log_file.open()
        self._log.readline()
        self._rest = ""
        self._arrived: list[tuple[int, float, float]] = []

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.stop()

    def stop(self) -> None:
        self._sender.stop()
        self._receiver.stop()
        self._log.close()

    def watched(self, begin: float, end: float) -> Watched:
        """Of the packets that were due in this time. Those still on their way count as lost: ask late enough."""
        self._read()
        due = range(self._number(begin), self._number(end))
        arrivals = [(at, number) for number, _, at in self._arrived if number in due]
        arrivals.sort()
        seen = {number for _, number in arrivals}
        times = [at for at, _ in arrivals]
        if not times or times[-1] < end:
            times = [times[0] if times else begin, *times, end]
        late = [sent - (self._begun + number / self.rate) for number, sent, _ in self._arrived if number in due]
        return Watched(
            sent=len(due),
            lost=len(due) - len(seen),
            duplicates=len(arrivals) - len(seen),
            longest_gap=_longest(times),
            latest=max(late, default=0.0),
        )

    def rates(self) -> Rates:
        """Of the payload, so far."""
        self._read()
        return Rates((Rates.bin_of(at), self.size) for _, _, at in self._arrived)

    def _number(self, at: float) -> int:
        """Of the first packet that is due at this time or later."""
        return max(0, -int(-(at - self._begun) * self.rate // 1))

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._log.read()).split("\n")
        for line in lines:
            number, sent, at = line.split()
            self._arrived.append((int(number), float(sent), float(at)))


def _longest(times: list[float]) -> float:
    return max((later - earlier for earlier, later in zip(times, times[1:], strict=False)), default=0.0)


def _claim_priority() -> None:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def _send(address: str, port: int, rate: float, size: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sender = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED)
    else:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
    if rate <= _PROMPT:
        _claim_priority()
    padding = bytes(size - _HEADER.size)
    begun = time.monotonic()
    print(f"begun {begun}", flush=True)
    number = 0
    while True:
        now = time.monotonic()
        while begun + number / rate <= now:
            with contextlib.suppress(OSError):  # not sent is lost, as at the receiver it is
                sender.sendto(_HEADER.pack(number, now) + padding, (address, port))
            number += 1
            now = time.monotonic()
        time.sleep(max(begun + number / rate - now, _SHORTEST_SLEEP))


def _receive(port: int) -> None:
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    receiver.bind(("", port))
    receiver.settimeout(_FLUSH_EVERY)
    _claim_priority()
    print("ready", flush=True)
    flushed = time.monotonic()
    while True:
        with contextlib.suppress(TimeoutError):
            packet = receiver.recv(1 << 16)
            number, sent = _HEADER.unpack_from(packet)
            print(number, f"{sent:.6f} {time.monotonic():.6f}")
        if time.monotonic() >= flushed + _FLUSH_EVERY:
            sys.stdout.flush()
            flushed = time.monotonic()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.argv[1] == "send":
        _send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
    else:
        _receive(int(sys.argv[2]))
