"""What can be measured, by the names that `./dev bench` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import idle, isolation, paced, protocols, rtt, small, throughput
from .contestants import EVERYBODY, Field
from .samples import Figures
from .shared_link import RATE_MBPS

PROTOCOLS = ["mpquic", "mpquic-h3"]
ALL = [name for name in EVERYBODY if name != "mpquic-h3"]
ONE_WORKER = [name for name in ALL if name != "mpquic-2"]


@dataclass(frozen=True)
class Measurement:
    title: str
    contestants: list[str]
    columns: dict[str, str]
    """Metric and heading."""
    measure: Callable[[Field, str, bool], Figures]
    """Once, for the contestant of that name; quickly or not."""
    once: bool = False
    """In the first round only."""


MEASUREMENTS = {
    "throughput": Measurement(
        f"throughput: Gbit/s of inner TCP ({throughput.CONGESTION}); CPU seconds per GB of 1 flow, of the tunnel's "
        "processes and of the whole machine",
        ALL,
        {"forward": "1 flow", "reverse": "reverse", "four": "4 flows", "cpu": "tunnel s/GB", "machine": "machine s/GB"},
        lambda field, name, quick: throughput.measure(field[name], 2 if quick else 5),
    ),
    "rtt": Measurement(
        "rtt: microseconds of a round trip through the idle tunnel (a ping every 10 ms)",
        ALL,
        {"rtt": "us"},
        lambda field, name, quick: rtt.measure(field[name], 100 if quick else 200),
    ),
    "small": Measurement(
        "small: packets delivered per second, 64 bytes of UDP payload, one flow: at the highest rate with less than "
        f"{small.TOLERATED_LOSS:.1%} loss, and with {small.OVERLOAD} per second offered",
        ONE_WORKER,
        {"lossless": "lossless", "overload": "overload"},
        lambda field, name, quick: small.measure(field[name], 0.5 if quick else 1),
    ),
    "paced": Measurement(
        f"paced: CPU seconds per GB at {paced.RATE_MBPS} Mbit/s, of the tunnel's processes and of the whole machine; "
        f"UDP in packets of {paced.UDP_PAYLOAD} bytes, TCP with one flow",
        ONE_WORKER,
        {"paced_udp": "UDP tunnel", "paced_udp_machine": "UDP machine", "paced_loss": "UDP lost %",
         "paced_tcp": "TCP tunnel", "paced_tcp_machine": "TCP machine"},
        lambda field, name, quick: paced.measure(field[name], 2 if quick else 5),
    ),
    "workers": Measurement(
        f"workers: Gbit/s of inner TCP ({throughput.CONGESTION}), one worker at either end and two",
        ["mpquic", "mpquic-2"],
        {"workers_one": "1 flow", "workers_four": "4 flows"},
        lambda field, name, quick: throughput.measure_flows(field[name], 2 if quick else 5),
    ),
    "protocols": Measurement(
        f"protocols: mpquic-ip and the native one; Gbit/s of inner TCP ({throughput.CONGESTION}), us of a round trip",
        PROTOCOLS,
        {"protocol_forward": "1 flow", "protocol_reverse": "reverse", "protocol_rtt": "us"},
        lambda field, name, quick: protocols.measure(field[name], 2 if quick else 5, 100 if quick else 200),
    ),
    "isolation": Measurement(
        f"isolation: tunnels cr, df and bk on one link of {RATE_MBPS} Mbit/s and 20 ms, with UDP of "
        f"{', '.join(str(stream.mbps) for stream in isolation.STREAMS.values())} Mbit/s; ms of a ping",
        isolation.CONDITIONS,
        {"cr_mbps": "cr Mbit/s", "cr_rtt": "cr ms", "cr_rtt95": "95 %", "cr_lost": "cr lost %",
         "df_mbps": "df Mbit/s", "df_rtt": "df ms", "df_rtt95": "95 %", "df_lost": "df lost %",
         "bk_mbps": "bk Mbit/s", "bk_lost": "bk lost %"},
        lambda field, name, quick: isolation.measure(field.shared_link, name, 4 if quick else 10),
    ),
    "idle": Measurement(
        f"idle: a server with {idle.CLIENTS} clients that carry nothing",
        ["mpquic"],
        {"idle_memory": "KiB per client", "idle_cpu": "% of a core"},
        lambda field, name, quick: idle.measure(field, 10 if quick else 30),
        once=True,
    ),
}
