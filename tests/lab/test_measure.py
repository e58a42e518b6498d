"""What is read out of the tools' output."""

from __future__ import annotations

import json

import pytest

from lab import Iperf, Ping

_PING = """PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.
64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=40.1 ms
64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=41.0 ms (DUP!)
64 bytes from 10.0.0.2: icmp_seq=2 ttl=64 time=20 ms
64 bytes from 10.0.0.2: icmp_seq=4 ttl=64 time=20.5 ms

--- 10.0.0.2 ping statistics ---
4 packets transmitted, 3 received, +1 duplicates, 25% packet loss, time 91ms
"""


def test_ping() -> None:
    ping = Ping.parse(_PING)
    assert (ping.sent, ping.received, ping.duplicates, ping.loss) == (4, 3, 1, 0.25)
    assert ping.rtts_ms == [40.1, 20, 20.5]
    assert ping.rtt_ms == 20.5
    with pytest.raises(ValueError, match="not the output of ping"):
        Ping.parse("ping: unknown host")


def test_iperf3_tcp() -> None:
    end = {
        "sum_sent": {"bytes": 2_500_000, "seconds": 2.0, "retransmits": 7},
        "sum_received": {"bytes": 2_000_000, "seconds": 2.0},
    }
    intervals = [{"sum": {"bits_per_second": 8e6}}, {"sum": {"bits_per_second": 9e6}}]
    result = Iperf.parse(json.dumps({"end": end, "intervals": intervals}))
    assert (result.mbps, result.retransmits, result.lost) == (8, 7, 0)
    assert result.interval_mbps == [8, 9]


def test_iperf3_says_why_it_failed() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        Iperf.parse('{"error": "unable to connect to server"}')
