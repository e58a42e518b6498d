"""Sentences that stay, and below them, on a terminal, a table that is drawn again in its place.

Where the output is no terminal everything is appended, the table only now and then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

_STYLES = {"": "", "bold": "1", "dim": "2", "good": "32", "bad": "1;31", "wait": "33", "title": "1;36"}
_MOST = 118  # columns
_REDRAW = 0.25  # seconds
_NEWS_AFTER = 0.5  # seconds, where nothing is drawn in place


@dataclass(frozen=True)
class Cell:
    text: str
    style: str = ""


Row = Sequence[Cell]


def milliseconds(value: float) -> str:
    """With the digits that ping has."""
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def columns(rows: Sequence[Row], gap: int = 2) -> list[list[Cell]]:
    """The rows with their cells padded, so that they stand below each other."""
    widths = [max(len(row[i].text) for row in rows) for i in range(max(map(len, rows)))]
    return [
        [Cell(cell.text.ljust(width + gap), cell.style) for cell, width in zip(row, widths, strict=False)]
        for row in rows
    ]


class Screen:
    def __init__(self, out: TextIO, table_every: float) -> None:
        self._out = out
        self._terminal = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._colours = self._terminal and "NO_COLOR" not in os.environ
        self._table_every = table_every
        self._begun = time.monotonic()
        self._drawn = 0  # lines of the table that is on the terminal
        self._drawn_at = 0.0
        self._news = False

    def seconds(self) -> float:
        return time.monotonic() - self._begun

    @contextlib.contextmanager
    def open(self) -> Iterator[Screen]:
        """Hides the cursor meanwhile."""
        if self._terminal:
            self._write("\x1b[?25l")
        try:
            yield self
        finally:
            if self._terminal:
                with contextlib.suppress(OSError, ValueError):  # the terminal may be what has gone
                    self._erase()
                    self._write("\x1b[?25h")

    # What stays

    def title(self, text: str) -> None:
        self._keep(["", self._paint(Cell(text, "title"))])

    def say(self, sentence: str, style: str = "") -> None:
        """With the time in front."""
        width = self._width()
        clock = f"[{self.seconds():3.0f} s] "
        first, *rest = textwrap.wrap(sentence, max(20, width - len(clock))) or [""]
        self._keep([self._paint(Cell(clock, "dim")) + self._paint(Cell(first, style))]
                   + [" " * len(clock) + self._paint(Cell(line, style)) for line in rest])  # fmt: skip

    def quote(self, text: str) -> None:
        """A file's text, say."""
        self._keep([self._paint(Cell("    " + line, "dim")) for line in text.rstrip().splitlines()])

    def show(self, rows: Sequence[Row]) -> None:
        self._keep(["".join(map(self._paint, row)).rstrip() for row in columns(rows)])

    # What is drawn again

    def table(self, rows: Sequence[Row], footer: Cell, news: bool = False) -> None:
        """`news`: something in it deserves being seen now."""
        now = time.monotonic()
        self._news = self._news or news
        every = _REDRAW if self._terminal else _NEWS_AFTER if self._news else self._table_every
        if now - self._drawn_at < every:
            return
        self._drawn_at, self._news = now, False
        if self._terminal:
            width = shutil.get_terminal_size().columns
            shown = columns(rows)
            if sum(len(cell.text) for cell in shown[0]) > width:
                shown = columns(rows, gap=1)
            lines = ["", *(self._cut(row, width) for row in shown), "", self._cut([footer], width)]
            self._write(self._to_first_line() + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
            self._drawn = len(lines)
        else:
            clock, *blank = [f"[{self.seconds():3.0f} s] "] + [" " * 8] * (len(rows) - 1)
            shown = columns(rows)
            self._keep([(front + "".join(cell.text for cell in row)).rstrip()
                        for front, row in zip([clock, *blank], shown, strict=True)])  # fmt: skip

    def clear_table(self) -> None:
        self._erase()

    # The terminal

    def _width(self) -> int:
        return min(_MOST, shutil.get_terminal_size().columns if self._terminal else _MOST)

    def _paint(self, cell: Cell) -> str:
        code = _STYLES[cell.style]
        return f"\x1b[{code}m{cell.text}\x1b[0m" if code and self._colours else cell.text

    def _cut(self, row: Row, width: int) -> str:
        """A line that wraps would spoil the drawing in place."""
        line = ""
        for cell in row:
            line += self._paint(Cell(cell.text[:width], cell.style))
            width -= min(width, len(cell.text))
        return line

    def _to_first_line(self) -> str:
        return f"\r\x1b[{self._drawn}A" if self._drawn else ""

    def _erase(self) -> None:
        if self._drawn:
            self._write(self._to_first_line() + "\x1b[J")
            self._drawn = 0

    def _keep(self, lines: Sequence[str]) -> None:
        self._erase()
        self._write("".join(f"{line}\n" for line in lines))

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
