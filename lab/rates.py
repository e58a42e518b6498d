"""How much arrived when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

BINS_PER_SECOND = 100


class Rates:
    """Bytes in bins of 10 ms. Times are those of time.monotonic(), which is one clock for all namespaces."""

    def __init__(self, bins: Iterable[tuple[int, int]]) -> None:
        """Number of the bin (`bin_of`), and bytes that arrived in it; the same bin may come again."""
        self._bytes: dict[int, int] = defaultdict(int)
        for number, count in bins:
            self._bytes[number] += count

    @staticmethod
    def bin_of(at: float) -> int:
        return int(at * BINS_PER_SECOND)

    def mbps(self, begin: float, end: float) -> float:
        """The mean, in Mbit/s. Both times are rounded down to whole bins."""
        first, last = self.bin_of(begin), self.bin_of(end)
        if last <= first:
            raise ValueError(f"nothing lies between {begin} and {end}")
        arrived = sum(self._bytes.get(number, 0) for number in range(first, last))
        return arrived * 8 / 1e6 / ((last - first) / BINS_PER_SECOND)

    def reaches(self, mbps: float, after: float, until: float, over: float = 0.5) -> float | None:
        """Seconds from `after` to the beginning of the first time span of length `over` with at least this rate on
        average; None if there is none before `until`. A burst alone, as when a gap has been filled, makes no span of half
        a second."""
        length = round(over * BINS_PER_SECOND)
        begin, end = self.bin_of(after), self.bin_of(until)
        wanted = mbps * 1e6 / 8 * length / BINS_PER_SECOND
        arrived = sum(self._bytes.get(number, 0) for number in range(begin, begin + length))
        for number in range(begin, end - length + 1):
            if arrived >= wanted:
                return max(0.0, number / BINS_PER_SECOND - after)
            arrived += self._bytes.get(number + length, 0) - self._bytes.get(number, 0)
        return None
