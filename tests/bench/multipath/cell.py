"""What is measured, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WIDTHS = (56, 7, 8)


@dataclass(frozen=True)
class Settings:
    rounds: int = 5
    trials: int = 50
    """Of each kind of failure."""
    settling: float = 4.0
    """Seconds that TCP runs before its rate counts."""
    seconds: float = 10.0
    """For which it counts."""
    down: bool = False
    """TCP from the server to the box."""
    progress: Callable[[str], None] = print


@dataclass(frozen=True)
class Limit:
    value: float
    at_least: bool = True

    def met(self, value: float) -> bool:
        return value >= self.value if self.at_least else value <= self.value

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.value:g}"


@dataclass(frozen=True)
class Line:
    name: str
    value: float | None
    """None: could not be measured, which meets nothing."""
    wanted: Limit | None = None
    """None: measured and shown, nothing more."""
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    """For the JSON: what the value was made of."""

    @property
    def met(self) -> bool | None:
        if self.wanted is None:
            return None
        return self.value is not None and self.wanted.met(self.value)

    def __str__(self) -> str:
        shown = "-" if self.value is None else figure(self.value)
        verdict = {None: "", True: "met", False: "NOT met"}[self.met]
        cells = zip((self.name, shown, str(self.wanted or "")), WIDTHS, strict=True)
        return "  ".join([*(text.ljust(width) for text, width in cells), verdict.ljust(8), self.note]).rstrip()

    def as_json(self) -> dict[str, Any]:
        wanted = self.wanted and {"limit": self.wanted.value, "at_least": self.wanted.at_least}
        return {"name": self.name, "value": self.value, "wanted": wanted, "met": self.met, "note": self.note,
                "details": self.details}  # fmt: skip


def figure(value: float) -> str:
    """Three digits that count, or a whole number."""
    if value == int(value):
        return f"{value:.0f}"
    for limit, digits in ((10, 3), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


@dataclass(frozen=True)
class Cell:
    name: str
    title: str
    measure: Callable[[Settings], list[Line]]
    seconds: Callable[[Settings], float]
    """How long it takes, about."""
