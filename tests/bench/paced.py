"""Traffic far below what the tunnel could carry: every packet is a wake-up, and batches don't form by themselves."""

from __future__ import annotations

from .contestants import Contestant
from .meter import Meter
from .samples import Figures
from .throughput import CONGESTION

RATE_MBPS = 100
UDP_PAYLOAD = 1200


def measure(contestant: Contestant, seconds: float) -> Figures:
    """CPU seconds per gigabyte at 100 Mbit/s. `paced_udp`, `paced_tcp`: of the tunnel; `..._machine`: of the machine.
    `paced_loss`: percent of the UDP packets."""
    with Meter(contestant.processes) as udp_meter:
        udp = contestant.client.iperf3(
            contestant.address, seconds, udp=f"{RATE_MBPS}M", options=["-l", str(UDP_PAYLOAD)]
        )
    with Meter(contestant.processes) as tcp_meter:
        tcp = contestant.client.iperf3(
            contestant.address, seconds, congestion=CONGESTION, options=["-b", f"{RATE_MBPS}M"]
        )
    udp_gigabytes, tcp_gigabytes = (max(measured.mbps, 0.1) * seconds / 8000 for measured in (udp, tcp))
    return {
        "paced_udp": udp_meter.tunnel / udp_gigabytes,
        "paced_udp_machine": udp_meter.machine / udp_gigabytes,
        "paced_loss": udp.lost * 100,
        "paced_tcp": tcp_meter.tunnel / tcp_gigabytes,
        "paced_tcp_machine": tcp_meter.machine / tcp_gigabytes,
    }
