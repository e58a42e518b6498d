"""What measures flows (lab/bulk.py, lab/stream.py) against links that are known, and without any tunnel."""

from __future__ import annotations

import time

import pytest

from lab import Direction, topology
from lab.bulk import Bulk
from lab.rates import Rates
from lab.stream import Stream
from lab.waiting import wait_until

MBPS = 40
GOODPUT = MBPS * 1448 / 1514
"""Of TCP in full frames, with time stamps."""
_OTHERS = 8
"""Packets at most that a link counts beside those of a stream: those of neighbour discovery."""


class TestRates:
    # 10 Mbit/s are 12,500 bytes in 10 ms. From 1 s to 2 s that, then nothing for half a second, then twice of it.
    rates = Rates([(n, 12_500) for n in range(100, 200)] + [(n, 25_000) for n in range(250, 400)])

    @pytest.mark.parametrize(("begin", "end", "mbps"), [(1, 2, 10), (0, 2, 5), (1.5, 2.5, 5), (2, 2.5, 0), (2.5, 4, 20)])
    def test_means(self, begin: float, end: float, mbps: float) -> None:
        assert self.rates.mbps(begin, end) == pytest.approx(mbps)

    def test_nothing_is_no_time_span(self) -> None:
        with pytest.raises(ValueError, match="nothing lies between"):
            self.rates.mbps(1, 1)

    def test_bins_add_up(self) -> None:
        assert Rates([(100, 5000), (100, 7500)]).mbps(1, 1.01) == pytest.approx(10)

    @pytest.mark.parametrize(
        ("mbps", "after", "until", "found"),
        [
            (10, 1, 4, 0),  # already there
            (10, 0, 4, 1),
            (5, 0, 4, 0.75),  # of that half second, the second half
            (10, 1.8, 4, 0.45),  # 1.8 + 0.45: a quarter of a second with 20
            (20, 1, 4, 1.5),
            (21, 1, 4, None),
            (20, 1, 2.9, None),  # so late that half a second of it has not passed
        ],
    )
    def test_when_a_rate_is_reached(self, mbps: float, after: float, until: float, found: float | None) -> None:
        reached = self.rates.reaches(mbps, after, until)
        assert reached == (None if found is None else pytest.approx(found, abs=0.011))


class TestStream:
    def test_a_good_link(self, pair: topology.Pair) -> None:
        pair.link.set("delay=5ms")
        with Stream(pair.client, pair.server, pair.server_v4) as stream:
            begin = time.monotonic()
            time.sleep(1)
            end = time.monotonic()
            time.sleep(0.3)
            watched = stream.watched(begin, end)
        assert abs(watched.sent - 200 * (end - begin)) <= 1
        assert (watched.lost, watched.duplicates) == (0, 0)
        assert 0.004 < watched.longest_gap < 0.1
        assert 0 <= watched.latest < 0.1

    def test_every_lost_packet_is_counted(self, pair: topology.Pair) -> None:
        before = pair.link.stats()["to_right"]["drops"]["loss"]
        with Stream(pair.client, pair.server, pair.server_v6, rate=1000) as stream:
            begin = time.monotonic()
            pair.link.set("loss=10%", Direction.UP)
            time.sleep(1)
            pair.link.set("loss=0", Direction.UP)
            time.sleep(0.1)
            dropped = pair.link.stats()["to_right"]["drops"]["loss"] - before
            end = time.monotonic()
            time.sleep(0.3)
            watched = stream.watched(begin - 0.1, end)
        assert dropped - _OTHERS <= watched.lost <= dropped
        assert watched.lost > 50

    def test_duplicates_are_counted_and_hide_nothing(self, pair: topology.Pair) -> None:
        before = pair.link.stats()["to_right"]
        pair.link.set("duplicate=50%,loss=5%", Direction.UP)
        with Stream(pair.client, pair.server, pair.server_v4, rate=1000) as stream:
            begin = time.monotonic()
            time.sleep(0.7)
            pair.link.set("duplicate=0,loss=0", Direction.UP)
            time.sleep(0.3)
            end = time.monotonic() - 0.2
            watched = stream.watched(0, end)
        after = pair.link.stats()["to_right"]
        lost = after["drops"]["loss"] - before["drops"]["loss"]
        duplicated = after["duplicated"] - before["duplicated"]
        assert begin < end
        assert lost - _OTHERS <= watched.lost <= lost
        assert duplicated - _OTHERS <= watched.duplicates <= duplicated
        assert watched.lost > 10
        assert watched.duplicates > 100

    @pytest.mark.parametrize("outage", [0.1, 0.4])
    def test_a_gap_has_its_length(self, pair: topology.Pair, outage: float) -> None:
        pair.link.set("delay=10ms")
        with Stream(pair.client, pair.server, pair.server_v4) as stream:
            time.sleep(0.2)
            cut = time.monotonic()
            pair.link.cut()
            time.sleep(outage)
            pair.link.heal()
            healed = time.monotonic()
            time.sleep(0.4)
            watched = stream.watched(cut - 0.1, healed + 0.2)
        # What was on its way when the link was cut is lost as well, and the first after that takes its time.
        assert healed - cut - 0.005 <= watched.longest_gap <= healed - cut + 0.1
        assert 200 * (healed - cut) - 1 <= watched.lost <= 200 * (healed - cut + 0.1)

    def test_a_link_that_never_comes_back(self, pair: topology.Pair) -> None:
        with Stream(pair.client, pair.server, pair.server_v4) as stream:
            time.sleep(0.2)
            pair.link.cut()
            cut = time.monotonic()
            time.sleep(0.5)
            watched = stream.watched(cut - 0.1, cut + 0.4)
            nothing = stream.watched(cut + 0.1, cut + 0.4)
        assert 0.39 <= watched.longest_gap <= 0.5
        assert watched.lost >= 80
        assert (nothing.lost, nothing.sent) == (60, 60)
        assert nothing.longest_gap == pytest.approx(0.3)

    def test_its_rate(self, pair: topology.Pair) -> None:
        with Stream(pair.client, pair.server, pair.server_v4, rate=5000, size=1250) as stream:
            begin = time.monotonic()
            time.sleep(1)
            assert stream.rates().mbps(begin, begin + 0.8) == pytest.approx(50, rel=0.1)


class TestBulk:
    @pytest.mark.parametrize(("flows", "congestion"), [(1, "cubic"), (4, "cubic"), (1, "reno")])
    def test_it_fills_a_link(self, pair: topology.Pair, flows: int, congestion: str) -> None:
        pair.link.set(f"rate={MBPS}mbit,delay=5ms,queue=50k")
        with Bulk(pair.client, pair.server, pair.server_v4, flows, congestion) as bulk:
            used = pair.client.run("ss -Hti dport = :7200").stdout
            assert used.count(f" {congestion} ") == flows
            begin = time.monotonic() + 1
            time.sleep(3)
            assert 0.85 * GOODPUT < bulk.rates().mbps(begin, begin + 2) < 1.01 * GOODPUT
            assert not bulk.broken()

    def test_it_agrees_with_iperf3(self, pair: topology.Pair) -> None:
        pair.link.set(f"rate={MBPS}mbit,delay=2ms,queue=100k")
        with Bulk(pair.client, pair.server, pair.server_v6) as bulk:
            begin = time.monotonic() + 1
            time.sleep(3.5)
            ours = bulk.rates().mbps(begin, begin + 2.4)
        with pair.server.iperf3_server():
            theirs = pair.client.iperf3(pair.server_v6, seconds=3, congestion="cubic").mbps
        assert ours == pytest.approx(theirs, rel=0.1)

    def test_when_a_rate_comes_back(self, pair: topology.Pair) -> None:
        pair.link.set(f"rate={MBPS}mbit,delay=2ms,queue=50k")
        with Bulk(pair.client, pair.server, pair.server_v4) as bulk:
            time.sleep(1.5)
            slow = time.monotonic()
            pair.link.set("rate=10mbit")
            time.sleep(1.5)
            fast = time.monotonic()
            pair.link.set(f"rate={MBPS}mbit")

            def back() -> float | None:
                return bulk.rates().reaches(0.9 * GOODPUT, slow + 0.5, time.monotonic() - 0.1)

            found = wait_until(back, 20, "the old rate is reached again")
            assert found >= fast - slow - 0.5 - 0.1
            assert bulk.rates().mbps(slow + 0.5, fast) < 12

    def test_a_connection_that_is_reset_is_told(self, pair: topology.Pair) -> None:
        pair.link.set(f"rate={MBPS}mbit,delay=2ms")
        with Bulk(pair.client, pair.server, pair.server_v4, flows=2) as bulk:
            assert not bulk.broken()
            # As a middlebox does that has forgotten the connections.
            pair.client.run(["nft", "-f", "-"], text="""
                table inet middlebox {
                    chain out {
                        type filter hook output priority 0
                        tcp dport 7200 reject with tcp reset
                    }
                }""")
            try:
                wait_until(lambda: len(bulk.broken()) >= 2, 10, "both are reset")
            finally:
                pair.client.run("nft delete table inet middlebox")

    def test_what_is_stopped_leaves_the_link_alone(self, pair: topology.Pair) -> None:
        pair.link.set("rate=1mbit,delay=2ms")
        with Bulk(pair.client, pair.server, pair.server_v4) as bulk:
            time.sleep(1)
        wait_until(lambda: pair.link.stats()["to_right"]["queue_bytes"] == 0, 5, "the queue of 32 KiB has left")
        time.sleep(0.1)
        before = pair.link.stats()["to_right"]["sent"]["packets"]
        time.sleep(0.5)
        assert pair.link.stats()["to_right"]["sent"]["packets"] - before < 10
        with pytest.raises(RuntimeError, match="have been ended"):
            bulk.broken()
