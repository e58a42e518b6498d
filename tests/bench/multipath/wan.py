"""A link's figures."""

from __future__ import annotations

from dataclasses import dataclass

from lab import LinkSpec

_JITTER_HOLD_MS = 20


@dataclass(frozen=True)
class Wan:
    mbps: float
    rtt_ms: float
    loss: float = 0
    """Percent of the packets, either way."""
    burst: float = 1
    """How many are lost at a time, on average."""
    jitter_ms: float = 0
    """By which the delay varies either way, without reordering."""

    @property
    def parameters(self) -> str:
        """For linkem; names everything, so that it replaces whatever was set before."""
        queue = self.mbps * 1e6 / 8 * self.rtt_ms / 1e3
        alone = self.loss if self.burst == 1 else 0
        # Of a share p in bursts of n packets: bad after g good ones each, so p = n / (n + g).
        recovery = 1 / self.burst
        together = 0 if alone == self.loss else 100 * recovery * self.loss / (100 - self.loss)
        return ",".join([
            f"rate={self.mbps:g}mbit", f"delay={self.rtt_ms / 2:g}ms", f"queue={queue:.0f}",
            f"jitter={self.jitter_ms:g}ms", f"jitter-hold={_JITTER_HOLD_MS}ms", f"loss={alone:g}%",
            f"gilbert={together:.5f}%:{100 * recovery:g}%" if together else "gilbert=0",
        ])  # fmt: skip

    @property
    def spec(self) -> LinkSpec:
        return LinkSpec.both(self.parameters)

    def __str__(self) -> str:
        """MBPS/RTT, then what else there is."""
        loss = f" {self.loss:g} %" + (f" in bursts of {self.burst:g}" if self.burst != 1 else "")
        jitter = f" +-{self.jitter_ms:g} ms"
        return f"{self.mbps:g}/{self.rtt_ms:g}" + (loss if self.loss else "") + (jitter if self.jitter_ms else "")
