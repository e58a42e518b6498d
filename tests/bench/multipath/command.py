"""The command: `./dev bench multipath [--only CELL...] [--rounds N] [--trials N] [--json FILE] ...`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import CommandFailed

from .. import machine
from .cell import WIDTHS, Cell, Limit, Line, Settings
from .cells import cells

_SEED = 5
# With which a cell may fail and cost nothing but its own figures.
_FAILURES = (AssertionError, CommandFailed, OSError, RuntimeError, ValueError, subprocess.SubprocessError)


def main(words: Sequence[str]) -> int:
    arguments = _parse(words)
    chosen = _choose(cells(arguments.seed), arguments.only)
    if not chosen:
        print(f"no cell is named {' or '.join(arguments.only)}; --list shows them all", file=sys.stderr)
        return 2
    settings = Settings(arguments.rounds, arguments.trials, arguments.settling, arguments.seconds, arguments.down, _progress)
    minutes = sum(cell.seconds(settings) + _SETTING_UP for cell in chosen) / 60
    if arguments.list:
        for cell in chosen:
            print(f"{cell.name:{WIDTHS[0]}}  {cell.seconds(settings) / 60:5.1f} min  {cell.title}")
        print(f"all: {minutes:.0f} min")
        return 0

    described = {key: value for key, value in machine.describe().items() if key in ("CPU", "kernel", "mpquic", "iperf3")}
    described["load"] = machine.load()
    print("\n".join(f"{key:13} {value}" for key, value in described.items()))
    print(f"{len(chosen)} cells, about {minutes:.0f} minutes; links are Mbit/s over ms of round trip\n")
    print("  ".join(text.ljust(width) for text, width in zip(("", "value", "wanted"), WIDTHS, strict=True)), flush=True)
    report = {"machine": described, "seed": arguments.seed, "settings": _settings(settings), "lines": [], "failures": {}}
    return _measure(chosen, settings, report, arguments.json)


_SETTING_UP = 6


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench multipath", description="Measures one tunnel over several links.")
    parser.add_argument("--only", nargs="+", default=[], metavar="CELL",
                        help="these, or all below: failover, single/two, worse/03")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="name the cells, and say how long each takes")
    parser.add_argument("--rounds", type=int, default=Settings.rounds, metavar="N", help="each figure is a median of (%(default)s)")
    parser.add_argument("--trials", type=int, default=Settings.trials, metavar="N", help="of each kind of failure (%(default)s)")
    parser.add_argument("--settling", type=float, default=Settings.settling, metavar="S",
                        help="seconds that TCP runs before it counts (%(default)g)")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=Settings.seconds, metavar="S", help="for which it counts (%(default)g)")
    parser.add_argument("--down", action="store_true", help="TCP and floods from the server to the box")
    parser.add_argument("--seed", type=int, default=_SEED, metavar="N", help="of the sixteen pairs (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="leave everything there, too, after each cell")
    arguments = parser.parse_args(words)
    if min(arguments.rounds, arguments.trials) < 1 or min(arguments.settling, arguments.seconds) <= 0:
        parser.error("--rounds, --trials, --settling and --seconds are more than 0")
    return arguments


def _choose(known: list[Cell], beginnings: Sequence[str]) -> list[Cell]:
    if not beginnings:
        return known

    def wanted(cell: Cell) -> bool:
        return any(f"{cell.name}/".replace(" ", "/").startswith(f"{part}/") for part in beginnings)

    return [cell for cell in known if wanted(cell)]


def _measure(chosen: Sequence[Cell], settings: Settings, report: dict[str, Any], file: Path | None) -> int:
    counted = {True: 0, False: 0}
    for number, cell in enumerate(chosen, start=1):
        begun = time.monotonic()
        _progress(f"{number} of {len(chosen)}: {cell.name}")
        try:
            lines = cell.measure(settings)
        except _FAILURES as failure:
            report["failures"][cell.name] = str(failure)
            # Met it is not, whatever was wanted of it.
            lines = [Line(cell.name, None, Limit(0), "failed, as told below")]
        _progress("")
        for line in lines:
            print(line, flush=True)
            if line.met is not None:
                counted[line.met] += 1
            report["lines"].append({"cell": cell.name, **line.as_json()})
        report["took_seconds"] = report.get("took_seconds", 0) + time.monotonic() - begun
        if file is not None:
            file.write_text(json.dumps(report, indent=2) + "\n")
    for name, failure in report["failures"].items():
        print(f"\n{name} failed: {failure}")
    print(f"\n{counted[True]} met, {counted[False]} NOT met; load at the end {machine.load()}")
    return 1 if report["failures"] else 0


def _settings(settings: Settings) -> dict[str, object]:
    return {"rounds": settings.rounds, "trials": settings.trials, "settling": settings.settling, "seconds": settings.seconds,
            "down": settings.down}  # fmt: skip


def _progress(text: str) -> None:
    """One line that is written over and over, for whoever is waiting."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
