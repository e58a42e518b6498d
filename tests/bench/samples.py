"""What was measured, in the order of the rounds."""

from __future__ import annotations

import statistics
from collections import defaultdict

Figures = dict[str, float]


class Samples:
    def __init__(self) -> None:
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        """By contestant and metric."""

    def add(self, contestant: str, figures: Figures) -> None:
        for metric, value in figures.items():
            self.values[contestant][metric].append(value)

    def of(self, contestant: str, metric: str) -> list[float]:
        """Empty when it was not measured."""
        return self.values.get(contestant, {}).get(metric, [])

    def median(self, contestant: str, metric: str) -> float | None:
        values = self.of(contestant, metric)
        return statistics.median(values) if values else None
