"""The round trip through an otherwise idle tunnel."""

from __future__ import annotations

from .contestants import Contestant
from .samples import Figures


def measure(contestant: Contestant, pings: int) -> Figures:
    """`rtt`: microseconds, the median."""
    return {"rtt": contestant.client.ping(contestant.address, count=pings, interval=0.01).rtt_ms * 1000}
