"""One tunnel over two links: what happens to the links must not be seen by what is inside.

                        +-- wan1 ---- link ---------- wan1 --+
    box (10.200.15.1) ----                                   ---- server (10.200.15.254)
             mp         +-- wan2 ---- link - NAT ---- wan2 --+             mp
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab import Direction, Link, LinkSpec, topology
from lab.bulk import Bulk
from lab.stream import Stream
from nodes import (
    INNER_CLIENT_V4, INNER_SERVER_V4, PORT, Mpquic, Testbed, client_configuration, patience, sanitized,
    server_configuration, until,
)  # fmt: skip
from traffic import exchange_tcp, exchange_udp

MBPS = 20
"""Of each link."""
PER_SECOND = 50


@dataclass
class Bundle:
    net: topology.Box
    server: Mpquic
    client: Mpquic
    configuration: dict[str, Any] = field(default_factory=dict)
    """The client's."""

    def link(self, number: int) -> Link:
        return self.net[f"wan{number}"].link

    def paths(self) -> set[str]:
        """The links that are up, as the client has it."""
        return {each["link"] for each in self.client.tunnel()["connections"] if each["state"] == "up"}

    def await_paths(self, *numbers: int, seconds: float = 10) -> None:
        """Exactly these. With all that there are, the server has no others either; nobody can tell it that one is
        gone whose link is dead."""
        wanted = {f"wan{number}" for number in numbers}
        until(lambda: self.paths() == wanted, seconds, f"the client has {wanted} and no other")
        if len(wanted) == len(self.net.wans):
            until(lambda: len(self.server.tunnel()["connections"]) == len(wanted), seconds, "so has the server")

    def up(self, link: int) -> int:
        """Bytes that have gone over it to the server."""
        return self.link(link).stats()["to_right"]["sent"]["bytes"]

    def bulk(self, flows: int = 1, down: bool = False) -> Bulk:
        return Bulk(*self._ends(down), flows=flows, port=7200 + down)

    def stream(self, rate: float = PER_SECOND, down: bool = False, size: int = 172) -> Stream:
        return Stream(*self._ends(down), rate=rate, size=size)

    def _ends(self, down: bool) -> tuple[Any, Any, str]:
        ends = (self.net.box, self.net.server)
        return (*reversed(ends), INNER_CLIENT_V4) if down else (*ends, INNER_SERVER_V4)


def build(
    testbed: Testbed, links: Any = ("wan1", "wan2"), start: bool = True, wan_mtu: int = 1500, **client: Any
) -> Bundle:
    """`links`, as the tunnel has them; `client`: more of the tunnel, as its policy."""
    link = f"delay=5ms,rate={MBPS}mbit,queue=50k" + (f",mtu={wan_mtu}" if wan_mtu < 1500 else "")
    net = topology.box(testbed.lab, [LinkSpec.both(link), LinkSpec(link, link, nat=True)])
    server = testbed.run(net.server, server_configuration(
        testbed.authority, {"mp": [f"{INNER_SERVER_V4}/24"]}, {"box1": [INNER_CLIENT_V4]}, listen=f"0.0.0.0:{PORT}"
    ))  # fmt: skip
    tunnel = {"links": links if isinstance(links, dict) else list(links), "address": f"{INNER_CLIENT_V4}/24", **client}
    configuration = client_configuration(
        testbed.authority, "box1", f"{topology.SERVER_V4}:{PORT}", {"mp": tunnel}, interfaces=["wan1", "wan2"], alpn="h3"
    )
    bundle = Bundle(net, server, testbed.add(net.box, configuration), configuration)
    if start:
        bundle.client.start()
        bundle.await_paths(1, 2)
    return bundle


class Flow:
    """TCP in both directions that must go on, whatever happens."""

    def __init__(self, bundle: Bundle) -> None:
        self._flows = [bundle.bulk(down=down) for down in (False, True)]
        self.goes_on()

    def stop(self) -> None:
        for flow in self._flows:
            flow.stop()

    def goes_on(self, seconds: float = 8) -> None:
        """Either direction has something in each tenth of half a second that begins now or later."""
        begin = time.monotonic()
        for flow in self._flows:

            def flows(each: Bulk = flow) -> bool:
                assert not each.broken(), each.broken()
                now = time.monotonic()
                return now > begin + 0.6 and all(
                    each.rates().mbps(now - tenth / 10, now - tenth / 10 + 0.1) > 0 for tenth in range(2, 7)
                )

            until(flows, seconds, "TCP goes on")


@contextmanager
def flowing(bundle: Bundle) -> Iterator[Flow]:
    flow = Flow(bundle)
    try:
        yield flow
    finally:
        flow.stop()


@dataclass(frozen=True)
class Trouble:
    """With a link, and how it ends."""

    begin: Callable[[Link], None]
    end: Callable[[Link], None]


TROUBLES = {
    "pulled": Trouble(lambda link: link.carrier(up=False), lambda link: link.carrier(up=True)),
    "black hole": Trouble(lambda link: link.cut(), lambda link: link.heal()),
    "black hole up": Trouble(lambda link: link.cut(Direction.UP), lambda link: link.heal()),
    "black hole down": Trouble(lambda link: link.cut(Direction.DOWN), lambda link: link.heal()),
}


class TestTcpSurvives:
    @pytest.mark.threads
    @pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
    def test_each_link_in_turn(self, testbed: Testbed, trouble: Trouble) -> None:
        """Each is the only one that is left, then the first to be gone."""
        bundle = build(testbed)
        with flowing(bundle) as flow:
            for number in (1, 2, 1):
                trouble.begin(bundle.link(number))
                flow.goes_on()
                trouble.end(bundle.link(number))
                bundle.await_paths(1, 2)
                flow.goes_on()

    def test_the_path_that_opened_the_session_never_comes_back(self, testbed: Testbed) -> None:
        bundle = build(testbed, start=False)
        bundle.link(2).carrier(up=False)
        bundle.client.start()
        bundle.await_paths(1)
        with flowing(bundle) as flow:
            bundle.link(2).carrier(up=True)
            bundle.await_paths(1, 2)
            bundle.link(1).carrier(up=False)
            bundle.await_paths(2)
            flow.goes_on()

    def test_a_nat_that_forgets(self, testbed: Testbed) -> None:
        bundle = build(testbed)
        nat = bundle.net["wan2"].nat
        assert nat is not None

        def seen_ports() -> list[int]:
            connections = bundle.server.tunnel()["connections"]
            return [int(each["remote_address"].rpartition(":")[2]) for each in connections]

        with flowing(bundle) as flow:
            for _ in range(3):
                nat.rebind()
                until(lambda: any(nat.ports[0] <= port <= nat.ports[1] for port in seen_ports()), 8, "a new port is seen")
                flow.goes_on()
            assert len(seen_ports()) == 2

    def test_a_changed_address(self, testbed: Testbed) -> None:
        bundle = build(testbed)
        with flowing(bundle) as flow:
            for old, new in ((2, 3), (3, 2)):
                bundle.net.box.ip(f"rule add priority 20009 from 10.60.1.{new} lookup 1001")
                bundle.net.box.ip(f"address del 10.60.1.{old}/24 dev wan1")
                bundle.net.box.ip(f"address add 10.60.1.{new}/24 dev wan1")
                for table in ("", "table 1001"):
                    bundle.net.box.ip(f"route replace default via 10.60.1.1 dev wan1 metric 101 {table}")
                until(lambda: f"10.60.1.{new}:" in str(bundle.server.tunnel()["connections"]), 8)  # noqa: B023
                bundle.await_paths(1, 2)
                flow.goes_on()

    @pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN], ids=["up", "down"])
    def test_a_link_that_was_dead_one_way_for_long_is_soon_back(self, testbed: Testbed, direction: Direction) -> None:
        """QUIC's own timers would have backed off as long as it was gone."""
        bundle = build(testbed)
        bundle.link(1).cut(direction)
        time.sleep(9)
        bundle.link(1).heal(direction)

        def works() -> bool:
            ends = (bundle.client, bundle.server)
            return all(paths_by_link(end).get("wan1", {}).get("health") == "works" for end in ends)

        until(works, 2, "both ends use it")

    def test_the_server_is_told_of_a_link_that_the_box_has_lost(self, testbed: Testbed) -> None:
        """Metered links are mostly idle: by silence it would find out after up to ten seconds."""
        bundle = build(testbed, start=False)
        for number in (1, 2):
            bundle.configuration["links"][f"wan{number}"]["metered"] = True
        bundle.client.write(bundle.configuration)
        bundle.client.start()
        bundle.await_paths(1, 2)

        def is_now(health: str) -> bool:
            return paths_by_link(bundle.server)["wan1"]["health"] == health

        until(lambda: is_now("works"), 5, "the server uses wan1")
        time.sleep(1)
        bundle.link(1).carrier(up=False)
        until(lambda: is_now("silent"), 1, "the server does not use it any more")
        bundle.link(1).carrier(up=True)
        until(lambda: is_now("works"), 5, "the server uses it again")

    def test_links_of_1280_carry_1280(self, testbed: Testbed) -> None:
        """RFC 9484, 7.2.1: as without a session, over the streams of its paths, since no datagram has room for it."""
        bundle = build(testbed, wan_mtu=1280)
        for node, target in ((bundle.net.box, INNER_SERVER_V4), (bundle.net.server, INNER_CLIENT_V4)):
            for link in (1, 2):
                pings = node.ping(target, count=10, interval=0.1, size=1280 - 28, patience=5, options=["-M", "do"])
                assert pings.loss == 0, pings
                bundle.link(link).cut()
                time.sleep(0.2)
                pings = node.ping(target, count=10, interval=0.1, size=1280 - 28, patience=5, options=["-M", "do"])
                assert pings.loss <= 0.2, "of what is on the stream of a path that dies: a question, and an answer"
                bundle.link(link).heal()
                bundle.await_paths(1, 2)
        assert not bundle.client.drops().get("too_big") and not bundle.server.drops().get("too_big")

    def test_both_links_are_gone_for_a_moment(self, testbed: Testbed) -> None:
        bundle = build(testbed)
        with flowing(bundle) as flow:
            for number in (1, 2):
                bundle.link(number).cut()
            time.sleep(0.5)
            for number in (2, 1):
                bundle.link(number).heal()
            bundle.await_paths(1, 2)
            flow.goes_on(15)  # TCP may have backed off


class TestPolicies:
    def test_bonded_carries_more_than_one_link_can(self, testbed: Testbed) -> None:
        bundle = build(testbed, policy="bonded")
        with bundle.bulk() as bulk:
            begin = time.monotonic()
            # A single flow, and what no link takes by itself, for two seconds.
            until(lambda: bulk.rates().reaches(1.2 * MBPS, begin, time.monotonic(), over=2) is not None, 20, "it is faster")

    def test_bonded_works_both_ways(self, testbed: Testbed) -> None:
        bundle = build(testbed, policy="bonded")
        with bundle.bulk(down=True) as bulk:
            begin = time.monotonic()
            until(lambda: bulk.rates().reaches(1.2 * MBPS, begin, time.monotonic(), over=2) is not None, 20, "it is faster")

    def test_balanced_uses_both_links(self, testbed: Testbed) -> None:
        bundle = build(testbed, policy="balanced")
        before = {number: bundle.up(number) for number in (1, 2)}
        with bundle.bulk(flows=8):
            until(lambda: all(bundle.up(number) - before[number] > 1_000_000 for number in (1, 2)), 15, "both carry")

    @pytest.mark.parametrize("down", [False, True])
    def test_redundant_loses_nothing_with_a_dead_link(self, testbed: Testbed, down: bool) -> None:
        bundle = build(testbed, policy="redundant")
        with bundle.stream(down=down) as stream:
            begin = time.monotonic()
            for number in (1, 2):
                time.sleep(0.5)
                bundle.link(number).cut()
                time.sleep(1)
                bundle.link(number).heal()
                bundle.await_paths(1, 2)
            end = time.monotonic()
            time.sleep(0.5)
            watched = stream.watched(begin, end)
        assert (watched.lost, watched.duplicates) == (0, 0), watched

    def test_redundant_sends_everything_twice(self, testbed: Testbed) -> None:
        bundle = build(testbed, policy="redundant")
        before = [bundle.link(number).stats()["to_right"]["sent"]["packets"] for number in (1, 2)]
        with bundle.stream() as stream:
            begin = time.monotonic()
            time.sleep(2)
            end = time.monotonic()
            time.sleep(0.5)
            watched = stream.watched(begin, end)
            after = [bundle.link(number).stats()["to_right"]["sent"]["packets"] for number in (1, 2)]
        assert (watched.lost, watched.duplicates) == (0, 0)
        assert all(now - then >= watched.sent for now, then in zip(after, before, strict=True))

    @pytest.mark.parametrize("policy", ["failover", "balanced", "bonded", "redundant"])
    def test_what_is_metered_is_used_when_it_must_be(self, testbed: Testbed, policy: str) -> None:
        bundle = build(testbed, start=False, policy=policy)
        bundle.configuration["links"]["wan1"]["metered"] = True
        bundle.client.write(bundle.configuration)
        bundle.client.start()
        bundle.await_paths(1, 2)
        with bundle.stream() as stream:
            begin = time.monotonic()

            def spared() -> bool:
                before = bundle.up(1)
                time.sleep(1)
                return bundle.up(1) - before < 10_000

            until(spared, 4, "only probes go over it")  # whichever link was first, for failover the other must be steady
            before = bundle.up(1)
            bundle.link(2).carrier(up=False)
            bundle.await_paths(1)
            end = time.monotonic()
            time.sleep(1)
            assert bundle.up(1) - before > 10_000
            assert stream.watched(end, end + 0.5).lost == 0
            assert stream.watched(begin, end).lost == 0

    def test_failover_prefers_the_best_priority(self, testbed: Testbed) -> None:
        bundle = build(testbed, {"wan1": {"priority": 2}, "wan2": {"priority": 1}}, policy="failover")
        with bundle.stream() as stream:
            for carrier, used, idle in ((True, 2, 1), (False, 1, 2), (True, 2, 1)):
                bundle.link(2).carrier(up=carrier)
                bundle.await_paths(*((1, 2) if carrier else (1,)))

                def moved(used: int = used, idle: int = idle) -> bool:
                    before = {number: bundle.up(number) for number in (used, idle)}
                    time.sleep(0.3)
                    return bundle.up(used) - before[used] > 10 * (bundle.up(idle) - before[idle])

                until(moved, 5, f"wan{used} is in use, wan{idle} is not")
            end = time.monotonic()
            time.sleep(0.5)
            assert stream.watched(0, end).lost == 0

    def test_another_policy_as_it_runs(self, testbed: Testbed) -> None:
        bundle = build(testbed, policy="failover")
        with bundle.stream() as stream:
            bundle.configuration["tunnels"]["mp"]["policy"] = "redundant"
            assert bundle.client.reload(bundle.configuration)

            def copied() -> bool:
                before = [bundle.up(number) for number in (1, 2)]
                time.sleep(0.3)
                return all(bundle.up(number) - then > 1000 for number, then in zip((1, 2), before, strict=True))

            until(copied, 5, "copies go over both links")
            end = time.monotonic()
            time.sleep(0.5)
            assert stream.watched(0, end).lost == 0
        assert [each["reconnects"] for each in bundle.client.tunnel()["connections"]] == [0, 0]


class TestSessions:
    @pytest.mark.threads
    @pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
    def test_a_server_that_restarts(self, testbed: Testbed, clean: bool) -> None:
        bundle = build(testbed)
        with bundle.stream() as stream:
            for _ in range(2):
                if clean:
                    bundle.server.stop()
                else:
                    bundle.server.kill()
                bundle.server.start()
                bundle.await_paths(1, 2, seconds=15)

                def arrives(since: float) -> bool:
                    return stream.watched(since, time.monotonic() - 0.3).lost == 0

                begin = time.monotonic()
                time.sleep(0.5)
                until(lambda since=begin: arrives(since), 1, "all arrives again")

    def test_a_client_that_restarts(self, testbed: Testbed) -> None:
        """The server has the new session, and the one that was left is no obstacle."""
        bundle = build(testbed)
        for _ in range(2):
            bundle.client.kill()
            bundle.client.start()
            bundle.await_paths(1, 2)
            assert bundle.net.box.ping(INNER_SERVER_V4, count=5).loss == 0
            assert bundle.net.server.ping(INNER_CLIENT_V4, count=5).loss == 0

    @pytest.mark.threads
    def test_two_clients_with_sessions_of_their_own(self, testbed: Testbed) -> None:
        """Both over the same two links."""
        bundle = build(testbed, start=False)
        server = server_configuration(
            testbed.authority, {"mp": [f"{INNER_SERVER_V4}/24"]}, {"box1": [INNER_CLIENT_V4], "box2": ["10.200.15.2"]},
            listen=f"0.0.0.0:{PORT}",
        )  # fmt: skip
        assert bundle.server.reload(server)
        other = client_configuration(
            testbed.authority, "box2", f"{topology.SERVER_V4}:{PORT}",
            {"other": {"links": ["wan1", "wan2"], "address": "10.200.15.2/24"}}, interfaces=["wan1", "wan2"], alpn="h3",
        )  # fmt: skip
        bundle.client.start()
        second = testbed.run(bundle.net.box, other, "second")

        def all_there() -> bool:
            peers = sorted(each["peer"] for each in bundle.server.tunnel()["connections"])
            return peers == ["box1", "box1", "box2", "box2"]

        until(all_there, 10, "each has two paths")
        # Both have the same way to the server, so their answers are told apart by their source.
        bundle.net.box.ip("route add 10.200.15.0/24 dev other table 900")
        bundle.net.box.ip("rule add priority 9000 from 10.200.15.2 lookup 900")
        for source in (INNER_CLIENT_V4, "10.200.15.2"):
            assert bundle.net.server.ping(source, count=5).loss == 0
        second.stop()
        until(lambda: {each["peer"] for each in bundle.server.tunnel()["connections"]} == {"box1"}, 5, "box2 is gone")
        assert bundle.net.server.ping(INNER_CLIENT_V4, count=5).loss == 0

    def test_what_is_inside_stays_whole(self, testbed: Testbed) -> None:
        """Both links lose, delay unevenly, and one of them goes; nothing is changed, doubled or out of its place."""
        bundle = build(testbed)
        bundle.link(1).set("loss=2%,delay=20ms,jitter=5ms,jitter-hold=10ms")
        bundle.link(2).set("loss=1%,delay=3ms,duplicate=2%,reorder=2%,reorder-delay=4ms")
        box, server = bundle.net.box, bundle.net.server
        size = 300_000 if sanitized() else 3_000_000
        exchange_tcp(box, server, INNER_SERVER_V4, size, seconds=60)
        bundle.link(1).cut()
        exchange_tcp(server, box, INNER_CLIENT_V4, size // 4, seconds=60)
        bundle.link(1).heal()
        for number in (1, 2):
            bundle.link(number).set("loss=0,duplicate=0,reorder=0")
        bundle.await_paths(1, 2)
        exchange_udp(box, server, INNER_SERVER_V4, 1, 1200)

    def test_a_path_that_joins_does_not_make_packets_smaller(self, testbed: Testbed) -> None:
        """It does not know yet how much it carries; the other one does. The stream needs both."""
        bundle = build(testbed)
        until(lambda: bundle.client.tunnel()["mtu"] > 1400, 10, "path MTU discovery is done")
        with bundle.stream(rate=2000, size=1372) as stream:
            for _ in range(3):
                bundle.link(1).carrier(up=False)
                bundle.await_paths(2)
                bundle.link(1).carrier(up=True)
                bundle.await_paths(1, 2)
                time.sleep(0.3)
            assert bundle.client.tunnel()["mtu"] > 1400
            assert " mtu " not in bundle.net.box.ip(f"route get {INNER_SERVER_V4}"), "somebody was told of a smaller size"
            assert bundle.client.drops().get("too_big", 0) == 0

            def all_arrives() -> bool:
                now = time.monotonic()
                return stream.watched(now - 1.0, now - 0.5).lost == 0

            until(all_arrives, 8, "both links carry it")

    def test_the_status_tells_the_links_apart(self, testbed: Testbed) -> None:
        bundle = build(testbed)
        assert bundle.net.box.ping(INNER_SERVER_V4, count=5).loss == 0
        connections = {each["link"]: each for each in bundle.client.tunnel()["connections"]}
        assert {name: each["local_address"].rpartition(":")[0] for name, each in connections.items()} == {
            "wan1": "10.60.1.2", "wan2": "100.64.2.2"
        }  # fmt: skip
        assert all(each["rtt_us"] > 8000 for each in connections.values())
        bundle.link(1).carrier(up=False)
        until(lambda: bundle.paths() == {"wan2"}, 5, "one is left")
        assert bundle.client.tunnel()["state"] == "up"
        (gone,) = (each for each in bundle.client.tunnel()["connections"] if each["link"] == "wan1")
        assert (gone["state"], gone["detail"], gone["remote_address"]) == ("waiting for link", "no carrier", "")
        bundle.link(2).carrier(up=False)
        until(lambda: bundle.client.tunnel()["state"] == "waiting for link", patience(3), "none is left")
        assert bundle.client.tunnel()["sessions"] == []

    def test_the_status_says_what_each_path_is_good_for(self, testbed: Testbed) -> None:
        """At both ends, which need not agree: each decides about its own direction."""
        bundle = build(testbed, {"wan1": {"priority": 1}, "wan2": {"priority": 2, "weight": 3}}, policy="failover")
        before = bundle.client.tunnel()
        assert bundle.net.box.ping(INNER_SERVER_V4, count=5).loss == 0
        for end in (bundle.client, bundle.server):
            tunnel = end.tunnel()
            (session,) = tunnel["sessions"]
            assert session["policy"] == "failover"
            assert {each["session"] for each in tunnel["connections"]} == {session["id"]}
            used, standby = (paths_by_link(end)[name] for name in ("wan1", "wan2"))
            assert (used["priority"], used["weight"], used["in_use"], used["health"]) == (1, 1, True, "works")
            assert (standby["priority"], standby["weight"], standby["in_use"]) == (2, 3, False)
            until(lambda end=end: paths_by_link(end)["wan2"]["probes"] > 0, 5, "the standby is probed")
        answers = bundle.client.tunnel()["rx_packets"] - before["rx_packets"]
        assert answers == 5, "probes are no packets"
        bundle.link(1).cut()
        for end in (bundle.client, bundle.server):

            def moved(end: Mpquic = end) -> bool:
                dead, used = (paths_by_link(end).get(name) for name in ("wan1", "wan2"))
                return used is not None and used["in_use"] and (dead is None or dead["health"] == "silent")

            until(moved, 5, "wan2 is in use, wan1 is silent")
        assert bundle.net.box.ping(INNER_SERVER_V4, count=3).loss == 0


def paths_by_link(end: Mpquic) -> dict[str, dict[str, Any]]:
    return {each["link"]: each["path"] for each in end.tunnel()["connections"] if "path" in each}
