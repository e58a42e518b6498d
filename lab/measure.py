"""What ping and iperf3 say, parsed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ping:
    sent: int
    received: int
    duplicates: int
    rtts_ms: list[float]

    @property
    def loss(self) -> float:
        """Share of requests without an answer."""
        return 1 - self.received / self.sent

    @property
    def rtt_ms(self) -> float:
        """The median: one slow wake-up of a shared machine doesn't move it."""
        ordered = sorted(self.rtts_ms)
        return ordered[len(ordered) // 2] if ordered else float("inf")

    @classmethod
    def parse(cls, output: str) -> Ping:
        summary = re.search(r"(\d+) packets transmitted, (\d+) received(?:, \+(\d+) duplicates)?", output)
        if summary is None:
            raise ValueError(f"not the output of ping: {output!r}")
        answers = [line for line in output.splitlines() if "time=" in line and "(DUP!)" not in line]
        rtts = [float(match[1]) for line in answers if (match := re.search(r"time=([\d.]+) ms", line))]
        return cls(int(summary[1]), int(summary[2]), int(summary[3] or 0), rtts)


@dataclass(frozen=True)
class Iperf:
    mbps: float
    """Goodput at the receiver."""
    retransmits: int
    """TCP only."""
    lost: float
    """Share of UDP datagrams that didn't arrive."""
    jitter_ms: float
    """UDP only."""
    raw: dict[str, Any]

    @classmethod
    def parse(cls, output: str) -> Iperf:
        raw = json.loads(output)
        if "error" in raw:
            raise RuntimeError(f"iperf3: {raw['error']}")
        end = raw["end"]
        udp = end.get("sum", {})
        seconds = end["sum_received"]["seconds"] if "sum_received" in end else udp["seconds"]
        received = end["sum_received"]["bytes"] if "sum_received" in end else udp["bytes"]
        if "lost_percent" in udp and "sum_received" not in end:  # iperf3 before 3.10 has the sender's bytes here
            received *= 1 - udp["lost_percent"] / 100
        return cls(
            mbps=received * 8 / seconds / 1e6,
            retransmits=end.get("sum_sent", {}).get("retransmits", 0),
            lost=udp.get("lost_percent", 0) / 100,
            jitter_ms=udp.get("jitter_ms", 0),
            raw=raw,
        )

    @property
    def interval_mbps(self) -> list[float]:
        """Goodput second by second, as the end that reported saw it."""
        return [interval["sum"]["bits_per_second"] / 1e6 for interval in self.raw["intervals"]]
