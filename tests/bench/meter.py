"""CPU time while something runs."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from lab import Process


class Meter:
    """CPU seconds during a `with` block: those of the tunnel's processes, all their threads, and those of the whole
    machine, which include the kernel's softirqs but also the traffic generator and whatever else runs."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self.tunnel = 0.0
        self.machine = 0.0

    def __enter__(self) -> Meter:
        self._before = self._now()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if kind is None:
            tunnel, machine = self._now()
            self.tunnel, self.machine = tunnel - self._before[0], machine - self._before[1]

    def _now(self) -> tuple[float, float]:
        return sum(process.cpu_seconds() for process in self._processes), _machine_seconds()


def _machine_seconds() -> float:
    # user nice system idle iowait irq softirq steal; what follows is part of the first two.
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = map(int, words)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
