"""Traffic through a tunnel that never gives up: TCP both ways and UDP there and back, whatever happens to the network.

Run as a program inside a node, `serve ADDRESS` or `send ADDRESS`; the sender prints its totals once a second."""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from pathlib import Path

from lab import Node, Process

TCP_PORT, UDP_PORT = 7001, 7002

# Long enough for any outage that the soak makes, short enough to begin anew soon after.
_PATIENCE = 8.0
_CHUNK = bytes(16384)
_BYTES_PER_SECOND = 2_000_000


class Traffic:
    """Between a node and an address that is another node's, which serves."""

    def __init__(self, name: str, sender: Node, receiver: Node, address: str) -> None:
        self.name = name
        program = [sys.executable, "-m", "tests.soak.traffic"]
        environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        self._server = receiver.start([*program, "serve", address], f"serve-{name}.log", environment)
        self._server.wait_for_log("serving")
        self._sender = sender.start([*program, "send", address], f"send-{name}.log", environment)

    @property
    def totals(self) -> dict[str, int]:
        lines = self._sender.log.splitlines()
        return json.loads(lines[-1]) if lines else {"up": 0, "down": 0, "udp_sent": 0, "udp_back": 0, "connections": 0}

    @property
    def processes(self) -> list[Process]:
        return [self._server, self._sender]


def _serve(address: str) -> None:
    echo = _udp()
    echo.bind((address, UDP_PORT))
    threading.Thread(target=_echo, args=[echo], daemon=True).start()
    listener = socket.create_server((address, TCP_PORT), backlog=64)
    print("serving", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_exchange, args=[connection, {"up": 0, "down": 0}], daemon=True).start()


def _echo(echo: socket.socket) -> None:
    while True:
        payload, sender = echo.recvfrom(2048)
        try:
            echo.sendto(payload, sender)
        except OSError:
            pass  # no way back at the moment


def _exchange(connection: socket.socket, totals: dict[str, int]) -> None:
    """Sends and receives at a steady rate until the other end is gone or silent."""
    heard = time.monotonic()
    with connection:
        connection.setblocking(False)
        try:
            while time.monotonic() - heard < _PATIENCE:
                readable, writable, _ = select.select([connection], [connection], [], 0.5)
                if readable:
                    received = len(connection.recv(65536))
                    if received == 0:
                        return
                    heard = time.monotonic()
                    totals["down"] += received
                if writable:
                    totals["up"] += connection.send(_CHUNK)
                    time.sleep(len(_CHUNK) / _BYTES_PER_SECOND)
        except OSError:
            pass


def _send(address: str) -> None:
    totals = {"up": 0, "down": 0, "udp_sent": 0, "udp_back": 0, "connections": 0}
    threading.Thread(target=_send_tcp, args=[address, totals], daemon=True).start()
    threading.Thread(target=_send_udp, args=[address, totals], daemon=True).start()
    while True:
        print(json.dumps(totals), flush=True)
        time.sleep(1)


def _send_tcp(address: str, totals: dict[str, int]) -> None:
    while True:
        try:
            connection = socket.create_connection((address, TCP_PORT), timeout=2)
        except OSError:
            time.sleep(0.2)
            continue
        totals["connections"] += 1
        _exchange(connection, totals)


def _send_udp(address: str, totals: dict[str, int]) -> None:
    """A call: fifty packets a second each way."""
    call = _udp()
    call.setblocking(False)
    while True:
        try:
            call.sendto(bytes(172), (address, UDP_PORT))
            totals["udp_sent"] += 1
        except OSError:
            pass
        try:
            while call.recv(2048):
                totals["udp_back"] += 1
        except OSError:
            pass
        time.sleep(0.02)


def _udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


if __name__ == "__main__":
    {"serve": _serve, "send": _send}[sys.argv[1]](sys.argv[2])
