"""TCP as fast as it goes until it is stopped, and how much of it arrived when.

As a program on the nodes, which `Bulk` starts:

    python3 -m lab.bulk receive PORT
    python3 -m lab.bulk send ADDRESS PORT FLOWS CONGESTION

The receiver prints a line for each 10 ms in which something arrived: the number of the bin, and the bytes. Either end
prints `broken: WHY` when a connection ends that nobody has ended.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import signal
import socket
import struct
import sys
import time
from types import TracebackType

from . import programs
from .node import Node
from .rates import BINS_PER_SECOND, Rates

_PIECE = 1 << 18
_TCP_CONGESTION = 13
# Closing throws away what has not been sent, so that nothing of it gets in the way of what is measured next.
_LINGER = struct.pack("ii", 1, 0)


class Bulk:
    """Stopped at the end of the block. `sender` sends to `address`, which is the receiver's."""

    def __init__(
        self, sender: Node, receiver: Node, address: str, flows: int = 1, congestion: str = "cubic", port: int = 7200
    ) -> None:
        words = [sys.executable, "-m", "lab.bulk"]
        env = {"PYTHONPATH": str(programs.ROOT)}
        self._receiver = receiver.start([*words, "receive", str(port)], log=f"bulk-{time.monotonic_ns()}.log", env=env)
        self._receiver.wait_for_log("ready")
        self._sender = sender.start(
            [*words, "send", address, str(port), str(flows), congestion], log=f"bulk-{time.monotonic_ns()}.log", env=env
        )
        self._sender.wait_for_log("connected", 20)
        self._stopped = False

    def __enter__(self) -> Bulk:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.stop()

    def stop(self) -> None:
        self._stopped = True
        self._sender.stop()
        self._receiver.stop()

    def rates(self) -> Rates:
        """So far."""
        whole = self._receiver.log.rpartition("\n")[0]
        return Rates((int(number), int(count)) for number, count in re.findall(r"^(\d+) (\d+)$", whole, re.MULTILINE))

    def broken(self) -> list[str]:
        """What has befallen the connections; nothing should. Ask before they are stopped."""
        if self._stopped:
            raise RuntimeError("its connections have been ended, so nobody can tell which were broken")
        ended = [f"{each.command[-5:]} has ended: {each.log[-1000:]}" for each in (self._sender, self._receiver)
                 if not each.running]  # fmt: skip
        return ended + re.findall(r"^broken: .*", self._receiver.log + "\n" + self._sender.log, re.MULTILINE)


def _receive(port: int) -> None:
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    buffer = bytearray(1 << 20)
    number, arrived = 0, 0
    while True:
        for key, _ in waiting.select(2 / BINS_PER_SECOND if arrived else None):
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setblocking(False)
                waiting.register(connection, selectors.EVENT_READ)
                continue
            assert isinstance(key.fileobj, socket.socket)
            try:
                # The kernel drops it instead of copying it.
                count = key.fileobj.recv_into(buffer, len(buffer), socket.MSG_TRUNC)
                why = "the other end has closed"
            except BlockingIOError:
                continue
            except OSError as error:
                count, why = 0, str(error)
            if count == 0:
                print(f"broken: {why}", flush=True)
                waiting.unregister(key.fileobj)
                key.fileobj.close()
            now = Rates.bin_of(time.monotonic())
            if arrived and now != number:
                print(number, arrived, flush=True)
                arrived = 0
            number = now
            arrived += count
        if arrived and Rates.bin_of(time.monotonic()) != number:
            print(number, arrived, flush=True)
            arrived = 0


def _send(address: str, port: int, flows: int, congestion: str) -> None:
    waiting = selectors.DefaultSelector()
    for _ in range(flows):
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        connection.setsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, congestion.encode())
        connection.settimeout(15)
        connection.connect((address, port))
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        waiting.register(connection, selectors.EVENT_WRITE)
    print("connected", flush=True)
    piece = memoryview(bytes(_PIECE))
    while waiting.get_map():
        for key, _ in waiting.select():
            assert isinstance(key.fileobj, socket.socket)
            try:
                key.fileobj.send(piece)
            except BlockingIOError:
                continue
            except OSError as error:
                print(f"broken: {error}", flush=True)
                waiting.unregister(key.fileobj)
    signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        if sys.argv[1] == "send":
            _send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
        else:
            _receive(int(sys.argv[2]))
