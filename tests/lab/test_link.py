"""What the emulator does to real packets."""

from __future__ import annotations

import pytest
from numbered import send

from lab import Direction, Lab, Link, LinkSpec, Node, programs
from lab.topology import Pair


def up(pair: Pair, count: int, size: int = 100, gap: float = 0.0) -> list[int]:
    return send(pair.client, pair.server, pair.server_v4, count, size, gap).numbers


def down(pair: Pair, count: int) -> list[int]:
    return send(pair.server, pair.client, pair.client_v4, count).numbers


def drops(pair: Pair, reason: str) -> int:
    return pair.link.stats()["to_right"]["drops"][reason]


def test_delay_is_the_sum_of_both_directions(pair: Pair) -> None:
    pair.link.set("delay=15ms", Direction.UP)
    pair.link.set("delay=25ms", Direction.DOWN)
    for address in (pair.server_v4, pair.server_v6):
        ping = pair.client.ping(address)
        assert min(ping.rtts_ms) >= 40
        assert ping.rtt_ms < 55


def test_jitter_varies_the_delay(pair: Pair) -> None:
    pair.link.set("delay=20ms,jitter=10ms", Direction.UP)
    rtts = pair.client.ping(pair.server_v4, count=30).rtts_ms
    assert min(rtts) >= 10
    assert max(rtts) - min(rtts) > 5


def test_every_loss_is_counted_and_the_share_is_right(pair: Pair) -> None:
    before = drops(pair, "loss")
    pair.link.set("loss=20%", Direction.UP)
    missing = 2000 - len(up(pair, 2000))
    assert abs(missing - 400) < 100  # more than five standard deviations
    assert 0 <= drops(pair, "loss") - before - missing <= 2  # ARP may have lost one too
    assert len(down(pair, 200)) == 200


def test_bursts_take_neighbours(pair: Pair) -> None:
    pair.link.set("gilbert=2%:20%", Direction.UP)
    lost = sorted(set(range(2000)) - set(up(pair, 2000)))
    neighbours = sum(1 for number in lost if number + 1 in lost)
    assert lost
    assert neighbours / len(lost) > 0.6  # 0.8 expected; independent loss of that share would have 0.09


def test_rate_bounds_throughput(pair: Pair) -> None:
    pair.link.set("rate=10mbit,queue=64k", Direction.UP)
    with pair.server.iperf3_server():
        result = pair.client.iperf3(pair.server_v4, seconds=2, udp="30M", options=["-l", "1400"])
    assert 8 < result.mbps < 10.5
    assert 0.55 < result.lost < 0.75


def test_queue_drops_its_tail(pair: Pair) -> None:
    before = drops(pair, "queue")
    pair.link.set("rate=200kbit,queue=20k", Direction.UP)
    # A frame has 1042 bytes and takes 42 ms; 19 of them fit. What leaves meanwhile makes room for a few more.
    arrived = up(pair, 60, size=1000)
    assert arrived == sorted(arrived)
    assert arrived[:19] == list(range(19))
    assert 19 <= len(arrived) < 30
    assert drops(pair, "queue") - before == 60 - len(arrived)


def test_trace_paces_packets(pair: Pair) -> None:
    trace = pair.client.write_file("slow.trace", "".join(f"{ms}\n" for ms in range(10, 1001, 10)))
    pair.link.set(f"trace={trace},queue=1m", Direction.UP)
    received = send(pair.client, pair.server, pair.server_v4, 40, size=1400)
    assert received.numbers == list(range(40))
    assert 0.3 < received.seconds < 0.8  # 39 times 10 ms


def test_a_cut_is_silent_and_heals(pair: Pair) -> None:
    assert up(pair, 20) == list(range(20))
    pair.link.cut()
    assert up(pair, 20) == []
    assert down(pair, 20) == []
    assert pair.link.stats()["to_left"]["cut"]
    pair.link.heal()
    assert up(pair, 20) == list(range(20))
    assert down(pair, 20) == list(range(20))


@pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN])
def test_a_one_way_black_hole_leaves_the_other_way(pair: Pair, direction: Direction) -> None:
    pair.client.ping(pair.server_v4, count=1)  # both know each other's MAC address
    pair.link.cut(direction)
    assert len(up(pair, 20)) == (0 if direction is Direction.UP else 20)
    assert len(down(pair, 20)) == (0 if direction is Direction.DOWN else 20)


def test_a_lost_carrier_is_seen_and_comes_back(pair: Pair) -> None:
    pair.link.carrier(up=False)
    assert "NO-CARRIER" in pair.client.ip("link show dev wan")
    assert pair.client.ping(pair.server_v4, count=2, patience=0.1).received == 0
    pair.link.carrier(up=True)
    assert "NO-CARRIER" not in pair.client.ip("link show dev wan")
    assert pair.client.ping(pair.server_v4, count=5, patience=3).received > 0


def test_duplicates_arrive(pair: Pair) -> None:
    pair.link.set("duplicate=100%", Direction.UP)
    assert sorted(up(pair, 50)) == sorted([*range(50), *range(50)])


def test_reordering_moves_packets_and_loses_none(pair: Pair) -> None:
    pair.link.set("delay=5ms,reorder=20%,reorder-delay=10ms", Direction.UP)
    arrived = up(pair, 300, gap=0.001)
    assert arrived != sorted(arrived)
    assert sorted(arrived) == list(range(300))


def test_large_packets_vanish_without_a_word(pair: Pair) -> None:
    pair.link.set("mtu=1400", Direction.UP)
    for address, header in ((pair.server_v4, 28), (pair.server_v6, 48)):
        assert pair.client.ping(address, count=3, size=1400 - header, options=["-M", "do"]).received == 3
        assert pair.client.ping(address, count=3, size=1401 - header, options=["-M", "do"], patience=0.3).received == 0
    assert "mtu 1500" in pair.client.ip("link show dev wan")
    assert pair.client.ip("route show cache") == "", "nobody has told the kernel of a smaller MTU"


def test_lateness_is_reported(pair: Pair) -> None:
    pair.client.ping(pair.server_v4, count=20)
    for direction in pair.link.stats().values():
        late = direction["lateness_us"]
        assert 0 < late["p50"] <= late["p99"] <= late["max"]
        assert late["p50"] < 2000


def test_a_wrong_parameter_is_refused_and_changes_nothing(pair: Pair) -> None:
    with pytest.raises(ValueError, match='loss: "x" is not a quantity'):
        pair.link.set("delay=300ms,loss=x")
    assert pair.client.ping(pair.server_v4, count=3).rtt_ms < 300


def survivors(seed: int) -> list[int]:
    """Which of 400 datagrams come through. Nothing else is on this link, or the count of packets would be another."""
    with Lab() as lab:
        ends = [lab.node("a"), lab.node("b")]
        for end in ends:
            end.sysctl({"net.ipv6.conf.default.disable_ipv6": "1"})
        Link(lab, "x", (ends[0], "x"), (ends[1], "x"), LinkSpec("loss=30%,gilbert=2%:20%", "", seed=seed))
        macs = [end.run("cat /sys/class/net/x/address").stdout.strip() for end in ends]
        for number, end in enumerate(ends):
            end.add_addresses("x", f"10.0.0.{number + 1}/24")
            end.ip(f"neigh replace 10.0.0.{2 - number} lladdr {macs[1 - number]} nud permanent dev x")
        return send(ends[0], ends[1], "10.0.0.2", 400).numbers


def test_one_seed_drops_the_same_packets() -> None:
    first = survivors(seed=5)
    assert 200 < len(first) < 350
    assert survivors(seed=5) == first
    assert survivors(seed=6) != first


def test_the_command_line_talks_to_a_running_emulator(pair: Pair) -> None:
    control = str(pair.link.control)
    ctl = [programs.linkem(), "ctl", control]
    node: Node = pair.client
    assert node.run([*ctl, "set", "to-right", "loss=100%"]).stdout == "ok\n"
    assert up(pair, 5) == []
    wrong = node.run([*ctl, "mend"], check=False)
    assert (wrong.returncode, wrong.stdout) == (1, 'error: "mend" is none of cut, heal, set, stats\n')
    assert node.run([programs.linkem()], check=False).returncode == 2


def test_statistics_are_printed_at_the_end() -> None:
    with Lab() as lab:
        link = Link(lab, "x", (lab.node("a"), "x"), (lab.node("b"), "x"), LinkSpec.both("delay=1ms"))
        assert set(link.stop()) == {"to_right", "to_left"}
