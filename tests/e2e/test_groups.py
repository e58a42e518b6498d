"""Connections of mpquic-ip that register one address are a group, where the server's tunnel has a policy.

    box (mp, 10.200.15.1) ==+== wan1 ==+== server (mp, 10.200.15.254)
                            +== wan2 ==+
"""

from __future__ import annotations

import time

import pytest

from lab import LinkSpec, topology
from native import answers
from nodes import (
    INNER_CLIENT_V4, INNER_SERVER_V4, PORT, Mpquic, Testbed, client_configuration, server_configuration, until,
)  # fmt: skip


STEADY = 2.5
"""Seconds after which a path that was away is used as before."""


class Group:
    def __init__(self, testbed: Testbed, policy: str, workers: int = 1, links: int = 2) -> None:
        self.net = topology.box(testbed.lab, [LinkSpec.both("delay=5ms") for _ in range(links)])
        names = [wan.name for wan in self.net.wans]
        self.server = testbed.run(self.net.server, server_configuration(
            testbed.authority, {"mp": {"address": f"{INNER_SERVER_V4}/24", "policy": policy}},
            {"box1": [INNER_CLIENT_V4]}, listen=f"0.0.0.0:{PORT}", workers=workers,
        ))  # fmt: skip
        self.client: Mpquic = testbed.run(self.net.box, client_configuration(
            testbed.authority, "box1", f"{topology.SERVER_V4}:{PORT}",
            {"mp": {"links": names, "address": f"{INNER_CLIENT_V4}/24", "policy": policy}}, interfaces=names,
            alpn="mpquic-ip",
        ))  # fmt: skip
        self.all_up()

    def all_up(self) -> None:
        def up() -> bool:
            return all(
                [each["state"] for each in end.tunnel()["connections"]].count("up") >= len(self.net.wans)
                for end in (self.client, self.server)
            )

        until(up, 5, "each link has its connection")

    def goes_on(self) -> None:
        until(lambda: answers(self.net.box, INNER_SERVER_V4), 2, "the tunnel carries packets")
        ping = self.net.box.ping(INNER_SERVER_V4, count=20)
        assert ping.received == ping.sent


@pytest.mark.parametrize("policy", ["failover", "balanced"])
def test_a_group_outlives_each_of_its_links(testbed: Testbed, policy: str) -> None:
    group = Group(testbed, policy)
    group.goes_on()
    for wan in group.net.wans:
        wan.link.cut()
        group.goes_on()
        wan.link.heal()
        group.all_up()
        # The server learns of a dead link by silence only. Its idle path is probed each second: it would go back to one
        # that died just before.
        time.sleep(STEADY)
        wan.link.carrier(up=False)
        group.goes_on()
        wan.link.carrier(up=True)
        group.all_up()
    assert "newer connection" not in group.client.log


def test_a_group_is_on_one_worker_of_the_server(testbed: Testbed) -> None:
    group = Group(testbed, "failover", workers=2, links=6)
    group.goes_on()
    assert "newer connection" not in group.client.log


def test_what_a_killed_client_leaves_gets_nothing(testbed: Testbed) -> None:
    group = Group(testbed, "failover")
    for _ in range(3):
        group.client.kill()
        group.client.start()
        group.client.wait_until_up()
        group.goes_on()


def test_without_a_policy_the_newest_connection_has_the_address(testbed: Testbed) -> None:
    group = Group(testbed, "failover")
    file = server_configuration(
        testbed.authority, {"mp": [f"{INNER_SERVER_V4}/24"]}, {"box1": [INNER_CLIENT_V4]}, listen=f"0.0.0.0:{PORT}"
    )
    group.server.stop()
    group.server.write(file)
    group.server.start()
    group.client.wait_for_log("a newer connection has this tunnel address")
