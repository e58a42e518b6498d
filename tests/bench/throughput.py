"""Inner TCP flows as fast as they go, with CUBIC at both ends, and what they cost."""

from __future__ import annotations

from .contestants import Contestant
from .meter import Meter
from .samples import Figures

CONGESTION = "cubic"


def gbps(contestant: Contestant, seconds: float, flows: int = 1, reverse: bool = False) -> float:
    measured = contestant.client.iperf3(
        contestant.address, seconds, parallel=flows, reverse=reverse, congestion=CONGESTION
    )
    return measured.mbps / 1000


def measure(contestant: Contestant, seconds: float) -> Figures:
    """`forward`, `reverse`, `four`: Gbit/s of goodput. `cpu`, `machine`: CPU seconds per gigabyte forward."""
    with Meter(contestant.processes) as meter:
        forward = gbps(contestant, seconds)
    gigabytes = forward * seconds / 8
    return {
        "forward": forward,
        "reverse": gbps(contestant, seconds, reverse=True),
        "four": gbps(contestant, seconds, flows=4),
        "cpu": meter.tunnel / gigabytes,
        "machine": meter.machine / gigabytes,
    }


def measure_flows(contestant: Contestant, seconds: float) -> Figures:
    """For workers against workers."""
    return {"workers_one": gbps(contestant, seconds), "workers_four": gbps(contestant, seconds, flows=4)}
