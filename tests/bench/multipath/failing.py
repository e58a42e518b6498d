"""Links that fail and come back, while a TCP flow fills the tunnel and a voice-like stream crosses it either way.

The links fail in turns, so that whichever carries the stream is hit in at least half of the trials."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from lab import Direction, Link
from lab.bulk import Bulk
from lab.stream import Stream, Watched

from .cell import Limit, Line, Settings
from .rig import Over, Rig, rig
from .turns import alternate, mbps, medians, turn_seconds
from .wan import Wan

WANS = (Wan(100, 20), Wan(60, 40))
STREAM_PER_SECOND = 200
_TUNNELS = {"bonded": Over((1, 2)), "alone1": Over((1,)), "alone2": Over((2,))}
_OUTAGE = 3.0
_FLAPS, _FLAP = 5, 0.3
_REST = 2.0
"""Between a link's return and the next failure, at least."""
_BEFORE, _AFTER = 0.5, 1.0
"""How long the stream is watched before a failure, and after the link is back."""
_BACK, _FULL = 0.9, 0.95
_SURVIVOR_ROUNDS = 3

Fail = Callable[[Link, int], None]
"""What becomes of a link in the trial of that number. In the end it works again."""


def pull(link: Link, trial: int) -> None:
    link.carrier(up=False)
    time.sleep(_OUTAGE)
    link.carrier(up=True)


def swallow(link: Link, trial: int) -> None:
    _swallow(link, Direction.BOTH)


def swallow_one_way(link: Link, trial: int) -> None:
    """Each link in each direction, in turns."""
    _swallow(link, (Direction.UP, Direction.DOWN)[trial // 2 % 2])


def flap(link: Link, trial: int) -> None:
    """Each link silently and with its carrier, in turns."""
    silent = trial // 2 % 2 == 0
    for _ in range(_FLAPS):
        link.cut() if silent else link.carrier(up=False)
        time.sleep(_FLAP)
        link.heal() if silent else link.carrier(up=True)
        time.sleep(_FLAP)


def _swallow(link: Link, direction: Direction) -> None:
    link.cut(direction)
    time.sleep(_OUTAGE)
    link.heal(direction)


@dataclass
class _Trials:
    """What was seen, in the order of the trials."""

    streams: dict[str, list[Watched]] = field(default_factory=lambda: {"up": [], "down": []})
    back: list[float | None] = field(default_factory=list)
    """Seconds until the TCP flow had the survivor's rate; None: not as long as the link was gone."""
    broken: list[str] = field(default_factory=list)


def fails(name: str, fail: Fail, longest_gap_ms: float, settings: Settings) -> list[Line]:
    with rig(WANS, _TUNNELS) as made:
        alone = medians(alternate(
            ["alone1", "alone2"], _few(settings), lambda tunnel: mbps(made, tunnel, _few(settings))
        ))  # fmt: skip
        trials = _try(made, fail, [alone["alone2"], alone["alone1"]], settings)
    return _lines(name, trials, longest_gap_ms)


def _few(settings: Settings) -> Settings:
    return Settings(min(settings.rounds, _SURVIVOR_ROUNDS), settling=settings.settling, seconds=settings.seconds,
                    down=settings.down, progress=settings.progress)  # fmt: skip


def _try(made: Rig, fail: Fail, survivors: list[float], settings: Settings) -> _Trials:
    """`survivors`: Mbit/s of what is left when the first link fails, and the second."""
    trials = _Trials()
    with ExitStack() as stack:
        bulk = stack.enter_context(Bulk(*made.ends("bonded", settings.down)))
        streams = {
            name: stack.enter_context(Stream(*made.ends("bonded", name == "down"), rate=STREAM_PER_SECOND))
            for name in trials.streams
        }
        time.sleep(settings.settling)
        for number in range(settings.trials):
            settings.progress(f"trial {number + 1} of {settings.trials}")
            link = number % len(made.links)
            failed = time.monotonic()
            fail(made.links[link], number)
            healed = time.monotonic()
            made.await_paths("bonded")
            time.sleep(max(0.0, _REST - (time.monotonic() - healed)))
            for name, stream in streams.items():
                trials.streams[name].append(stream.watched(failed - _BEFORE, healed + _AFTER))
            trials.back.append(bulk.rates().reaches(_BACK * survivors[link], failed, healed))
        trials.broken = bulk.broken()
    return trials


def _lines(name: str, trials: _Trials, longest_gap_ms: float) -> list[Line]:
    lines = []
    for way, watched in trials.streams.items():
        gaps = [each.longest_gap * 1e3 for each in watched]
        lost = [each.lost for each in watched]
        sent = sum(each.sent for each in watched)
        duplicates = sum(each.duplicates for each in watched)
        lines += [
            Line(f"{name}: stream {way}, packets lost", sum(lost), Limit(0, at_least=False),
                 f"of {sent}, in {sum(map(bool, lost))} of {len(lost)} trials; {duplicates} came twice", {"lost": lost}),
            Line(f"{name}: stream {way}, longest gap, ms", max(gaps), Limit(longest_gap_ms, at_least=False),
                 f"median of the trials {statistics.median(gaps):.0f}; the sender itself was late by up to "
                 f"{max(each.latest for each in watched) * 1e3:.1f}", {"gaps_ms": gaps}),
        ]  # fmt: skip
    known = [seconds for seconds in trials.back if seconds is not None]
    never = len(trials.back) - len(known)
    note = f"median {statistics.median(known):.2f}" if known else ""
    lines += [
        Line(f"{name}: TCP at {_BACK:.0%} of the survivor, s", None if never else max(known), Limit(1, at_least=False),
             note + (f"; not at all in {never} of {len(trials.back)} trials" if never else ""), {"seconds": trials.back}),
        Line(f"{name}: connections broken", len(trials.broken), Limit(0, at_least=False), "; ".join(trials.broken)),
    ]  # fmt: skip
    return lines


def fails_seconds(settings: Settings) -> float:
    return 2 * _few(settings).rounds * turn_seconds(settings) + settings.trials * (_OUTAGE + _REST + 0.2)


RETURNING = (Wan(50, 20), Wan(30, 40))
"""Slow enough that a flood is nothing to the machine."""
_FLOOD = 1.1
"""Of the sum of the links' rates."""
_PAYLOAD = 1200
_WITHIN = 5.0


def returns(name: str, settings: Settings) -> list[Line]:
    """Of a link, pulled or silent in turns. More UDP than both links take shows what the tunnel uses of them, at once,
    while a TCP flow would have to grow first."""
    rate = _FLOOD * sum(wan.mbps for wan in RETURNING) * 1e6 / 8 / _PAYLOAD
    took: list[float | None] = []
    before: list[float] = []
    with rig(RETURNING, {"bonded": Over((1, 2))}) as made, \
            Stream(*made.ends("bonded", settings.down), rate=rate, size=_PAYLOAD) as flood:  # fmt: skip
        time.sleep(settings.settling)
        for number in range(returning_trials(settings)):
            settings.progress(f"trial {number + 1} of {returning_trials(settings)}")
            gone = time.monotonic()
            (pull if number // 2 % 2 else swallow)(made.links[number % 2], number)
            back = time.monotonic()
            time.sleep(_WITHIN)
            rates = flood.rates()
            before.append(rates.mbps(gone - 2, gone))
            took.append(rates.reaches(_FULL * before[-1], back, time.monotonic()))
    known = [seconds for seconds in took if seconds is not None]
    never = len(took) - len(known)
    note = f"of {statistics.median(before):.1f} Mbit/s before" + (f"; median {statistics.median(known):.2f}" if known else "")
    note += f"; not at all in {never} trials" if never else ""
    return [Line(f"{name}: s until {_FULL:.0%}", None if never else max(known), Limit(2, at_least=False), note,
                 {"seconds": took, "before_mbps": before})]  # fmt: skip


def returning_trials(settings: Settings) -> int:
    return min(settings.trials, 2 * settings.rounds)


def returns_seconds(settings: Settings) -> float:
    return settings.settling + returning_trials(settings) * (_OUTAGE + _WITHIN)
