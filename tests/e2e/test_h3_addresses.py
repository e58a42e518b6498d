"""Addresses that the server hands out: to whom, which, and for how long.

    box1, box2, box3 ---- wire ---- server
      cr                              mt
"""

from __future__ import annotations

import ipaddress
import json
import signal
from pathlib import Path

from lab import topology
from native import Counter, Street, answers, connection_of, given, names, native_client, native_server, reaches
from nodes import INNER_SERVER_V4, INNER_SERVER_V6, PORT, Mpquic, Testbed, until


def lease_file(server: Mpquic) -> Path:
    return server.node.directory / "server.leases"


def wait_for_leases(server: Mpquic, *addresses: str) -> None:
    def written() -> bool:
        return lease_file(server).exists() and all(each in lease_file(server).read_text() for each in addresses)

    until(written, 3, "the leases are on disk")


def test_a_client_has_nothing_in_its_file_and_both_ip_versions_work(testbed: Testbed) -> None:
    net = topology.pair(testbed.lab)
    server = testbed.run(net.server, native_server(testbed.authority, {"box1": {}}))
    client = testbed.run(net.client, native_client(testbed.authority, "box1", f"{net.server_v4}:{PORT}"))
    client.wait_until_up()
    v4, v6 = given(client)
    assert ipaddress.ip_address(v4) in ipaddress.ip_network("10.200.15.0/24") and v4 != INNER_SERVER_V4
    assert ipaddress.ip_address(v6) in ipaddress.ip_network("fd00:200:15::/64") and v6 != INNER_SERVER_V6
    assert reaches(net.client, INNER_SERVER_V4, INNER_SERVER_V6)
    assert reaches(net.server, v4, v6)
    assert client.tunnel()["addresses"] == net.client.addresses("cr")
    assert {route["prefix"] for route in server.tunnel()["routes"]} == {f"{v4}/32", f"{v6}/128"}


class TestTheSame:
    """Each client has the addresses that it has had, whichever comes first."""

    def two(self, testbed: Testbed) -> tuple[Street, Mpquic, list[Mpquic]]:
        street = Street(testbed, 2)
        server = street.serve({"box1": {}, "box2": {}})
        return street, server, [street.join(1), street.join(2)]

    def test_after_they_come_back_in_another_order(self, testbed: Testbed) -> None:
        _, server, clients = self.two(testbed)
        before = [given(client) for client in clients]
        assert not set(before[0]) & set(before[1])
        for client in clients:
            client.stop()
        until(lambda: not server.tunnel()["connections"], 2, "both are gone")
        for client in reversed(clients):
            client.start().wait_until_up()
        assert [given(client) for client in clients] == before

    def test_after_a_restart_of_the_server(self, testbed: Testbed) -> None:
        _, server, clients = self.two(testbed)
        before = [given(client) for client in clients]
        clients[0].stop()
        server.stop()
        assert all(address in lease_file(server).read_text() for each in before for address in each)
        server.start()
        clients[1].wait_until_up()
        clients[0].start().wait_until_up()
        assert [given(client) for client in clients] == before

    def test_after_the_server_was_killed(self, testbed: Testbed) -> None:
        _, server, clients = self.two(testbed)
        before = [given(client) for client in clients]
        wait_for_leases(server, *before[0], *before[1])
        clients[0].stop()
        server.kill()
        server.start()
        until(lambda: names(server.tunnel()["connections"]) == {"box2"}, 3, "box2 is back")
        clients[0].start().wait_until_up()
        assert [given(client) for client in clients] == before
        for client, addresses in zip(clients, before, strict=True):
            assert reaches(server.node, *addresses), client.name

    def test_for_a_client_that_was_killed_and_at_once(self, testbed: Testbed) -> None:
        _, server, (box1, _) = self.two(testbed)
        before = given(box1)
        for _ in range(3):
            box1.kill()
            box1.start().wait_until_up()
            assert given(box1) == before
            until(lambda: answers(server.node, before[0]), 1, "return traffic flows to the new process")
            until(lambda: len(server.tunnel()["connections"]) == 2, 1, "the old connection is gone")
            assert reaches(server.node, *before)


def test_who_is_replaced_receives_nothing_any_more(testbed: Testbed) -> None:
    """The same client in two places. The first is not dead, only stopped: its socket takes whatever the server sends."""
    street = Street(testbed, 2)
    server = street.serve({"site": {}}, workers=2)
    first = testbed.run(street.box(1), street.client_file("site"))
    first.wait_until_up()
    before = given(first)
    until(lambda: first.tunnel()["mtu"] > 1400, 5, "no more probes for the MTU")
    first.process.signal(signal.SIGSTOP)
    second = testbed.run(street.box(2), street.client_file("site"))
    second.wait_until_up()
    assert given(second) == before
    until(lambda: len(server.tunnel()["connections"]) == 1, 2, "the older connection is gone")
    assert connection_of(server, "site")["remote_address"].startswith("10.60.0.2:")
    large = [Counter(box, "large", f"udp sport {PORT} meta length > 500") for box in street.boxes]
    for address in before:
        assert server.node.ping(address, count=20, size=600, patience=2).received == 20
    assert [counter.packets for counter in large] == [0, large[1].packets] and large[1].packets >= 40
    # It learns of it, comes again, and is then itself the newer one.
    second.stop()
    first.process.signal(signal.SIGCONT)
    first.wait_for_log("a newer connection has this tunnel's addresses|has broken the tunnel off|does not answer")
    until(lambda: answers(server.node, before[0]), 6, "it is there again")


class TestFixed:
    def test_by_the_server(self, testbed: Testbed) -> None:
        street = Street(testbed, 2)
        street.serve({"box1": {"addresses": ["10.200.15.77", "fd00:200:15::77"]}, "box2": {"addresses": "10.200.15.1"}})
        assert given(street.join(1)) == ["10.200.15.77", "fd00:200:15::77"]
        v4, v6 = given(street.join(2))
        assert v4 == "10.200.15.1" and v6 != "fd00:200:15::77"
        assert reaches(street.server_node, "10.200.15.77", "fd00:200:15::77", v4, v6)

    def test_by_the_client(self, testbed: Testbed) -> None:
        street = Street(testbed, 2)
        server = street.serve({"box1": {}, "box2": {"addresses": "10.200.15.78"}})
        wanted = ["10.200.15.77/24", "fd00:200:15::77/64"]
        asking = street.join(1, {"cr": {"address": wanted}})
        assert street.box(1).addresses("cr") == wanted
        assert reaches(street.box(1), INNER_SERVER_V4, INNER_SERVER_V6)
        assert reaches(server.node, "10.200.15.77", "fd00:200:15::77")
        asking.stop()

        # What is another's it is not given, and both ends say so.
        other = street.join(2)
        greedy = testbed.run(street.box(1), street.client_file("box1", {"cr": {"address": "10.200.15.78/24"}}), "greedy")
        refusal = "the server does not let us be 10.200.15.78"
        until(lambda: greedy.tunnel()["detail"] == refusal, 3, "its status says why")
        assert greedy.tunnel()["state"] != "up"
        server.wait_for_log(f"mt: box1 at 10.60.0.1:.* {refusal}")
        assert reaches(other.node, INNER_SERVER_V4) and reaches(server.node, "10.200.15.78")
        assert other.tunnel()["connections"][0]["reconnects"] == 0


def test_a_pool_that_is_used_up(testbed: Testbed) -> None:
    street = Street(testbed, 3)
    server = street.serve({"box1": {}, "box2": {}, "box3": {}}, {"pool": "10.200.15.128/31", "address": "10.200.15.254/24"})
    box1, box2 = street.join(1), street.join(2)
    assert {*street.box(1).addresses("cr"), *street.box(2).addresses("cr")} == {"10.200.15.128/32", "10.200.15.129/32"}
    late = testbed.run(street.box(3), street.client_file("box3"))
    why = "tunnel mt has no IPv4 address left for box3: 2 are in use"
    until(lambda: why in late.tunnel()["detail"], 3, "its status says why")
    server.wait_for_log(rf"warning 10\.60\.0\.3:\d+: no tunnel: {why}")
    for client in (box1, box2):
        assert reaches(client.node, INNER_SERVER_V4)
        assert client.tunnel()["connections"][0]["reconnects"] == 0
    # Who leaves makes room for it.
    box1.stop()
    late.wait_until_up(seconds=8)
    assert late.node.addresses("cr") == ["10.200.15.128/32"]
    assert reaches(server.node, "10.200.15.128", "10.200.15.129")


def test_several_tunnels_of_one_client_in_one_of_the_server(testbed: Testbed) -> None:
    street = Street(testbed, 1)
    server = street.serve({"box1": {}})
    tunnels: dict[str, object] = {"cr": {}, "df": {}, "bk": {}}
    client = street.join(1, tunnels)
    before = {name: given(client, name) for name in tunnels}
    assert len({address for each in before.values() for address in each}) == 6
    assert len(server.tunnel()["connections"]) == 3
    for addresses in before.values():
        assert reaches(server.node, *addresses)
    # Each keeps its own, by its name.
    client.stop()
    client.write(street.client_file("box1", dict(reversed(tunnels.items()))))
    client.start().wait_until_up()
    assert {name: given(client, name) for name in tunnels} == before
    assert reaches(server.node, *(address for each in before.values() for address in each))
    assert json.loads(client.node.ip("-json address show dev df"))[0]["addr_info"][0]["prefixlen"] == 32
