"""The box reaches its server over every link, and only so."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from lab import Lab, LinkSpec, Process, topology
from lab.topology import INTERNET_V4, LAN_V4, LAN_V6, SERVER_V4, SERVER_V6, Box

_WHO_ASKS = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("203.0.113.1", 9000))
print("ready", flush=True)
while True:
    _, sender = s.recvfrom(100)
    s.sendto(("%s %d" % sender).encode(), sender)
"""

# One socket, bound to a link, that asks again for every line on its standard input.
_ASK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
s.bind((sys.argv[2], int(sys.argv[3])))
s.settimeout(3)
s.sendto(b"?", ("203.0.113.1", 9000))
print(s.recv(100).decode())
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with Lab() as lab:
        yield topology.box(
            lab, [LinkSpec.both("delay=5ms"), LinkSpec.both("delay=20ms", nat=True), LinkSpec(), LinkSpec(nat=True)]
        )


@pytest.fixture(scope="module")
def who_asks(box: Box) -> Process:
    echo = box.server.start([sys.executable, "-c", _WHO_ASKS])
    echo.wait_for_log("ready")
    return echo


def ask(box: Box, name: str, port: int) -> tuple[str, int]:
    answer = box.box.python(_ASK, name, box[name].address_v4, str(port)).split()
    return answer[0], int(answer[1])


@pytest.mark.parametrize("address", [SERVER_V4, SERVER_V6])
@pytest.mark.parametrize("name, least, most", [("wan1", 10, 30), ("wan2", 40, 60), ("wan3", 0, 10), ("wan4", 0, 10)])
def test_each_link_leads_to_the_server(box: Box, address: str, name: str, least: float, most: float) -> None:
    wan = box[name]
    for source in (name, wan.address_v6 if ":" in address else wan.address_v4):
        assert least <= box.box.ping(address, count=5, source=source).rtt_ms < most


def test_what_is_not_bound_takes_the_first_link(box: Box) -> None:
    assert 10 <= box.box.ping(SERVER_V4, count=5).rtt_ms < 30


def test_links_are_cut_one_by_one(box: Box) -> None:
    box["wan1"].link.cut()
    assert box.box.ping(SERVER_V4, count=3, source="wan1", patience=0.2).received == 0
    assert box.box.ping(SERVER_V4, count=3, source="wan2").received == 3
    box["wan1"].link.heal()
    assert box.box.ping(SERVER_V4, count=3, source="wan1").received == 3


def test_the_lan_and_the_internet_have_no_way_but_a_tunnel(box: Box) -> None:
    assert box.lan.ping("192.168.77.1", count=2).received == 2
    assert box.internet.ping(SERVER_V4, count=2).received == 2
    assert box.internet.ping(SERVER_V6, count=2).received == 2
    assert box.lan.ping(INTERNET_V4, count=2, patience=0.2).received == 0
    assert {f"{LAN_V4}/24", f"{LAN_V6}/64"} == set(box.lan.addresses("lan0"))


def test_tcp_connects_over_one_link(box: Box) -> None:
    with box.server.iperf3_server(port=5300):
        assert box.box.tcp_connect(SERVER_V4, 5300, device="wan2")
        assert box.box.tcp_connect(SERVER_V6, 5300, device="wan1")
    assert not box.box.tcp_connect(SERVER_V4, 5301, device="wan2")


def test_without_nat_the_server_sees_the_box(box: Box, who_asks: Process) -> None:
    assert ask(box, "wan1", 7000) == ("10.60.1.2", 7000)


def test_behind_nat_the_server_sees_the_router_until_it_forgets(box: Box, who_asks: Process) -> None:
    nat = box["wan2"].nat
    assert nat is not None
    ports = []
    for _ in range(3):
        address, port = ask(box, "wan2", 7000)
        assert address == "10.60.2.2"
        assert nat.ports[0] <= port <= nat.ports[1]
        assert ask(box, "wan2", 7000) == (address, port), "a mapping lasts"
        ports.append(port)
        nat.rebind()
    assert ports[0] != ports[1] != ports[2]


def test_a_bare_cable_loses_its_carrier(box: Box) -> None:
    box["wan4"].link.carrier(up=False)
    link = json.loads(box.box.ip("-json link show dev wan4"))[0]
    assert "NO-CARRIER" in link["flags"]
    box["wan4"].link.carrier(up=True)
    with pytest.raises(ValueError, match="bare cable"):
        box["wan4"].link.cut()
