"""Throughput: links together against each alone, a link that loses packets against one that doesn't."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .cell import Limit, Line, Settings
from .rig import Over, rig
from .turns import Samples, alternate, mbps, medians, turn_seconds
from .wan import Wan

MANY_FLOWS = 16
MANY = (Wan(300, 20), Wan(80, 60))
TWO = (Wan(100, 20), Wan(100, 60))
THREE = (Wan(100, 13), Wan(60, 34), Wan(40, 108))
LOSSY = (Wan(100, 20), Wan(100, 60, loss=1))
REPAIRED = Wan(200, 20)
_ONE_OR_FOUR = (1, 4)


def lacks(congestion: str) -> bool:
    return congestion not in Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()


def sum_of_links(
    name: str, wans: Sequence[Wan], wanted: float, settings: Settings, flows: int = 1, congestion: str = "cubic"
) -> list[Line]:
    """Over all of the links, in relation to the sum of what it does on each alone."""
    if lacks(congestion):
        return [Line(name, None, Limit(wanted), f"not measured: this kernel has no {congestion}")]
    samples = _bonded_and_alone(wans, settings, flows, congestion)
    rates = medians(samples)
    alone = [rates[f"alone{number}"] for number, _ in enumerate(wans, start=1)]
    note = f"{rates['bonded']:.1f} of {' + '.join(f'{rate:.1f}' for rate in alone)} Mbit/s"
    return [Line(name, rates["bonded"] / sum(alone), Limit(wanted), note, _details(samples, *wans))]


def sum_seconds(wans: Sequence[Wan], settings: Settings) -> float:
    return (len(wans) + 1) * settings.rounds * turn_seconds(settings)


def never_worse(name: str, wans: Sequence[Wan], settings: Settings) -> list[Line]:
    """Over both links, in relation to the better of them."""
    samples = _bonded_and_alone(wans, settings, 1, "cubic")
    rates = medians(samples)
    alone = [rates[f"alone{number}"] for number, _ in enumerate(wans, start=1)]
    note = f"{rates['bonded']:.1f}; alone {' and '.join(f'{rate:.1f}' for rate in alone)} Mbit/s"
    return [Line(name, rates["bonded"] / max(alone), Limit(0.98), note, _details(samples, *wans))]


def pairs(seed: int, count: int = 16) -> list[tuple[Wan, Wan]]:
    """Of any rates and round trips within 10..300 Mbit/s and 10..120 ms, each as likely as its double; every second pair
    loses up to 2 % on one link or both, and of every four two have jitter, a tenth of the round trip."""
    chance = random.Random(seed)

    def wan(lossy: bool, jitter: bool) -> Wan:
        rtt = round(10 * 12 ** chance.random())
        return Wan(
            mbps=round(10 * 30 ** chance.random()),
            rtt_ms=rtt,
            loss=round(chance.uniform(0.1, 2), 1) if lossy else 0,
            jitter_ms=rtt / 10 if jitter else 0,
        )

    made = []
    for number in range(count):
        lossy, jitter = number % 2 == 1, number % 4 >= 2
        first = chance.random()
        made.append((wan(lossy and first < 0.7, jitter), wan(lossy and first > 0.3, jitter)))
    return made


def repaired(name: str, lossy: Wan, wanted: float | None, settings: Settings) -> list[Line]:
    """One link that loses packets, in relation to what it carries when it doesn't; and without repair."""
    whole, repairing, plain = "clean", "repairing", "plain"
    tunnels = {whole: Over((1,), None), repairing: Over((1,)), plain: Over((1,), None)}
    lines = []
    with rig([REPAIRED], tunnels) as made:
        for flows in _ONE_OR_FOUR:

            def measure(tunnel: str, flows: int = flows) -> float:
                made.set(REPAIRED if tunnel == whole else lossy)
                return mbps(made, tunnel, settings, flows)

            samples = alternate(list(tunnels), settings, measure)
            rates = medians(samples)
            for tunnel, limit in ((repairing, wanted), (plain, None)):
                shown = f"{name}, {flows} flow{'s' if flows > 1 else ''}" + (": a plain tunnel" if tunnel == plain else "")
                note = f"{rates[tunnel]:.1f} of {rates[whole]:.1f} Mbit/s"
                lines.append(Line(shown, rates[tunnel] / rates[whole], limit and Limit(limit), note,
                                  _details(samples, lossy)))  # fmt: skip
    return lines


def repaired_seconds(settings: Settings) -> float:
    return 3 * len(_ONE_OR_FOUR) * settings.rounds * turn_seconds(settings)


def lossy(percent: float, burst: float = 1) -> Wan:
    return replace(REPAIRED, loss=percent, burst=burst)


def _bonded_and_alone(wans: Sequence[Wan], settings: Settings, flows: int, congestion: str) -> Samples:
    numbers = range(1, len(wans) + 1)
    tunnels = {"bonded": Over(tuple(numbers)), **{f"alone{number}": Over((number,)) for number in numbers}}
    with rig(wans, tunnels) as made:
        return alternate(list(tunnels), settings, lambda tunnel: mbps(made, tunnel, settings, flows, congestion))


def _details(samples: Samples, *wans: Wan) -> dict[str, object]:
    return {"mbps": samples, "links": [wan.parameters for wan in wans]}
