"""Clients and servers that die and come back: the newest connection has the tunnel address, at once and alone.

    client ---- wan ---- server            box0 --+
      cr ................. mt              box1 --+-- bridge ---- server
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable

import pytest

from lab import Node, topology
from nodes import (
    INNER_CLIENT_V4, INNER_SERVER_V4, PORT, Joined, Mpquic, Testbed, client_configuration, join, pair_client,
    pair_server, patience, sanitized, until,
)  # fmt: skip

pytestmark = pytest.mark.threads

STORMS = 20


def answers(node: Node, address: str) -> Callable[[], bool]:
    return lambda: node.ping(address, count=1, patience=0.1).received == 1


def the_only_connection(server: Mpquic) -> str:
    """Where the tunnel address leads to; empty while there is not exactly one connection."""
    tunnel = server.tunnel()
    if len(tunnel["connections"]) != 1:
        return ""
    (connection,) = tunnel["connections"]
    assert all(route["connection"] == connection["id"] for route in tunnel["routes"])
    return connection["remote_address"]


def test_a_client_that_is_killed_again_and_again_is_reached_each_time(testbed: Testbed) -> None:
    joined = join(testbed, topology.pair(testbed.lab))
    net = joined.net
    flood = net.server.start(["ping", "-n", "-i", "0.01", INNER_CLIENT_V4], log="flood.log")
    seen = {the_only_connection(joined.server)}
    for _ in range(STORMS):
        joined.client.kill()
        joined.client.start()
        joined.client.wait_for_log("cr: up")
        until(answers(net.server, INNER_CLIENT_V4), 1, "return traffic flows to the new process")
        until(lambda: len(joined.server.tunnel()["connections"]) == 1, 1, "the old connection is gone")
        seen.add(the_only_connection(joined.server))
    assert len(seen) >= STORMS, "each process came from a port of its own"
    assert net.server.ping(INNER_CLIENT_V4, count=20).received == 20
    flood.kill()


# Counts what comes in from the server's port and is as large as the packets that the test sends, or several of them.
_LARGE_PACKETS = """
table inet count
delete table inet count
table inet count {{
    counter large {{ }}
    chain in {{
        type filter hook input priority 0
        udp sport {port} meta length > 1000 counter name large
    }}
}}
"""

# The client's first packet comes in and no other.
_ONLY_ONE = """
table inet one {{
    chain in {{
        type filter hook input priority 0
        udp dport {port} limit rate over 1/hour burst 1 packets drop
    }}
}}
"""

_SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.200.15.254", 0))
for number in range(100):
    s.sendto(number.to_bytes(4, "big") + bytes(1000), ("10.200.15.1", 7000))
"""

_RECEIVE = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.200.15.1", 7000))
s.settimeout(3)
print("ready", flush=True)
got = {int.from_bytes(s.recv(2000)[:4], "big") for _ in range(100)}
print(len(got), flush=True)
"""


def large_packets(node: Node) -> int:
    shown = json.loads(node.run("nft -j list counter inet count large").stdout)
    return shown["nftables"][-1]["counter"]["packets"]


def two_boxes_with_one_address(testbed: Testbed) -> tuple[Mpquic, list[Mpquic]]:
    """The server, which runs, and two clients of the same identity and tunnel address in two places, which don't."""
    middle, server_node = testbed.lab.node("wire"), testbed.lab.node("server")
    testbed.lab.veth(server_node, "wan", middle, "server")
    server_node.add_addresses("wan", "10.60.0.254/24")
    boxes = []
    for number in range(2):
        box = testbed.lab.node(f"box{number}")
        testbed.lab.veth(box, "wan", middle, f"box{number}")
        box.add_addresses("wan", f"10.60.0.{number + 1}/24")
        configuration = client_configuration(
            testbed.authority, "box1", f"10.60.0.254:{PORT}", {"cr": f"{INNER_CLIENT_V4}/24"}
        )
        boxes.append(testbed.add(box, configuration))
    testbed.lab.bridge(middle, "bridge", "server", "box0", "box1")
    return testbed.run(server_node, pair_server(testbed, workers=2)), boxes


def test_no_packet_goes_to_a_client_whose_address_another_has_taken(testbed: Testbed) -> None:
    server, boxes = two_boxes_with_one_address(testbed)
    # The one that had the address before is not dead, only stopped: its socket still takes whatever the server sends.
    old: Mpquic | None = None
    for turn in range(8):
        new = boxes[turn % 2]
        new.start()
        new.wait_for_log("cr: up")
        until(lambda: new.tunnel()["mtu"] > 1400, 5, "no more probes for the MTU")  # noqa: B023
        until(lambda: len(server.tunnel()["connections"]) == 1, 2, "the older connection is gone")
        assert the_only_connection(server).startswith(new.tunnel()["connections"][0]["local_address"])
        for box in boxes:
            box.node.run(["nft", "-f", "-"], text=_LARGE_PACKETS.format(port=PORT))
        receiver = new.node.start([sys.executable, "-c", _RECEIVE], log=f"receive-{turn}.log")
        receiver.wait_for_log("ready", patience(3))
        server.node.python(_SEND)
        assert receiver.wait(patience(4)) == 0 and receiver.log.split() == ["ready", "100"], receiver.log
        assert large_packets(new.node) > 0
        if old is not None:
            assert large_packets(old.node) == 0
            old.kill()
        new.process.signal(signal.SIGSTOP)
        old = new
    assert old is not None
    old.kill()


def test_two_boxes_with_one_address_do_not_keep_the_server_busy(testbed: Testbed) -> None:
    server, boxes = two_boxes_with_one_address(testbed)
    for box in boxes:
        box.start()
    for box in boxes:
        box.wait_for_log("closed by the other end: a newer connection has this tunnel address")
    time.sleep(3)  # the time in which it could go wrong
    assert server.log.count(f"{INNER_CLIENT_V4} is box1") < 25
    boxes[0].stop()
    until(lambda: the_only_connection(server).startswith("10.60.0.2"), 5, "the other one has it to itself")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_stops_cleanly_under_traffic(testbed: Testbed, workers: int) -> None:
    joined = join(testbed, topology.pair(testbed.lab), workers=workers)
    flood = joined.net.server.start(["ping", "-n", "-f", "-i", "0.001", INNER_CLIENT_V4], log="flood.log")
    for _ in range(3 if sanitized() else 10):
        joined.server.stop()
        joined.server.start()
    flood.kill()


def restart(joined: Joined, clean: bool) -> None:
    if clean:
        joined.server.stop()
    else:
        joined.server.kill()
    joined.server.start()


@pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
def test_a_restarted_server_is_noticed_while_traffic_flows(testbed: Testbed, clean: bool) -> None:
    joined = join(testbed, topology.pair(testbed.lab))
    net = joined.net
    flood = net.client.start(["ping", "-n", "-i", "0.05", INNER_SERVER_V4], log="flood.log")
    for _ in range(5):
        restart(joined, clean)
        until(lambda: len(joined.server.tunnel()["connections"]) == 1, 2, "reconnected")
        until(answers(net.server, INNER_CLIENT_V4), 1, "traffic both ways")
    assert flood.running
    flood.kill()


def test_a_server_that_is_stopped_says_so_to_an_idle_client(testbed: Testbed) -> None:
    joined = join(testbed, topology.pair(testbed.lab))
    restart(joined, clean=True)
    until(lambda: len(joined.server.tunnel()["connections"]) == 1, 2, "reconnected")
    assert answers(joined.net.server, INNER_CLIENT_V4)()


def test_an_idle_client_notices_a_killed_server_as_soon_as_it_has_something_to_send(testbed: Testbed) -> None:
    joined = join(testbed, topology.pair(testbed.lab))
    restart(joined, clean=False)
    until(answers(joined.net.client, INNER_SERVER_V4), 2, "the reset of the first packet brought a new connection")
    assert len(joined.server.tunnel()["connections"]) == 1


def test_an_idle_client_is_called_back_by_a_server_that_was_killed(testbed: Testbed) -> None:
    joined = join(testbed, topology.pair(testbed.lab))
    remembered = joined.server.control.with_name(joined.server.control.name + ".clients")
    until(lambda: remembered.exists() and remembered.read_text(), 2, "the server has written down whom it serves")
    restart(joined, clean=False)
    until(lambda: len(joined.server.tunnel()["connections"]) == 1, 2, "reconnected without having anything to send")
    assert answers(joined.net.server, INNER_CLIENT_V4)()


def test_a_server_that_dies_before_the_handshake_is_over(testbed: Testbed) -> None:
    # What the server says arrives, what the client says then is lost: for TLS the client is through, and alone.
    net = topology.pair(testbed.lab)
    server = testbed.run(net.server, pair_server(testbed))
    client = testbed.add(net.client, pair_client(testbed, net.server_v4))
    net.server.run(["nft", "-f", "-"], text=_ONLY_ONE.format(port=PORT))
    client.start()
    until(lambda: client.tunnel()["connections"][0]["rtt_min_us"] > 0, 2, "the server's answer has arrived")
    server.kill()
    net.server.run("nft delete table inet one")
    server.start()
    client.wait_until_up(seconds=7)  # the time a handshake may take, and a little
