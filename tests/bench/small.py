"""Small packets: 64 bytes of UDP payload, one flow. No offload makes these cheaper but merging them."""

from __future__ import annotations

from dataclasses import dataclass

from lab import programs

from .contestants import Contestant
from .samples import Figures

PORT = 7001
TOLERATED_LOSS = 0.005
OVERLOAD = 400_000
"""Packets per second, more than any tunnel takes; what the generator can't keep up with, it does not send."""


@dataclass(frozen=True)
class Trial:
    offered: float
    delivered: float
    """Packets per second."""

    @property
    def lossless(self) -> bool:
        return self.delivered >= (1 - TOLERATED_LOSS) * self.offered


def measure(contestant: Contestant, seconds: float) -> Figures:
    """Packets delivered per second. `lossless`: at the highest rate with less than 0.5 % loss. `overload`: at far too
    high a rate."""
    with contestant.server.start([_program(), "receive", f"0.0.0.0:{PORT}"], log="pps.log") as receiver:
        receiver.wait_for_log("receiving")
        flooded = _try(contestant, OVERLOAD, seconds)
        return {"lossless": _search(contestant, flooded.delivered, seconds), "overload": flooded.delivered}


def _search(contestant: Contestant, guess: float, seconds: float) -> float:
    """Widens a bracket around the guess, then halves it until it is 4 % wide."""
    low, high = 0.0, 0.0
    best = 0.0
    rate = max(guess, 1000.0)
    while low == 0 or high == 0 or high / low > 1.04:
        trial = _best_of_two(contestant, rate, seconds)
        if trial.lossless:
            low, best = rate, max(best, trial.delivered)
            if trial.offered < 0.95 * rate:
                return best  # the generator is at its end
        else:
            high = rate
        if low == 0 and high < 100:
            return 0
        rate = 0.75 * high if low == 0 else 1.3 * low if high == 0 else (low * high) ** 0.5
    return best


def _best_of_two(contestant: Contestant, rate: float, seconds: float) -> Trial:
    """A machine that did something else for a moment must not decide alone."""
    trial = _try(contestant, rate, seconds)
    return trial if trial.lossless else _try(contestant, rate, seconds)


def _try(contestant: Contestant, rate: float, seconds: float) -> Trial:
    words = [_program(), "send", f"{contestant.address}:{PORT}", f"{rate:.0f}", str(seconds)]
    offered, delivered, taken = map(float, contestant.client.run(words, timeout=seconds + 60).stdout.split())
    return Trial(offered / taken, delivered / taken)


def _program() -> str:
    return str(programs.build_directory() / "tests" / "bench" / "pps")
