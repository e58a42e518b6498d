"""The three links, and how long each act takes."""

from __future__ import annotations

from dataclasses import dataclass

from ..link import LinkSpec


@dataclass(frozen=True)
class Wan:
    """A link of the box, the tunnel over it, and the device of the LAN whose traffic takes that tunnel."""

    number: int
    kind: str
    rtt_ms: float
    rate_mbps: float
    nature: str
    """What else there is to know of it, for the viewer."""
    parameters: str
    """Of either direction, in linkem's words."""
    nat: bool = False

    @property
    def interface(self) -> str:
        return f"wan{self.number}"

    @property
    def tunnel(self) -> str:
        """The TUN interface's name, at both ends."""
        return f"mpq{self.number}"

    @property
    def client_v4(self) -> str:
        return f"10.200.{self.number}.1"

    @property
    def server_v4(self) -> str:
        return f"10.200.{self.number}.254"

    @property
    def device_v4(self) -> str:
        return f"192.168.77.{10 + self.number}"

    @property
    def spec(self) -> LinkSpec:
        return LinkSpec.both(self.parameters, seed=self.number, nat=self.nat)


# A satellite loses packets in bursts, when it hands over. The seed makes every run lose alike.
WANS = (
    Wan(1, "satellite", 108, 50, "jitter, now and then a burst of loss",
        "delay=54ms,jitter=3ms,jitter-hold=15ms,rate=50mbit,gilbert=0.01%:20%"),
    Wan(2, "fibre", 13, 200, "clean", "delay=6500us,rate=200mbit"),
    Wan(3, "LTE", 34, 30, "jitter, behind the carrier's NAT",
        "delay=17ms,jitter=2ms,jitter-hold=10ms,rate=30mbit", nat=True),
)  # fmt: skip

CUT = WANS[1]


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    quiet: float
    """Only pings and calls: here round trips are compared."""
    load: float
    """iperf3 through all tunnels at once."""
    before_cut: float
    dark: float
    """How long the link stays cut after mpquic has noticed."""
    healed: float
    """How long the viewer sees it back."""
    table: float
    """Between two tables where the output is no terminal."""


CALM = Pace(quiet=15, load=15, before_cut=6, dark=10, healed=10, table=5)
FAST = Pace(quiet=4, load=5, before_cut=1, dark=1, healed=1.5, table=2)
