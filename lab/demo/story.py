"""The acts, one after the other. Every wait shows the table meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from ..lab import Lab
from . import table
from .plan import CUT, WANS, Pace, Wan
from .probes import Probes, median
from .report import MOST_SECONDS_TO_COME_UP, MOST_SECONDS_TO_NOTICE, MOST_SECONDS_TO_RETURN, Findings, Load
from .scene import Broken, Scene
from .screen import Cell, Screen, milliseconds
from .watcher import Watcher, ask

_TICK = 0.1
_STARTING_TICK = 0.02
_SETTLE = 1.0  # for packets on their way, before they are counted
_DOWNLOAD_MBPS = 5


def since(begin: float, end: float | None) -> float:
    """For an `end` that has been waited for."""
    assert end is not None
    return end - begin


class Story:
    def __init__(self, screen: Screen, pace: Pace) -> None:
        self._screen = screen
        self._pace = pace
        self._parent = os.getppid()
        self._probes: Probes | None = None
        self._cut: Wan | None = None
        self._act = ""
        self.scene: Scene | None = None
        self.found = {wan: Findings() for wan in WANS}
        self.load = Load()

    def play(self, lab: Lab) -> None:
        scene = self._build(lab)
        watcher = self._come_up(scene)
        probes = self._start_traffic(scene)
        self._compare_round_trips(probes, watcher)
        self._fill_all(scene, probes, watcher)
        self._cut_and_heal(scene, probes, watcher)
        self._screen.clear_table()

    # The acts

    def _build(self, lab: Lab) -> Scene:
        self._begin(
            "1/5  The network",
            "Network namespaces stand for a box with three WAN links, a server with a public address, a LAN and the "
            "internet.",
        )
        self._screen.show([
            [Cell(f"    {wan.interface}"), Cell(wan.kind), Cell(f"{wan.rtt_ms:.0f} ms"),
             Cell(f"{wan.rate_mbps:.0f} Mbit/s"), Cell(wan.nature, "dim")] for wan in WANS
        ])  # fmt: skip
        self.scene = scene = Scene(lab)
        scene.make_certificates()
        self._screen.say(f"`mpquic cert` has made a CA, and a certificate for either end, in {scene.tls}.")
        self._box_file, self._server_file = scene.write_configurations()
        self._screen.say(f"All that the box has to know is {self._box_file}:")
        self._screen.quote(self._box_file.read_text())
        self._screen.say(f"The server's is {self._server_file}:")
        self._screen.quote(self._server_file.read_text())
        return scene

    def _come_up(self, scene: Scene) -> Watcher:
        self._begin(
            "2/5  Three tunnels",
            "The server starts, then the box: `mpquic run` with the files above. Each tunnel goes over its own link.",
        )
        watcher = Watcher(scene.control, [wan.tunnel for wan in WANS])
        scene.start_server(self._server_file)
        self._await_server(scene)
        begun = time.monotonic()
        scene.start_box(self._box_file)
        self._until(watcher, "all tunnels up", MOST_SECONDS_TO_COME_UP, _STARTING_TICK,
                    lambda: all(watcher[wan.tunnel].up() for wan in WANS))  # fmt: skip
        for wan, found in self.found.items():
            found.up_after = since(begun, watcher[wan.tunnel].came_up(begun))
        scene.watch_interfaces()
        self._note_interfaces(scene)
        times = ", ".join(f"{wan.tunnel} after {self.found[wan].up_after:.2f} s" for wan in WANS)
        self._screen.say(f"All three are up: {times}.", "good")
        return watcher

    def _await_server(self, scene: Scene) -> None:
        deadline = time.monotonic() + MOST_SECONDS_TO_COME_UP
        while True:
            try:
                ask(scene.server_control)
                return
            except OSError:
                scene.check()
                if time.monotonic() > deadline:
                    raise Broken(f"the server did not start within {MOST_SECONDS_TO_COME_UP:.0f} s") from None
                time.sleep(_STARTING_TICK)

    def _start_traffic(self, scene: Scene) -> Probes:
        scene.route_the_lan()
        self._probes = probes = Probes(scene)
        self.load.flows = probes.flows()
        return probes

    def _compare_round_trips(self, probes: Probes, watcher: Watcher) -> None:
        self._begin(
            "3/5  Round trips",
            "Three devices of the LAN, each routed into a tunnel of its own, ping a host on the internet and call it "
            "(50 small UDP packets a second). Meanwhile the box pings the server past the tunnels, to know what each "
            "link takes by itself.",
        )
        every = [*probes.pings.values(), *probes.bare.values()]
        self._until(watcher, "answers to all pings", MOST_SECONDS_TO_COME_UP, _TICK, lambda: all(p.rtts for p in every))
        starts = {pings: pings.highest for pings in every}
        self._wait(watcher, self._pace.quiet)
        for wan, found in self.found.items():
            pings, bare = probes.pings[wan], probes.bare[wan]
            found.pings, rtts = pings.between(starts[pings], pings.highest)
            found.pings_lost = found.pings - len(rtts)
            found.rtt_ms = median(rtts)
            found.bare_rtt_ms = median(bare.between(starts[bare], bare.highest)[1])
        added = ", ".join(f"{wan.tunnel} {milliseconds(f.rtt_ms)} over a link of {milliseconds(f.bare_rtt_ms)}"
                          for wan, f in self.found.items())  # fmt: skip
        self._screen.say(f"Median round trips: {added}.", "good")

    def _fill_all(self, scene: Scene, probes: Probes, watcher: Watcher) -> None:
        self._begin(
            "4/5  All links at once",
            f"iperf3 ({self.load.flows}) from each device to the internet, as fast as it goes, through all three "
            "tunnels at the same time.",
        )
        ran, waited = scene.cpu_seconds()
        transfers = {wan: probes.upload(wan, self._pace.load) for wan in WANS}
        self._until(watcher, "iperf3", self._pace.load + 20, _TICK, lambda: all(t.done() for t in transfers.values()),
                    expected=self._pace.load + 1)  # fmt: skip
        ran, waited = (now - then for now, then in zip(scene.cpu_seconds(), (ran, waited), strict=True))
        self.load.waiting_for_cpu = waited / max(ran + waited, 1e-9)
        for wan, transfer in transfers.items():
            self.found[wan].upload_mbps = transfer.result().mbps
        rates = ", ".join(
            f"{wan.tunnel} {found.upload_mbps:.1f} of {wan.rate_mbps:.0f} Mbit/s" for wan, found in self.found.items()
        )
        self._screen.say(f"Arrived, inside TCP: {rates}.", "good")

    def _cut_and_heal(self, scene: Scene, probes: Probes, watcher: Watcher) -> None:
        self._begin(
            "5/5  A link goes",
            f"Now a steady download of {_DOWNLOAD_MBPS} Mbit/s runs through each tunnel, beside pings and calls.",
        )
        probes.start_downloads(_DOWNLOAD_MBPS)
        self._wait(watcher, self._pace.before_cut)
        link, tunnel, found = scene.net[CUT.interface].link, watcher[CUT.tunnel], self.found[CUT]
        if not tunnel.up():
            raise Broken(f"{CUT.tunnel} is down before its link was cut: {tunnel.latest.detail}")

        link.cut()
        cut_at = time.monotonic()
        self._cut = CUT
        self._screen.say(
            f"{CUT.interface}, the {CUT.kind}, is cut: it swallows every packet, and nothing says so.", "bad"
        )
        self._until(watcher, "the cut being noticed", MOST_SECONDS_TO_NOTICE, _TICK, lambda: not tunnel.up())
        found.noticed_after = since(cut_at, tunnel.left_up(cut_at))
        self._screen.say(
            f"{CUT.tunnel} has noticed, {found.noticed_after:.1f} s after the cut, and tries again and again "
            f'("{tunnel.latest.detail}"). The others go on.',
            "wait",
        )
        self._note_interfaces(scene)
        self._wait(watcher, self._pace.dark)

        link.heal()
        healed_at = time.monotonic()
        self._cut = None
        self._screen.say(f"{CUT.interface} is healed.")
        self._until(watcher, "the tunnel being back", MOST_SECONDS_TO_RETURN, _TICK,
                    lambda: tunnel.up() and probes.calls.first_after(CUT, healed_at) is not None)  # fmt: skip
        found.back_after = since(healed_at, tunnel.came_up(healed_at))
        found.call_back_after = since(healed_at, probes.calls.first_after(CUT, healed_at))
        self._screen.say(
            f"{CUT.tunnel} is back {found.back_after:.1f} s after healing, and so is the call through it "
            f"({found.call_back_after:.1f} s).",
            "good",
        )
        self._wait(watcher, self._pace.healed + _SETTLE)
        probes.stop_downloads()
        self._note_interfaces(scene)
        self._sum_up_calls(scene, probes, watcher, cut_at)

    def _sum_up_calls(self, scene: Scene, probes: Probes, watcher: Watcher, cut_at: float) -> None:
        end = time.monotonic() - _SETTLE
        for wan, found in self.found.items():
            found.call_lost, found.call_sent = probes.calls.loss(wan, cut_at, end)
            found.call_pause = probes.calls.longest_pause(wan, cut_at, end)
            up_at = watcher[wan.tunnel].came_up(0)
            down_at = watcher[wan.tunnel].left_up(since(0, up_at))
            found.dropped_out = down_at is not None and (wan is not CUT or down_at < cut_at)
            found.removed = scene.removed(wan)

    # Between them

    def _begin(self, title: str, sentence: str) -> None:
        self._act = title
        self._screen.title(title)
        self._screen.say(sentence)

    def _note_interfaces(self, scene: Scene) -> None:
        for wan, found in self.found.items():
            found.ifindexes.add(scene.ifindex(wan))

    def _wait(self, watcher: Watcher, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._watch(watcher, _TICK, lambda: time.monotonic() >= end, seconds)

    def _until(self, watcher: Watcher, what: str, limit: float, tick: float, condition: Callable[[], bool],
               expected: float | None = None) -> None:  # fmt: skip
        """`expected`: how long it should take, where that is known beforehand."""
        deadline = time.monotonic() + limit

        def done() -> bool:
            if condition():
                return True
            if time.monotonic() > deadline:
                raise Broken(f"waited {limit:.0f} s in vain for {what}")
            return False

        self._watch(watcher, tick, done, expected)

    def _watch(self, watcher: Watcher, tick: float, done: Callable[[], bool], expected: float | None) -> None:
        begun = time.monotonic()
        while True:
            assert self.scene is not None
            # Whoever started it and was told to end may not have passed that on.
            if os.getppid() != self._parent:
                raise SystemExit(128 + 15)
            before = [watched.changes[-1:] for watched in watcher.tunnels.values()]
            watcher.look()
            self.scene.check()
            if self._probes is not None:
                self._probes.read()
            news = before != [watched.changes[-1:] for watched in watcher.tunnels.values()]
            self._screen.table(table.table(watcher, self._probes, self._cut),
                               self._footer(time.monotonic() - begun, expected), news)  # fmt: skip
            if done():
                return
            time.sleep(tick)

    def _footer(self, passed: float, expected: float | None) -> Cell:
        act = f"{self._act}   {passed:.0f}" + ("" if expected is None else f" of {expected:.0f}") + " s"
        return Cell(f"{act}   (Ctrl-C ends the demo and leaves nothing behind)", "dim")
