"""Tunnels that take turns at TCP."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from lab.bulk import Bulk

from .cell import Settings
from .rig import Rig

_DRAINING = 1.0
"""Seconds after which queues are empty again."""
STARTING = 0.7
"""That the programs take, about."""

Samples = dict[str, list[float]]


def mbps(rig: Rig, tunnel: str, settings: Settings, flows: int = 1, congestion: str = "cubic") -> float:
    """Of goodput."""
    with Bulk(*rig.ends(tunnel, settings.down), flows=flows, congestion=congestion) as bulk:
        begin = time.monotonic() + settings.settling
        time.sleep(settings.settling + settings.seconds)
        if broken := bulk.broken():
            raise RuntimeError(f"{tunnel}: {broken[0]}")
        rate = bulk.rates().mbps(begin, begin + settings.seconds)
    time.sleep(_DRAINING)
    return rate


def turn_seconds(settings: Settings) -> float:
    return settings.settling + settings.seconds + _DRAINING + STARTING


def alternate(who: Sequence[str], settings: Settings, measure: Callable[[str], float]) -> Samples:
    """Everybody's turn in each round, and everybody begins a round now and then."""
    samples: Samples = {name: [] for name in who}
    for number in range(settings.rounds):
        first = number % len(who)
        for name in [*who[first:], *who[:first]]:
            settings.progress(f"round {number + 1} of {settings.rounds}: {name}")
            samples[name].append(measure(name))
    return samples


def medians(samples: Samples) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in samples.items()}
