"""Three tunnels on one link: what becomes of two while the third is in trouble, or makes it.

All carry paced UDP, together half of what the link takes. Of `bk` a share of the outer packets is lost; or it carries
TCP instead, as fast as that goes, and the link is full."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import Iperf

from .samples import Figures
from .shared_link import SharedLink
from .throughput import CONGESTION

SETTLING = 1.0
PING_INTERVAL = 0.02
WATCHED = ("cr", "df")
LOSSES = (10, 30)


@dataclass(frozen=True)
class Stream:
    """Paced inner UDP."""

    mbps: int
    payload: int
    """Bytes of each packet."""


STREAMS = {"cr": Stream(2, 200), "df": Stream(24, 1200), "bk": Stream(24, 1200)}

# What is wrong with bk, by the name of the row.
BASELINE = "quiet"
LOSSY = {f"{percent} % of bk lost": percent for percent in LOSSES}
SATURATED = "bk fills the link"
CONDITIONS = [BASELINE, *LOSSY, SATURATED]


def measure(site: SharedLink, condition: str, seconds: float) -> Figures:
    """Of cr, df and bk: `..._mbps`, goodput; `..._lost`, percent of the packets. Of cr and df besides: `..._rtt`, the
    median in milliseconds, `..._rtt95`, and `..._arrived`, percent. bk has no loss of its own while it carries TCP."""
    time.sleep(SETTLING)  # what the round before has left in queues and windows
    with site.loss("bk", LOSSY.get(condition, 0)), ThreadPoolExecutor() as pool:
        bulk = pool.submit(_fill if condition == SATURATED else _stream, site, "bk", seconds)
        streams = {name: pool.submit(_stream, site, name, seconds) for name in WATCHED}
        pings = {
            name: pool.submit(site.box.ping, site.addresses[name], int(seconds / PING_INTERVAL), PING_INTERVAL)
            for name in WATCHED
        }
        figures = {"bk_mbps": bulk.result().mbps}
        if condition != SATURATED:
            figures["bk_lost"] = bulk.result().lost * 100
        for name in WATCHED:
            stream, ping = streams[name].result(), pings[name].result()
            figures |= {
                f"{name}_mbps": stream.mbps,
                f"{name}_lost": stream.lost * 100,
                f"{name}_arrived": (1 - stream.lost) * 100,
                f"{name}_rtt": ping.rtt_ms,
                f"{name}_rtt95": sorted(ping.rtts_ms)[int(len(ping.rtts_ms) * 0.95)],
            }
    return figures


def _stream(site: SharedLink, tunnel: str, seconds: float) -> Iperf:
    stream = STREAMS[tunnel]
    return site.box.iperf3(site.addresses[tunnel], seconds, port=site.ports[tunnel], udp=f"{stream.mbps}M",
                           options=["-l", str(stream.payload)])  # fmt: skip


def _fill(site: SharedLink, tunnel: str, seconds: float) -> Iperf:
    return site.box.iperf3(site.addresses[tunnel], seconds, port=site.ports[tunnel], congestion=CONGESTION)
