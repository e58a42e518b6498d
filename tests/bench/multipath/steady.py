"""Copies over two links that lose packets; what a session costs where there is one link alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab import Lab, topology
from lab.stream import Stream
from tests.e2e.nodes import PORT, Authority, Testbed, client_configuration, server_configuration, until

from .cell import Limit, Line, Settings
from .rig import Over, rig
from .turns import alternate, medians
from .wan import Wan

REDUNDANT = (Wan(100, 20, loss=5), Wan(60, 40, loss=5))
_PER_SECOND = 2000
_SECONDS = 20.0
_LAST_ONES = 1.0


def redundant(name: str, settings: Settings) -> list[Line]:
    """Share of packets lost, of so many that chance plays no part: 0.25 % are lost on both links."""
    lost, seen = [], []
    with rig(REDUNDANT, {"copied": Over((1, 2), "redundant")}) as made, \
            Stream(*made.ends("copied", settings.down), rate=_PER_SECOND) as stream:  # fmt: skip
        time.sleep(settings.settling)
        for number in range(settings.rounds):
            settings.progress(f"round {number + 1} of {settings.rounds}")
            begin = time.monotonic()
            time.sleep(_SECONDS)
            end = time.monotonic()
            time.sleep(_LAST_ONES)
            watched = stream.watched(begin, end)
            lost.append(100 * watched.lost / watched.sent)
            seen.append(watched)
    duplicates = sum(watched.duplicates for watched in seen)
    share = medians({name: lost})[name]
    note = f"of {sum(watched.sent for watched in seen)} packets; {duplicates} came twice"
    return [Line(f"{name}: % lost", share, Limit(0.3, at_least=False), note, {"percent": lost})]


def redundant_seconds(settings: Settings) -> float:
    return settings.settling + settings.rounds * (_SECONDS + _LAST_ONES)


_FLOWS = {"one flow": (1, False), "one flow, reverse": (1, True), "four flows": (4, False)}
_PLAIN, _BONDED = "plain", "bonded"


def one_path(name: str, settings: Settings) -> list[Line]:
    """`bonded` over one bare cable, in relation to a plain tunnel: as fast as the machine goes, one worker each."""
    with Lab() as lab:
        testbed = Testbed(lab, Authority(lab.directory / "tls"))
        net = topology.pair(lab)
        tunnels = {_PLAIN: 1, _BONDED: 2}
        for tunnel, number in tunnels.items():
            _start(testbed, net, tunnel, number)
        net.server.iperf3_server()
        lines = []
        for what, (flows, reverse) in _FLOWS.items():

            def measure(tunnel: str, flows: int = flows, reverse: bool = reverse) -> float:
                address = f"10.203.{tunnels[tunnel]}.254"
                return net.client.iperf3(address, settings.seconds / 2, parallel=flows, reverse=reverse,
                                         congestion="cubic").mbps / 1000  # fmt: skip

            samples = alternate(list(tunnels), _more(settings), measure)
            rates = medians(samples)
            note = f"{rates[_BONDED]:.2f} of {rates[_PLAIN]:.2f} Gbit/s"
            lines.append(Line(f"{name}, {what}", rates[_BONDED] / rates[_PLAIN], Limit(0.97), note, {"gbps": samples}))
        testbed.stop()
    return lines


def _start(testbed: Testbed, net: topology.Pair, tunnel: str, number: int) -> None:
    """In a program of its own at either end."""
    port = PORT + number
    testbed.run(net.server, server_configuration(
        testbed.authority, {tunnel: [f"10.203.{number}.254/24"]}, {"box1": [f"10.203.{number}.0/25"]},
        listen=f"{net.server_v4}:{port}", workers=1), tunnel)  # fmt: skip
    policy = {"policy": tunnel} if tunnel == _BONDED else {}
    client = testbed.run(net.client, client_configuration(
        testbed.authority, "box1", f"{net.server_v4}:{port}",
        {tunnel: {"address": f"10.203.{number}.1/24", **policy}}, workers=1, alpn="h3"), tunnel)  # fmt: skip
    client.wait_until_up()
    until(lambda: net.client.ping(f"10.203.{number}.254", count=1).received == 1, 10, f"{tunnel} answers")


def _more(settings: Settings) -> Settings:
    """Short rounds, and twice as many: at these rates the machine's own moods are most of the difference."""
    return Settings(2 * settings.rounds, settling=settings.settling, seconds=settings.seconds, progress=settings.progress)


def one_path_seconds(settings: Settings) -> float:
    return len(_FLOWS) * 2 * _more(settings).rounds * (settings.seconds / 2 + 0.3)
