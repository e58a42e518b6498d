"""python3 -m tests.soak MINUTES [--seed N]

Traffic over four tunnels while links are cut, addresses change, NATs forget and ends restart, all at random. Well is:
no program ends by itself or has a sanitizer's report in its log, memory and descriptors of the two that run all the
time do not grow (growth.py), and at the end every tunnel carries pings, TCP and UDP again. Exit status 0 if so, 1 if
not."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from lab import Lab  # noqa: E402
from nodes import Authority, Testbed, patience, until  # noqa: E402

from .growth import Growth  # noqa: E402
from .network import SERVERS_OF_TUNNELS, Soaked, build  # noqa: E402
from .traffic import Traffic  # noqa: E402
from .trouble import Trouble  # noqa: E402

_PROGRESS_EVERY = 10.0
_SAMPLE_EVERY = 1.0
_RECOVERY = 20.0


class Soak:
    def __init__(self, soaked: Soaked, seed: int, seconds: float) -> None:
        self._soaked = soaked
        self._trouble = Trouble(soaked, seed, self._look_around)
        self._begun = time.monotonic()
        self._end = self._begun + seconds
        self._growths = [Growth(each.name, each.process.pid) for each in (soaked.steady, soaked.box)]
        self._traffics = [
            Traffic(name, soaked.net.box, soaked.net.server, address) for name, address in SERVERS_OF_TUNNELS.items()
        ]
        self._next_sample = self._next_progress = self._begun
        self._troubles = 0

    def run(self) -> bool:
        while time.monotonic() < self._end:
            self._look_around(self._trouble.rest())
            self._say(self._trouble.happen())
            self._troubles += 1
        self._look_around(1)
        return self._judge()

    def _look_around(self, seconds: float) -> None:
        """Samples and reports for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = time.monotonic()
            if now >= self._next_sample:
                for growth in self._growths:
                    growth.sample()
                self._next_sample = now + _SAMPLE_EVERY
            if now >= self._next_progress:
                self._progress()
                self._next_progress = now + _PROGRESS_EVERY
            time.sleep(0.1)

    def _progress(self) -> None:
        carried = ", ".join(
            f"{each.name} {each.totals['up'] >> 20}/{each.totals['down'] >> 20} MiB" for each in self._traffics
        )
        held = ", ".join(f"{each.name} {each.rss[-1] >> 20} MiB {each.descriptors[-1]} fds" for each in self._growths)
        self._say(f"{self._troubles} troubles; up/down {carried}; {held}")

    def _say(self, line: str) -> None:
        print(f"{time.monotonic() - self._begun:7.1f} s  {line}", flush=True)

    def _judge(self) -> bool:
        problems = [*self._unusable(), *self._ended()]
        for growth in self._growths:
            well, line = growth.verdict()
            self._say(line)
            if not well:
                problems.append(f"{growth.name} grows")
        for each in self._traffics:
            self._say(f"{each.name}: {each.totals}")
        for problem in problems:
            self._say(f"PROBLEM: {problem}")
        return not problems

    def _unusable(self) -> list[str]:
        """Tunnels that don't carry everything again soon after the last trouble."""
        problems = []
        for each in self._traffics:
            before = each.totals

            def carries(traffic: Traffic = each, past: dict[str, int] = before) -> bool:
                return all(traffic.totals[kind] > past[kind] for kind in ("up", "down", "udp_back"))

            try:
                until(carries, _RECOVERY / patience(1), each.name)
                answered = self._soaked.net.box.ping(SERVERS_OF_TUNNELS[each.name], count=20)
                if answered.loss > 0.2:
                    problems.append(f"{each.name} loses {answered.loss:.0%} of pings")
            except AssertionError:
                problems.append(f"{each.name} carries nothing {_RECOVERY} s after the last trouble: {before}")
        return problems

    def _ended(self) -> list[str]:
        programs = (self._soaked.steady, self._soaked.shaken, self._soaked.box, self._soaked.guest)
        return [f"{each.name} has ended:\n{each.log[-2000:]}" for each in programs if not each.process.running]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("network namespaces need root")
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as tls, Lab() as lab:
        testbed = Testbed(lab, Authority(Path(tls)))
        well = Soak(build(testbed), arguments.seed, arguments.minutes * 60).run()
        testbed.stop()
    print("well" if well else "not well")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
