"""Pings, calls and iperf3 from the LAN through each tunnel, and what they measure."""

from __future__ import annotations

import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from .. import topology
from ..measure import Iperf
from ..process import Process
from . import voice
from .plan import WANS, Wan
from .scene import Broken, Scene

_PING_INTERVAL = 0.2
_VOICE_PORT = 7000
_FLOWS = 4


class _Tail:
    """The lines that a log has gained."""

    def __init__(self, log: Path) -> None:
        self._file = log.open(errors="replace")
        self._rest = ""

    def lines(self) -> list[str]:
        *whole, self._rest = (self._rest + self._file.read()).split("\n")
        return whole


def median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else float("inf")


class Pings:
    """One ping that goes on and on."""

    _LINE = re.compile(r"icmp_seq=(\d+)(?:.* time=([\d.]+) ms)?")

    def __init__(self, process: Process) -> None:
        self._tail = _Tail(process.log_file)
        self.rtts: dict[int, float] = {}
        self.highest = 0
        """Number of the last request whose fate is known, or was asked for at least."""
        self.answered_at = time.monotonic()

    def read(self) -> None:
        for line in self._tail.lines():
            if (match := self._LINE.search(line)) is None:
                continue
            number = int(match[1])
            self.highest = max(self.highest, number)
            if match[2] is not None and "DUP!" not in line:
                self.rtts[number] = float(match[2])
                self.answered_at = time.monotonic()

    def latest_ms(self) -> float | None:
        return self.rtts[max(self.rtts)] if self.rtts else None

    def silence(self) -> float:
        return time.monotonic() - self.answered_at

    def between(self, after: int, last: int) -> tuple[int, list[float]]:
        """Of the requests numbered after+1 to last: how many there were, and the round trips of those answered."""
        return last - after, [self.rtts[n] for n in range(after + 1, last + 1) if n in self.rtts]


class Calls:
    """The call of each device: number, time sent and time received of every packet that arrived."""

    def __init__(self, process: Process) -> None:
        self._tail = _Tail(process.log_file)
        self.arrivals: dict[str, list[tuple[int, float, float]]] = defaultdict(list)

    def read(self) -> None:
        for line in self._tail.lines():
            words = line.split()
            if len(words) == 4:
                self.arrivals[words[0]].append((int(words[1]), float(words[2]), float(words[3])))

    def per_second(self, wan: Wan) -> int:
        """How many arrived in the second before the last one that could have."""
        now = time.monotonic() - 0.2
        return sum(1 for *_, at in self.arrivals[wan.device_v4][-100:] if now - 1 < at <= now)

    def first_after(self, wan: Wan, at: float) -> float | None:
        """When the first packet arrived that was sent after `at`."""
        return min((received for _, sent, received in self.arrivals[wan.device_v4] if sent > at), default=None)

    def loss(self, wan: Wan, begin: float, end: float) -> tuple[int, int]:
        """Lost and sent, of what was sent in this time. One clock numbers the packets of all calls alike."""
        sent = {number for call in self.arrivals.values() for number, at, _ in call if begin <= at < end}
        got = {number for number, *_ in self.arrivals[wan.device_v4]}
        return len(sent - got), len(sent)

    def longest_pause(self, wan: Wan, begin: float, end: float) -> float:
        times = [begin, *(at for *_, at in self.arrivals[wan.device_v4] if begin < at < end), end]
        return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))


@dataclass
class Transfer:
    process: Process

    def done(self) -> bool:
        return not self.process.running

    def result(self) -> Iperf:
        try:
            return Iperf.parse(self.process.log)
        except (ValueError, KeyError, RuntimeError) as problem:
            raise Broken(f"iperf3 gave no result: {problem}") from problem


class Probes:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        net = scene.net
        receiver = net.internet.start([sys.executable, voice.__file__, "receive", str(_VOICE_PORT)], log="calls.log")
        receiver.wait_for_log("ready", timeout=20)
        for wan in WANS:
            net.internet.iperf3_server(self._port(wan))
        self.calls = Calls(receiver)
        self.pings = {wan: self._ping("lan", wan.device_v4, topology.INTERNET_V4) for wan in WANS}
        # The link itself, past the tunnel, to compare with.
        self.bare = {wan: self._ping("box", wan.interface, topology.SERVER_V4) for wan in WANS}
        self._sender = net.lan.start(
            [sys.executable, voice.__file__, "send", topology.INTERNET_V4, str(_VOICE_PORT)]
            + [wan.device_v4 for wan in WANS],
            log="calls.log",
        )
        self._downloads: list[Process] = []

    def _ping(self, node: str, source: str, address: str) -> Pings:
        words = ["ping", "-n", "-O", "-i", str(_PING_INTERVAL), "-I", source, address]
        return Pings(getattr(self._scene.net, node).start(words, log=f"ping-{source}.log"))

    @staticmethod
    def _port(wan: Wan) -> int:
        return 5200 + wan.number

    def read(self) -> None:
        self.calls.read()
        for pings in (*self.pings.values(), *self.bare.values()):
            pings.read()

    def upload(self, wan: Wan, seconds: float) -> Transfer:
        """TCP as fast as it goes, from the device of this tunnel."""
        return Transfer(self._iperf3(wan, ["-J", "-t", str(seconds), "-P", str(_FLOWS)], "upload"))

    def start_downloads(self, mbps: float) -> None:
        """A steady TCP download through each tunnel, which goes on until it is stopped."""
        for wan in WANS:
            self._downloads.append(self._iperf3(wan, ["-R", "-t", "600", "-b", f"{mbps}M"], "download"))

    def stop_downloads(self) -> None:
        for download in self._downloads:
            download.kill()

    def _iperf3(self, wan: Wan, options: list[str], name: str) -> Process:
        words = ["iperf3", "-c", topology.INTERNET_V4, "-p", str(self._port(wan)), "-B", wan.device_v4, *options]
        return self._scene.net.lan.start(words, log=f"{name}-{wan.tunnel}.log")

    def flows(self) -> str:
        """What an upload is made of."""
        congestion = self._scene.net.lan.run("sysctl -n net.ipv4.tcp_congestion_control").stdout.strip()
        return f"{_FLOWS} TCP flows, {congestion}"
