"""What was measured, and what had to hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .plan import CUT, WANS, Wan
from .screen import Cell, Row, Screen, milliseconds

# Wide enough for a machine with other things to do; what is measured is printed besides.
MOST_SECONDS_TO_COME_UP = 10.0
MOST_ADDED_MS = 20.0
LEAST_SHARE_OF_RATE = 0.3
MOST_WAITING_FOR_CPU = 0.5  # beyond this a low throughput says something about the machine, not about mpquic
MOST_PINGS_LOST = 0.05
MOST_SECONDS_TO_NOTICE = 10.0
MOST_SECONDS_TO_RETURN = 15.0
LONGEST_PAUSE_ELSEWHERE = 2.0


@dataclass
class Findings:
    """Of one tunnel. Times are in seconds."""

    up_after: float = 0
    rtt_ms: float = 0
    bare_rtt_ms: float = 0
    pings: int = 0
    pings_lost: int = 0
    upload_mbps: float = 0
    noticed_after: float | None = None
    back_after: float | None = None
    call_back_after: float | None = None
    dropped_out: bool = False
    """Went down though its link was not cut."""
    call_sent: int = 0
    call_lost: int = 0
    call_pause: float = 0
    """The longest, after the cut."""
    ifindexes: set[int] = field(default_factory=set)
    """Of the TUN interface, each time one looked; 0: it was not there."""
    removed: bool = False

    @property
    def interface_stayed(self) -> bool:
        return len(self.ifindexes) == 1 and 0 not in self.ifindexes and not self.removed


@dataclass(frozen=True)
class Promise:
    sentence: str
    held: bool | None
    """None: it could not be judged."""


@dataclass
class Load:
    """All links at once: what filled them, and whether the machine could."""

    flows: str = ""
    waiting_for_cpu: float = 0
    """Share of mpquic's time, of running and being ready to run."""


def promises(found: dict[Wan, Findings], load: Load) -> list[Promise]:
    made: list[Promise] = []

    def each(sentence: str, wans: Sequence[Wan], holds: Callable[[Wan, Findings], bool]) -> None:
        not_held = [wan.tunnel for wan in wans if not holds(wan, found[wan])]
        made.append(Promise(sentence + (f": not {' nor '.join(not_held)}" if not_held else ""), not not_held))

    others = [wan for wan in WANS if wan is not CUT]
    each(f"Each tunnel came up within {MOST_SECONDS_TO_COME_UP:.0f} s of starting the box",
         WANS, lambda _, f: f.up_after <= MOST_SECONDS_TO_COME_UP)  # fmt: skip
    each(f"A tunnel's round trip is at most {MOST_ADDED_MS:.0f} ms longer than its link's own",
         WANS, lambda _, f: f.rtt_ms <= f.bare_rtt_ms + MOST_ADDED_MS)  # fmt: skip
    each(f"No tunnel lost more than {MOST_PINGS_LOST:.0%} of the pings while nothing else happened",
         WANS, lambda _, f: f.pings > 0 and f.pings_lost <= max(1, MOST_PINGS_LOST * f.pings))  # fmt: skip
    share = f"All at once, each tunnel carried at least {LEAST_SHARE_OF_RATE:.0%} of its link's rate"
    each(share, WANS, lambda wan, f: f.upload_mbps >= LEAST_SHARE_OF_RATE * wan.rate_mbps)
    if not made[-1].held and load.waiting_for_cpu > MOST_WAITING_FOR_CPU:
        made[-1] = Promise(f"{made[-1].sentence}, but mpquic did not get the CPU for it", None)
    each(f"The cut was noticed within {MOST_SECONDS_TO_NOTICE:.0f} s",
         [CUT], lambda _, f: f.noticed_after is not None and f.noticed_after <= MOST_SECONDS_TO_NOTICE)  # fmt: skip
    each(f"Healed, the tunnel and the call through it were back within {MOST_SECONDS_TO_RETURN:.0f} s",
         [CUT], lambda _, f: all(t is not None and t <= MOST_SECONDS_TO_RETURN
                                 for t in (f.back_after, f.call_back_after)))  # fmt: skip
    each(f"Meanwhile the calls over the other links never paused for {LONGEST_PAUSE_ELSEWHERE:.0f} s",
         others, lambda _, f: f.call_pause < LONGEST_PAUSE_ELSEWHERE)  # fmt: skip
    each("No tunnel went down whose link was not cut", WANS, lambda _, f: not f.dropped_out)
    each("No TUN interface ever went away", WANS, lambda _, f: f.interface_stayed)
    return made


def table(found: dict[Wan, Findings], load: Load) -> Sequence[Row]:
    def row(label: str, value: Callable[[Wan, Findings], str]) -> Row:
        return [Cell("  " + label, "dim"), *(Cell(value(wan, found[wan])) for wan in WANS)]

    return [
        [Cell(""), *(Cell(f"{wan.tunnel} {wan.kind}", "bold") for wan in WANS)],
        row("up, after the box's start", lambda _, f: f"{f.up_after:.2f} s"),
        row("round trip, median (link's own)",
            lambda _, f: f"{milliseconds(f.rtt_ms)} ({milliseconds(f.bare_rtt_ms)})"),
        row("pings lost while all was quiet", lambda _, f: f"{f.pings_lost} of {f.pings}"),
        row(f"upload, {load.flows} (link's rate)",
            lambda wan, f: f"{f.upload_mbps:.1f} ({wan.rate_mbps:.0f}) Mbit/s"),
        row("cut noticed after", lambda _, f: _seconds(f.noticed_after)),
        row("tunnel back after healing", lambda _, f: _seconds(f.back_after)),
        row("call back after healing", lambda _, f: _seconds(f.call_back_after)),
        row("call, packets lost after the cut", lambda _, f: f"{f.call_lost} of {f.call_sent}"),
        row("call, longest pause after the cut", lambda _, f: f"{f.call_pause:.2f} s"),
        row("TUN interface", lambda _, f: f"ifindex {min(f.ifindexes)} all along" if f.interface_stayed
            else "went away"),
    ]  # fmt: skip


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def show(screen: Screen, found: dict[Wan, Findings], load: Load) -> list[Promise]:
    """Returns what did not hold, or could not be judged."""
    screen.title("What was measured")
    screen.show(table(found, load))
    screen.show([[Cell(f"  During the upload mpquic was ready to run but waited for a CPU {load.waiting_for_cpu:.0%} "
                       "of its time.", "dim")]])  # fmt: skip
    screen.title("What had to hold")
    made = promises(found, load)
    words = {True: Cell("  yes", "good"), False: Cell("  NO", "bad"), None: Cell("  ?", "wait")}
    screen.show([[words[promise.held], Cell(promise.sentence)] for promise in made])
    return [promise for promise in made if not promise.held]
