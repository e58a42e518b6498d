"""The two protocols of mpquic, one beside the other."""

from __future__ import annotations

from . import rtt, throughput
from .contestants import Contestant
from .samples import Figures


def measure(contestant: Contestant, seconds: float, pings: int) -> Figures:
    return {
        "protocol_forward": throughput.gbps(contestant, seconds),
        "protocol_reverse": throughput.gbps(contestant, seconds, reverse=True),
        "protocol_rtt": rtt.measure(contestant, pings)["rtt"],
    }
