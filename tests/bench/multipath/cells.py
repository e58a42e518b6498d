"""Everything that is measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from . import failing, steady, together
from .cell import Cell, Line, Settings
from .wan import Wan


def cells(seed: int) -> list[Cell]:
    """`seed`: of the pairs of links."""
    return [*_sums(), *_repaired(), *_pairs(seed), *_failures(), *_others()]


def _cell(
    name: str, title: str, measure: Callable[..., list[Line]], seconds: Callable[[Settings], float], *arguments: object
) -> Cell:
    return Cell(name, title, partial(measure, name, *arguments), seconds)


def _shown(wans: tuple[Wan, ...]) -> str:
    return " + ".join(map(str, wans))


def _sums() -> list[Cell]:
    def of_sum(name: str, title: str, wans: tuple[Wan, ...], wanted: float, **how: object) -> Cell:
        measure = partial(together.sum_of_links, name, wans, wanted, **how)
        return Cell(name, f"{title}: {_shown(wans)}", measure, partial(together.sum_seconds, wans))

    made = [of_sum("many", f"{together.MANY_FLOWS} flows", together.MANY, 0.95, flows=together.MANY_FLOWS)]
    for name, wans, wanted in (("two", together.TWO, 0.85), ("three", together.THREE, 0.8), ("lossy", together.LOSSY, 0.75)):
        for congestion in ("cubic", "bbr"):
            made.append(of_sum(f"single/{name}/{congestion}", "one flow", wans, wanted, congestion=congestion))
    return made


def _repaired() -> list[Cell]:
    wanted = {("random", 1): 0.85, ("burst", 1): 0.85, ("random", 3): None, ("random", 5): None, ("random", 10): None}
    made = []
    for (kind, percent), limit in wanted.items():
        link = together.lossy(percent, 4 if kind == "burst" else 1)
        made.append(_cell(f"loss/{kind}/{percent}", f"repaired: {link}", together.repaired, together.repaired_seconds,
                          link, limit))  # fmt: skip
    return made


def _pairs(seed: int) -> list[Cell]:
    return [
        _cell(f"worse/{number:02} {_shown(pair)}", "never worse than the better link", together.never_worse,
              partial(together.sum_seconds, pair), pair)
        for number, pair in enumerate(together.pairs(seed), start=1)
    ]  # fmt: skip


def _failures() -> list[Cell]:
    kinds = {
        "down": ("the cable is pulled", failing.pull, 50.0),
        "hole": ("a black hole", failing.swallow, 150.0),
        "one-way": ("a black hole one way", failing.swallow_one_way, 150.0),
        "flapping": ("it comes and goes", failing.flap, 150.0),
    }
    return [
        _cell(f"failover/{kind}", f"{title}: {_shown(failing.WANS)}", failing.fails, failing.fails_seconds, fail, gap)
        for kind, (title, fail, gap) in kinds.items()
    ]


def _others() -> list[Cell]:
    return [
        _cell("return", f"a link comes back: {_shown(failing.RETURNING)}", failing.returns, failing.returns_seconds),
        _cell("redundant", f"copies: {_shown(steady.REDUNDANT)}", steady.redundant, steady.redundant_seconds),
        _cell("one-path", "bonded over a single cable", steady.one_path, steady.one_path_seconds),
    ]
