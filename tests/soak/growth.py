"""What a process holds, sampled, and whether it grows."""

from __future__ import annotations

import os
import re
import statistics
from dataclasses import dataclass, field
from pathlib import Path

# At first memory is touched that was taken at the start, and ngtcp2, GnuTLS and malloc find their size.
_WARM_UP = 0.25

# Of the median of the last third over that of the first: a tenth, and what one burst more or less in the queues makes.
_RSS_RATIO, _RSS_SLACK = 1.10, 4 << 20
_DESCRIPTOR_SLACK = 1


@dataclass
class Growth:
    """Of one process, which must not be restarted."""

    name: str
    pid: int
    rss: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def sample(self) -> None:
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None, status
        self.rss.append(int(found[1]) << 10)
        self.descriptors.append(len(os.listdir(f"/proc/{self.pid}/fd")))

    def verdict(self) -> tuple[bool, str]:
        """Whether all is well, and a line that says why."""
        rss_before, rss_after = _first_and_last_third(self.rss)
        fds_before, fds_after = _first_and_last_third(self.descriptors)
        well = rss_after <= rss_before * _RSS_RATIO + _RSS_SLACK and fds_after <= fds_before + _DESCRIPTOR_SLACK
        line = (
            f"{self.name}: RSS {rss_before / 2**20:.1f} -> {rss_after / 2**20:.1f} MiB, "
            f"descriptors {fds_before:.0f} -> {fds_after:.0f} ({len(self.rss)} samples)"
        )
        return well, line


def _first_and_last_third(samples: list[int]) -> tuple[float, float]:
    warm = samples[int(len(samples) * _WARM_UP) :]
    third = max(1, len(warm) // 3)
    return statistics.median(warm[:third]), statistics.median(warm[-third:])
