"""Three tunnels on one link: what becomes of two while the third is in trouble, or makes it.

All carry paced UDP, together half of what the link takes. Of `bk` a share of the outer packets is lost; or it carries
TCP instead, as fast as that goes, and the link is full."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import Iperf

from .samples import Figures
from .shared_link import SINK_PORT, SharedLink
from .throughput import CONGESTION

SETTLING = 1.0
PING_INTERVAL = 0.02
WATCHED = ("cr", "df")
LOSSES = (10, 30)


# iperf3 would have to talk to its other end, which fails where a third is lost. Prints how many packets it has sent.
_PACED = """
import socket, sys, time
address, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rate, seconds = float(sys.argv[4]), float(sys.argv[5])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
packet, sent, begun = bytes(size), 0, time.monotonic()
while (passed := time.monotonic() - begun) < seconds:
    while sent < passed * rate:
        sender.sendto(packet, (address, port))
        sent += 1
    time.sleep(0.002)
print(sent)
"""


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
        bulk = pool.submit(_fill if condition == SATURATED else _pour, site, seconds)
        streams = {name: pool.submit(_stream, site, name, seconds) for name in WATCHED}
        pings = {
            name: pool.submit(site.box.ping, site.addresses[name], int(seconds / PING_INTERVAL), PING_INTERVAL)
            for name in WATCHED
        }
        figures = bulk.result()
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


def _pour(site: SharedLink, seconds: float) -> Figures:
    stream, before = STREAMS["bk"], site.arrived("bk")
    rate = stream.mbps * 1e6 / 8 / stream.payload
    words = [site.addresses["bk"], str(SINK_PORT), str(stream.payload), str(rate), str(seconds)]
    sent = int(site.box.python(_PACED, *words, timeout=seconds + 30))
    time.sleep(0.2)  # the last are on their way
    arrived = site.arrived("bk") - before
    return {"bk_mbps": arrived * stream.payload * 8 / 1e6 / seconds, "bk_lost": max(0.0, 1 - arrived / sent) * 100}


def _fill(site: SharedLink, seconds: float) -> Figures:
    measured = site.box.iperf3(site.addresses["bk"], seconds, port=site.ports["bk"], congestion=CONGESTION)
    return {"bk_mbps": measured.mbps}
