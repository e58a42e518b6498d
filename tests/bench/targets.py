"""What mpquic has promised."""

from __future__ import annotations

from dataclasses import dataclass

from . import isolation
from .samples import Samples


@dataclass(frozen=True)
class Verdict:
    what: str
    ours: float
    theirs: float | None
    """None: the target is a figure of its own."""
    ratio: float
    limit: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit


@dataclass(frozen=True)
class Target:
    """`metric` of `contestant` in relation to the same metric of `against`; above or below `limit`."""

    what: str
    metric: str
    limit: float
    at_least: bool = True
    against: str | None = None
    contestant: str = "mpquic"
    above_bare: bool = False
    """Both count from what the bare cable has."""

    def judge(self, samples: Samples) -> Verdict | None:
        """None where something has not been measured."""
        ours = self._figure(samples, self.contestant)
        if ours is None:
            return None
        if self.against is None:
            return Verdict(self.what, ours, None, ours, self.limit, self.at_least)
        theirs = self._figure(samples, self.against)
        if theirs is None or theirs <= 0:
            return None
        return Verdict(self.what, ours, theirs, ours / theirs, self.limit, self.at_least)

    def _figure(self, samples: Samples, contestant: str) -> float | None:
        figure = samples.median(contestant, self.metric)
        if figure is None or not self.above_bare:
            return figure
        bare = samples.median("bare", self.metric)
        return None if bare is None else figure - bare


TARGETS = [
    Target("one flow forward, Gbit/s", "forward", 1.5, against="wireguard"),
    Target("one flow forward, Gbit/s", "forward", 0.5, against="relay"),
    Target("one flow reverse, Gbit/s", "reverse", 1.5, against="wireguard"),
    Target("one flow reverse, Gbit/s", "reverse", 0.5, against="relay"),
    Target("CPU of both ends, s/GB", "cpu", 0.6, at_least=False, against="wireguard"),
    Target("small packets delivered, /s", "lossless", 1.5, against="wireguard"),
    Target("idle round trip added, us", "rtt", 0.5, at_least=False, against="wireguard", above_bare=True),
    Target("1000 idle clients: KiB each", "idle_memory", 100, at_least=False),
    Target("1000 idle clients: % of a core", "idle_cpu", 3, at_least=False),
    Target("two workers, one flow, Gbit/s", "workers_one", 0.97, against="mpquic", contestant="mpquic-2"),
    Target("two workers, four flows, Gbit/s", "workers_four", 0.97, against="mpquic", contestant="mpquic-2"),
    Target("h3, one flow forward, Gbit/s", "protocol_forward", 0.97, against="mpquic", contestant="mpquic-h3"),
    Target("h3, one flow reverse, Gbit/s", "protocol_reverse", 0.97, against="mpquic", contestant="mpquic-h3"),
    Target("h3, idle round trip, us", "protocol_rtt", 1.02, at_least=False, against="mpquic", contestant="mpquic-h3"),
    *(
        Target(f"{tunnel}, {condition}: {what}", f"{tunnel}_{metric}", 0.98 if at_least else 1.02, at_least,
               against=isolation.BASELINE, contestant=condition)
        for condition in isolation.LOSSY
        for tunnel in isolation.WATCHED
        for what, metric, at_least in (("Mbit/s", "mbps", True), ("ms", "rtt", False), ("arrived, %", "arrived", True))
    ),
]  # fmt: skip
