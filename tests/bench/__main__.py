"""The command: `./dev bench [--rounds N] [--quick] [--json FILE] [NAME...]`, or `./dev bench multipath ...`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import CommandFailed, Lab

from . import machine, report
from .multipath import command as multipath
from .contestants import EVERYBODY, Field
from .measurements import MEASUREMENTS
from .samples import Samples
from .targets import TARGETS


@dataclass(frozen=True)
class Outcome:
    rounds: int
    mtus: dict[str, int]
    """By contestant."""
    samples: Samples
    failures: list[str]
    """What could not be measured, and why."""


def main() -> int:
    if sys.argv[1:2] == ["multipath"]:
        return multipath.main(sys.argv[2:])
    arguments = _parse()
    names = arguments.name or list(MEASUREMENTS)
    described = machine.describe() | {"load": machine.load()}
    print("\n".join(f"{key:13} {value}" for key, value in described.items()), "\n", flush=True)

    outcome = _measure(names, arguments.rounds or (2 if arguments.quick else 5), arguments.quick)

    if contestants := [[name, f"MTU {mtu}", EVERYBODY[name]] for name, mtu in outcome.mtus.items()]:
        print(report.align(contestants, left=(0, 1, 2)), "\n")
    print(f"Rounds: {outcome.rounds}. Each figure is their median (least..most).\n")
    for name in names:
        shown = MEASUREMENTS[name]
        print(report.measured(shown.title, shown.contestants, shown.columns, outcome.samples))
    print(report.targets(outcome.samples))
    print("".join(f"\nfailed: {failure}" for failure in outcome.failures))
    print(f"load at the end {machine.load()}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(_as_json(described, outcome), indent=2) + "\n")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures mpquic against other tunnels, twenty "
                                     "minutes long; quickly, four.", epilog="./dev bench multipath: one tunnel over several "
                                     "links, with options of its own (--help)")
    parser.add_argument("name", nargs="*", help=f"what to measure, by default all: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often everybody has their turn (5; quickly 2)")
    parser.add_argument("--quick", action="store_true", help="short measurements, for a first idea")
    parser.add_argument("--json", type=Path, metavar="FILE", help="leave every single figure there, too")
    arguments = parser.parse_args()
    for name in arguments.name:
        if name not in MEASUREMENTS:
            parser.error(f"no measurement '{name}': {', '.join(MEASUREMENTS)}")
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds: 1 or more")
    return arguments


def _measure(names: list[str], rounds: int, quick: bool) -> Outcome:
    samples = Samples()
    failures = []
    with Lab() as lab:
        field = Field(lab)
        wanted = {contestant for name in names for contestant in MEASUREMENTS[name].contestants}
        mtus = {name: field[name].mtu for name in EVERYBODY if name in wanted}
        for number in range(1, rounds + 1):
            for name in names:
                measurement = MEASUREMENTS[name]
                if measurement.once and number > 1:
                    continue
                for contestant in measurement.contestants:
                    turn = f"round {number} of {rounds}: {name}, {contestant}"
                    _progress(turn)
                    try:
                        samples.add(contestant, measurement.measure(field, contestant, quick))
                    except (CommandFailed, RuntimeError, TimeoutError, subprocess.TimeoutExpired) as failure:
                        # One tunnel that breaks down must not cost the figures of all others.
                        failures.append(f"{turn}: {failure}")
    _progress("")
    return Outcome(rounds, mtus, samples, failures)


def _progress(text: str) -> None:
    """One line that is written over and over, for whoever is waiting."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _as_json(described: dict[str, str], outcome: Outcome) -> dict[str, object]:
    verdicts = [(target, target.judge(outcome.samples)) for target in TARGETS]
    return {
        "machine": described,
        "rounds": outcome.rounds,
        "mtu": outcome.mtus,
        "figures": outcome.samples.values,
        "failures": outcome.failures,
        "targets": [
            {"what": target.what, "against": target.against, "limit": target.limit, "at_least": target.at_least,
             "ratio": verdict and verdict.ratio, "met": verdict and verdict.met}
            for target, verdict in verdicts
        ],
    }  # fmt: skip


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
