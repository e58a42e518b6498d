"""Plain aligned tables: what was measured, and what of it was promised."""

from __future__ import annotations

from collections.abc import Sequence

from .samples import Samples
from .targets import TARGETS


def figure(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    for limit, digits in ((10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


def align(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """These columns to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = enumerate(zip(row, widths, strict=True))
        lines.append("  ".join(cell.ljust(width) if i in left else cell.rjust(width) for i, (cell, width) in cells))
    return "\n".join(line.rstrip() for line in lines)


def measured(title: str, contestants: Sequence[str], columns: dict[str, str], samples: Samples) -> str:
    """`columns`: metric and heading. Each cell is the median, and behind it the least and the most."""
    rows = [["", *columns.values()]]
    for name in contestants:
        rows.append([name, *(_cell(samples, name, metric) for metric in columns)])
    return f"{title}\n{align(rows)}\n"


def _cell(samples: Samples, contestant: str, metric: str) -> str:
    values = samples.of(contestant, metric)
    if not values:
        return "-"
    spread = f" ({figure(min(values))}..{figure(max(values))})" if len(values) > 1 else ""
    return figure(samples.median(contestant, metric)) + spread


def targets(samples: Samples) -> str:
    rows = [["target", "mpquic", "against", "", "ratio", "wanted", ""]]
    for target in TARGETS:
        verdict = target.judge(samples)
        wanted = f"{'>=' if target.at_least else '<='} {target.limit:g}"
        what, against = target.what, target.against or ""
        if verdict is None:
            rows.append([what, "-", against, "-", "-", wanted, "not measured"])
        else:
            ratio = "" if verdict.theirs is None else f"{verdict.ratio:.2f}"
            theirs = "" if verdict.theirs is None else figure(verdict.theirs)
            met = "MET" if verdict.met else "missed"
            rows.append([what, figure(verdict.ours), against, theirs, ratio, wanted, met])
    return align(rows, left=(0, 2, 6))
