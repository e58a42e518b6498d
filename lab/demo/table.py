"""The live table: what mpquic says of each tunnel, and what the probes see through it."""

from __future__ import annotations

from collections.abc import Sequence

from .plan import WANS, Wan
from .probes import Probes
from .screen import Cell, Row, milliseconds
from .watcher import Watched, Watcher

# mpquic's own view as far as "loss", then what a device of the LAN sees. 80 columns must hold it.
_HEAD = ("tunnel", "link", "state", "RTT", "out Mb/s", "in Mb/s", "loss", "ping", "call")
_SILENT = 1.0  # seconds without an answer that are worth a word
_STATES = {"up": "good", "connecting": "wait", "backing off": "bad", "waiting for link": "bad"}
_NOTHING = Cell("-", "dim")


def table(watcher: Watcher, probes: Probes | None, cut: Wan | None) -> Sequence[Row]:
    head = [Cell(word, "bold") for word in _HEAD]
    return [head, *(_row(wan, watcher[wan.tunnel], probes, wan is cut) for wan in WANS)]


def _row(wan: Wan, watched: Watched, probes: Probes | None, cut: bool) -> Row:
    link = Cell(wan.kind + (" CUT" if cut else ""), "bad" if cut else "")
    if not watched.samples:
        return [Cell(wan.tunnel, "bold"), link, Cell("starting", "wait"), *[_NOTHING] * 6]
    now = watched.latest
    rates = watched.rates_mbps()
    loss = watched.loss()
    return [
        Cell(wan.tunnel, "bold"),
        link,
        Cell(now.state, _STATES.get(now.state, "")),
        Cell(milliseconds(now.rtt_ms)) if now.rtt_ms is not None else _NOTHING,
        *(map(_rate, rates) if rates else (_NOTHING, _NOTHING)),
        Cell(f"{loss:.2%}".replace("%", " %")) if loss is not None else _NOTHING,
        _ping(probes, wan),
        _call(probes, wan),
    ]


def _rate(mbps: float) -> Cell:
    return Cell(f"{mbps:.2f}" if mbps < 10 else f"{mbps:.0f}")


def _ping(probes: Probes | None, wan: Wan) -> Cell:
    if probes is None or (latest := probes.pings[wan].latest_ms()) is None:
        return _NOTHING
    silence = probes.pings[wan].silence()
    return Cell(f"none {silence:.0f} s", "bad") if silence > _SILENT else Cell(milliseconds(latest))


def _call(probes: Probes | None, wan: Wan) -> Cell:
    if probes is None:
        return _NOTHING
    arrived = probes.calls.per_second(wan)
    return Cell(f"{arrived}/s", "" if arrived >= 40 else "bad")
