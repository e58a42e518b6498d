"""What the box's mpquic says of its tunnels, sample by sample."""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEPT = 6.0  # seconds of samples
_RATE_OVER = 1.0
_LOSS_OVER = 5.0


@dataclass(frozen=True)
class Sample:
    at: float
    state: str
    detail: str
    tx_bytes: int
    rx_bytes: int
    connection: int
    """Which connection since the start; 0: none."""
    rtt_ms: float | None
    sent: int
    """Datagrams of this connection."""
    lost: float

    @classmethod
    def of(cls, tunnel: dict[str, Any], at: float) -> Sample:
        connections = tunnel.get("connections") or [{}]
        connection = connections[0]
        sent = connection.get("tx_packets", 0)
        rtt_us = connection.get("rtt_us", 0)
        return cls(
            at=at,
            state=tunnel["state"],
            detail=tunnel.get("detail", ""),
            tx_bytes=tunnel.get("tx_bytes", 0),
            rx_bytes=tunnel.get("rx_bytes", 0),
            connection=connection.get("id", 0),
            rtt_ms=rtt_us / 1000 if rtt_us and tunnel["state"] == "up" else None,
            sent=sent,
            lost=connection.get("loss_ratio", 0) * sent,
        )


class Watched:
    """One tunnel: its recent samples, and every change of its state."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque()
        self.changes: list[tuple[float, str]] = []

    def add(self, sample: Sample) -> None:
        if not self.changes or self.changes[-1][1] != sample.state:
            self.changes.append((sample.at, sample.state))
        self.samples.append(sample)
        while sample.at - self.samples[0].at > _KEPT:
            self.samples.popleft()

    @property
    def latest(self) -> Sample:
        return self.samples[-1]

    def up(self) -> bool:
        return bool(self.samples) and self.latest.state == "up"

    def rates_mbps(self) -> tuple[float, float] | None:
        """Of inner bytes, sent and received."""
        first, last = self._span(_RATE_OVER)
        seconds = last.at - first.at
        if seconds < _RATE_OVER / 2:
            return None
        return tuple((b - a) * 8 / seconds / 1e6 for a, b in (  # type: ignore[return-value]
            (first.tx_bytes, last.tx_bytes), (first.rx_bytes, last.rx_bytes)))  # fmt: skip

    def loss(self) -> float | None:
        """Share of the datagrams sent lately that mpquic takes for lost; None: there is nothing to say."""
        first, last = self._span(_LOSS_OVER, of_connection=True)
        if last.state != "up" or last.sent <= first.sent:
            return None
        return min(1.0, max(0.0, (last.lost - first.lost) / (last.sent - first.sent)))

    def left_up(self, after: float) -> float | None:
        """When it first was something else than up, after that time."""
        return next((at for at, state in self.changes if at > after and state != "up"), None)

    def came_up(self, after: float) -> float | None:
        return next((at for at, state in self.changes if at > after and state == "up"), None)

    def _span(self, seconds: float, of_connection: bool = False) -> tuple[Sample, Sample]:
        last = self.latest
        return next(
            sample for sample in self.samples
            if last.at - sample.at <= seconds and (not of_connection or sample.connection == last.connection)
        ), last  # fmt: skip


class Watcher:
    def __init__(self, control: Path, tunnels: list[str]) -> None:
        self._control = control
        self.tunnels = {name: Watched() for name in tunnels}

    def look(self) -> bool:
        """Takes a sample. False: nobody answers (yet)."""
        try:
            status = ask(self._control)
        except OSError:
            return False
        at = time.monotonic()
        for tunnel in status["tunnels"]:
            self.tunnels[tunnel["name"]].add(Sample.of(tunnel, at))
        return True

    def __getitem__(self, tunnel: str) -> Watched:
        return self.tunnels[tunnel]


def ask(control: Path) -> dict[str, Any]:
    """The status as docs/status.md has it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
        connected.settimeout(2)
        connected.connect(str(control))
        connected.sendall(b"status\n")
        text = b""
        while part := connected.recv(65536):
            text += part
    if not text:
        raise ConnectionError("the node closed without an answer")
    return json.loads(text)
