"""The box as a router: which tunnel the LAN's traffic takes, what becomes of it when that tunnel is down, and what is left
in the kernel afterwards.

    lan ---- lan0 box wan1 ---- wan1 server inet0 ---- internet
                     cr ................ mc
                     df ................ md     (over wan2)
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab import Lab, LinkSpec, Node, programs, topology
from lab.topology import INTERNET_V4, INTERNET_V6, LAN_V4, SERVER_V4
from nodes import PORT, Authority, Configuration, Mpquic, Testbed, client_configuration, patience, server_configuration, until
from traffic import assert_answered

SECOND_HOST = "192.168.77.3"  # of the LAN, on the same machine
LANS = ["192.168.77.0/24", "fd00:77::/64"]

FOREIGN = """
ip link add dummy0 type ifb; ip link set dummy0 up; ip address add 172.31.0.1/24 dev dummy0
ip route add 172.31.9.0/24 dev dummy0 proto static metric 7; ip route add default dev dummy0 table 77
ip -6 route add fd31::/64 dev dummy0 proto static; ip route add unreachable 172.31.10.0/24 proto 42
ip rule add priority 9999 from 172.31.0.9 lookup 77; ip rule add priority 10040 fwmark 0x1/0xff lookup 77
ip -6 rule add priority 15000 from fd31::9 lookup 77
nft -f - <<'NFT'
table inet firewall { chain forward { type filter hook forward priority 0; policy accept; counter; }; }
table ip nat { chain post { type nat hook postrouting priority 100; oifname "dummy0" masquerade; }; }
table inet mpquic { set mine { type ipv4_addr; elements = { 10.1.1.1 }; }; }
NFT
"""

SNAPSHOT = """
ip -o route show table all; ip -6 -o route show table all; ip rule; ip -6 rule; nft -s list ruleset
sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.all.accept_redirects
sysctl net.ipv4.conf.lan0.forwarding net.ipv6.conf.lan0.forwarding
sysctl -a 2>/dev/null | grep -E 'conf\\.(wan1|wan2|lan0|all|default)\\.(rp_filter|accept_ra) '
"""


def shell(node: Node, script: str) -> str:
    done = subprocess.run(node.command(["sh", "-ec", script]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def snapshot(node: Node) -> list[str]:
    """What the kernel has, but for what has a clock in it."""
    return [line for line in shell(node, SNAPSHOT).splitlines() if "expires" not in line]


def box_client(authority: Authority, classify: list[dict[str, Any]], **top: Any) -> Configuration:
    return client_configuration(
        authority, "box1", f"{SERVER_V4}:{PORT}",
        {
            "cr": {"address": ["10.200.1.1/24", "fd00:200:1::1/64"], "class": "critical"},
            "df": {"address": ["10.200.2.1/24", "fd00:200:2::1/64"], "links": ["wan2"]},
        },
        interfaces=["wan1", "wan2"], classify=classify, **top,
    )  # fmt: skip


def box_server(authority: Authority, **top: Any) -> Configuration:
    return server_configuration(
        authority,
        tunnels={
            "mc": ["10.200.1.254/24", "fd00:200:1::254/64"],
            "md": ["10.200.2.254/24", "fd00:200:2::254/64"],
        },
        clients={"box1": ["10.200.1.1", "10.200.2.1", "fd00:200:1::1", "fd00:200:2::1", *LANS]},
        **top,
    )


@dataclass
class Site:
    testbed: Testbed
    net: topology.Box
    server: Mpquic
    client: Mpquic

    def sent(self) -> dict[str, int]:
        """Packets that have gone into each tunnel."""
        counters = json.loads(self.net.box.ip("-s -json link show"))
        return {link["ifname"]: link["stats64"]["tx"]["packets"] for link in counters}

    def way_of(self, *arguments: str, count: int = 3) -> str:
        """The tunnel that pings to the internet take; they must be answered."""
        before = self.sent()
        ping = self.net.lan.run(["ping", "-n", "-c", str(count), "-i", "0.02", "-W", "2", *arguments], check=False)
        after = self.sent()
        taken = [name for name in ("cr", "df") if after[name] - before[name] >= count]
        assert ping.returncode == 0 and len(taken) == 1, f"{taken}: {ping.stdout}"
        return taken[0]


def make_site(testbed: Testbed, client: Configuration, server: Configuration) -> Site:
    net = topology.box(testbed.lab, [LinkSpec.both(""), LinkSpec()])
    net.lan.add_addresses("lan0", f"{SECOND_HOST}/24")
    site = Site(testbed, net, testbed.run(net.server, server), testbed.run(net.box, client))
    site.client.wait_until_up()
    return site


CLASSIFY = [
    {"source": SECOND_HOST, "tunnel": "df"},
    {"interface": "lan0", "dscp": "ef", "class": "critical"},
    {"interface": "lan0", "protocol": "udp", "destination_port": ["5060", "10000-20000"], "tunnel": "cr"},
    {"interface": "lan0", "destination": f"{INTERNET_V6}/128", "tunnel": "cr"},
    {"interface": "lan0", "tunnel": "df"},
]


@pytest.fixture(scope="module")
def site(authority: Authority) -> Iterator[Site]:
    with Lab() as lab:
        testbed = Testbed(lab, authority)
        made = make_site(testbed, box_client(authority, CLASSIFY), box_server(authority, egress={"interface": "inet0"}))
        yield made
        testbed.stop()


class TestClassification:
    def test_by_source_dscp_destination_and_interface(self, site: Site) -> None:
        assert site.way_of("-I", SECOND_HOST, INTERNET_V4) == "df"
        assert site.way_of("-Q", "0xb8", INTERNET_V4) == "cr"  # DSCP 46
        assert site.way_of(INTERNET_V6) == "cr"
        assert site.way_of(INTERNET_V4) == "df"

    def test_by_protocol_and_port(self, site: Site) -> None:
        for port, way in ((5060, "cr"), (5061, "df"), (15000, "cr"), (20001, "df")):
            before = site.sent()
            send = "import socket, sys\ns = socket.socket(2, 2)\nfor _ in range(20): s.sendto(b'x', (sys.argv[1], int(sys.argv[2])))"
            site.net.lan.python(send, INTERNET_V4, str(port))
            after = site.sent()
            assert {name: after[name] - before[name] >= 20 for name in ("cr", "df")} == {"cr": way == "cr", "df": way == "df"}

    def test_what_comes_back_comes_by_the_same_tunnel(self, site: Site) -> None:
        for options, there, back in ((["-Q", "0xb8"], "cr", "mc"), ([], "df", "md")):
            before = json.loads(site.net.server.ip(f"-s -json link show dev {back}"))[0]["stats64"]["tx"]["packets"]
            assert site.way_of(*options, INTERNET_V4, count=5) == there
            after = json.loads(site.net.server.ip(f"-s -json link show dev {back}"))[0]["stats64"]["tx"]["packets"]
            assert after - before >= 5

    def test_who_speaks_from_outside_is_answered_by_the_tunnel_it_came_from(self, site: Site) -> None:
        # box1 may use mc first, so the server reaches the LAN by it; by its rules the LAN would answer by df.
        before = site.sent()
        assert site.net.server.ping(LAN_V4, count=5, source="10.200.1.254").received == 5
        after = site.sent()
        assert after["cr"] - before["cr"] >= 5
        assert after["df"] - before["df"] < 5

    def test_the_internet_gets_only_answers_in(self, site: Site) -> None:
        assert site.net.internet.ping(LAN_V4, count=3, patience=0.3).received == 0

    def test_tcp_fits_both_ways(self, site: Site) -> None:
        """The LAN's MTU is 1500, the tunnel's is not, and nobody needs ICMP to find out."""
        mtu = json.loads(site.net.box.ip("-json link show dev df"))[0]["mtu"]
        server = site.net.internet.start([sys.executable, "-c", _SEGMENT_SIZE])
        server.wait_for_log("ready")
        here = int(site.net.lan.python(_CONNECTED_SEGMENT_SIZE, INTERNET_V4))
        there = int(server.wait_for_log(r"size (\d+)").group(1))
        assert max(here, there) <= mtu - 40 - 12, "less TCP's time stamps"

    def test_the_box_answers_by_the_tunnel_that_it_was_asked_by(self, site: Site) -> None:
        leaked = site.net.box.start(["tcpdump", "-n", "-l", "-i", "wan1", "icmp"])
        leaked.wait_for_log("listening on")
        assert site.net.server.ping("10.200.1.1", count=3, source="198.51.100.1").received == 3
        leaked.stop()
        assert "ICMP" not in leaked.log


_CONNECTED_SEGMENT_SIZE = """
import socket, sys
print(socket.create_connection((sys.argv[1], 7100), timeout=5).getsockopt(6, 2))
"""

_SEGMENT_SIZE = """
import socket
s = socket.create_server(("", 7100))
print("ready", flush=True)
c, _ = s.accept()
print("size", c.getsockopt(6, 2), flush=True)
"""


class TestConnectionsKeepTheirTunnel:
    def test_whatever_becomes_of_the_rules_and_of_the_order_of_the_tunnels(self, testbed: Testbed) -> None:
        before = box_client(testbed.authority, [{"interface": "lan0", "tunnel": "cr"}])
        site = make_site(testbed, before, box_server(testbed.authority, egress={"interface": "inet0"}))
        lasting = site.net.lan.start(["stdbuf", "-oL", "ping", "-n", "-i", "0.05", "-W", "2", INTERNET_V4])
        lasting.wait_for_log("time=")

        def goes_by(tunnel: str) -> None:
            first = site.sent()
            answers = lasting.log.count("time=")
            until(lambda: lasting.log.count("time=") >= answers + 10)
            last = site.sent()
            assert [name for name in ("cr", "df") if last[name] - first[name] >= 8] == [tunnel]

        after = box_client(testbed.authority, [{"interface": "lan0", "tunnel": "df"}])
        assert site.client.reload(after)
        assert site.way_of(INTERNET_V4) == "df"
        goes_by("cr")
        lasting.signal(signal.SIGINT)
        lasting.wait(5)
        assert_answered(lasting)

        # The same over a crash, with the tunnels the other way round in the file.
        lasting = site.net.lan.start(["stdbuf", "-oL", "ping", "-n", "-i", "0.05", "-W", "2", INTERNET_V4])
        goes_by("df")
        site.client.kill()
        after["tunnels"] = dict(reversed(after["tunnels"].items()))
        after["classify"] = before["classify"]
        site.client.write(after)
        site.client.start().wait_until_up()
        until(lambda: site.net.lan.ping(INTERNET_V4, count=1, patience=0.3).received == 1, 3)
        assert site.way_of(INTERNET_V4) == "cr"
        goes_by("df")

        # After a stop nothing is remembered that could mean another tunnel then: the rules decide anew.
        site.client.stop()
        site.client.write(before)
        site.client.start().wait_until_up()
        until(lambda: site.net.lan.ping(INTERNET_V4, count=1, patience=0.3).received == 1, 3)
        goes_by("cr")


class TestStrictness:
    @pytest.fixture
    def strict(self, testbed: Testbed) -> Site:
        rules = [
            {"source": SECOND_HOST, "tunnel": "cr", "fallback": "df"},
            {"interface": ["lan0", "lan5"], "tunnel": "cr"},
        ]
        authority = testbed.authority
        return make_site(testbed, box_client(authority, rules), box_server(authority, egress={"interface": "inet0"}))

    def test_a_tunnel_that_is_down_answers_at_once_and_nothing_leaks(self, strict: Site) -> None:
        net = strict.net
        assert strict.way_of(INTERNET_V4) == "cr"
        assert strict.way_of("-I", SECOND_HOST, INTERNET_V4) == "cr"
        lasting = net.lan.start(["stdbuf", "-oL", "ping", "-n", "-i", "0.02", "-I", SECOND_HOST, INTERNET_V4])
        lasting.wait_for_log("time=")
        net["wan1"].link.cut()

        def noticed() -> bool:
            net.lan.ping(INTERNET_V4, count=1, patience=0.1)  # an idle tunnel misses nothing
            return strict.client.tunnel("cr")["state"] != "up"

        until(noticed, 8)
        def refused() -> bool:
            return "Unreachable" in net.lan.run(["ping", "-n", "-c", "1", "-W", "1", INTERNET_V4], check=False).stdout

        until(refused, 3, "the LAN is told")
        watched = [net.box.start(["tcpdump", "-n", "-l", "-i", name, "host", LAN_V4]) for name in ("wan1", "wan2", "df")]
        for capture in watched:
            capture.wait_for_log("listening on")
        lost = net.lan.run(["ping", "-n", "-c", "50", "-i", "0.01", "-W", "1", INTERNET_V4], check=False).stdout
        assert "Unreachable" in lost and " 0 received" in lost, lost
        for capture in watched:
            capture.stop()
            assert "ICMP" not in capture.log, capture.log

        # What names a fallback goes on, connections that exist included, and comes back when the tunnel does.
        assert strict.way_of("-I", SECOND_HOST, INTERNET_V4) == "df"

        def goes_on() -> bool:
            answers = lasting.log.count("time=")
            until(lambda: lasting.log.count("time=") >= answers + 5, 2, "answers by the fallback")
            return True

        assert goes_on()
        net["wan1"].link.heal()
        strict.client.wait_until_up("cr", 10)
        until(lambda: net.lan.ping(INTERNET_V4, count=1, patience=0.3).received == 1, 3)
        assert strict.way_of("-I", SECOND_HOST, INTERNET_V4) == "cr"
        assert goes_on()

    def test_an_interface_that_goes_down_is_as_good_as_a_cut(self, strict: Site) -> None:
        box = strict.net.box
        assert strict.way_of("-I", SECOND_HOST, INTERNET_V4) == "cr"
        # One LAN of several may be down as well, and keeps its address.
        box.ip("link add lan5 type ifb")
        box.add_addresses("lan5", "192.168.55.1/24")
        box.ip("link set wan1 down")
        until(lambda: strict.client.tunnel("cr")["state"] != "up", 3)
        box.ip("route add 192.0.2.0/24 dev wan2")  # events do not put off what has its time
        begun = time.monotonic()
        pinged = ["ping", "-n", "-c", "1", "-W", "0.3", "-I", SECOND_HOST, INTERNET_V4]
        until(lambda: strict.net.lan.run(pinged, check=False).returncode == 0, 1.5, "the fallback")
        assert time.monotonic() - begun < patience(1.5)
        difference = box.run([programs.mpquic(), "net", "diff", str(strict.client.file)], check=False)
        assert (difference.returncode, difference.stdout) == (0, ""), "the node says what is up and what is not"

    def test_nothing_leaks_at_the_start_and_at_the_stop(self, testbed: Testbed) -> None:
        net = topology.box(testbed.lab, [LinkSpec(), LinkSpec()])
        net.box.sysctl({"net.ipv4.ip_forward": "0"})
        testbed.run(net.server, box_server(testbed.authority, egress={"interface": "inet0"}))
        watched = [net.box.start(["tcpdump", "-n", "-l", "-i", name, "host", LAN_V4]) for name in ("wan1", "wan2")]
        for capture in watched:
            capture.wait_for_log("listening on")
        ping = net.lan.start(["ping", "-n", "-f", "-i", "0.002", INTERNET_V4])
        client = testbed.add(net.box, box_client(testbed.authority, [{"interface": "lan0", "tunnel": "cr"}]))
        for _ in range(5):
            client.start().wait_until_up()
            client.stop()
        ping.stop()
        for capture in watched:
            capture.stop()
            assert "ICMP" not in capture.log, capture.log

    def test_after_a_crash_nothing_leaks_either(self, strict: Site) -> None:
        assert strict.way_of(INTERNET_V4) == "cr"
        strict.client.kill()
        lost = strict.net.lan.run(["ping", "-n", "-c", "5", "-i", "0.05", "-W", "1", INTERNET_V4], check=False).stdout
        assert "Unreachable" in lost and " 0 received" in lost, lost
        strict.client.start()
        strict.client.wait_until_up()
        assert strict.way_of(INTERNET_V4) == "cr"


def test_the_server_finds_the_lan_by_a_tunnel_that_the_client_is_connected_to(testbed: Testbed) -> None:
    authority = testbed.authority
    only_df = box_client(authority, [{"interface": "lan0", "tunnel": "df"}])
    del only_df["tunnels"]["cr"], only_df["links"]["wan1"]
    net = topology.box(testbed.lab, [LinkSpec(), LinkSpec()])
    testbed.run(net.server, box_server(authority))
    client = testbed.run(net.box, only_df)
    client.wait_until_up()
    until(lambda: net.server.ping(LAN_V4, count=1, source="10.200.2.254", patience=0.2).received == 1)
    # mc comes first in the file, so it is the way when nobody is connected: then packets wait there for nobody.
    client.stop()
    until(lambda: "dev mc" in net.server.ip(f"route get {LAN_V4}"))


_ADVERTISE = """
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.SOL_SOCKET, 25, sys.argv[1].encode())  # SO_BINDTODEVICE
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0))
"""


def test_a_route_that_was_advertised_survives_forwarding(testbed: Testbed) -> None:
    """An interface forgets them when it becomes a router's, unless it was told to listen on before (RFC 4861)."""
    net = topology.box(testbed.lab, [LinkSpec(), LinkSpec()])
    net.box.sysctl({"net.ipv6.conf.all.forwarding": "0", "net.ipv6.conf.wan1.accept_ra": "1"})
    net.server.python(_ADVERTISE, "wan1")
    until(lambda: "proto ra" in net.box.ip("-6 route show default"))
    client = testbed.run(net.box, box_client(testbed.authority, CLASSIFY))
    assert "proto ra" in net.box.ip("-6 route show default")
    client.stop()
    assert "proto ra" in net.box.ip("-6 route show default")


class TestKernelState:
    def net_command(self, client: Mpquic, verb: str) -> subprocess.CompletedProcess[str]:
        return client.node.run([programs.mpquic(), "net", verb, str(client.file)], check=False)

    def test_what_is_not_ours_is_never_touched(self, testbed: Testbed) -> None:
        net = topology.box(testbed.lab, [LinkSpec(), LinkSpec()])
        shell(net.box, FOREIGN)
        net.box.sysctl({"net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0"})
        net.box.sysctl({
            "net.ipv4.conf.wan1.rp_filter": "1", "net.ipv4.conf.all.accept_redirects": "0",
            "net.ipv4.conf.lan0.forwarding": "1", "net.ipv6.conf.lan0.forwarding": "1",
        })  # fmt: skip
        before = snapshot(net.box)
        client = testbed.add(net.box, box_client(testbed.authority, CLASSIFY))

        assert self.net_command(client, "diff").returncode == 1
        applied = self.net_command(client, "apply")
        assert applied.returncode == 0, applied.stderr
        with_ours = snapshot(net.box)
        assert set(before) - set(with_ours) == {
            "net.ipv4.ip_forward = 0", "net.ipv4.conf.wan1.rp_filter = 1", "net.ipv6.conf.all.forwarding = 0",
            "net.ipv6.conf.wan1.accept_ra = 1", "net.ipv6.conf.wan2.accept_ra = 1",
        }  # fmt: skip
        again = self.net_command(client, "diff")
        assert (again.returncode, again.stdout) == (0, ""), again.stdout + again.stderr
        assert self.net_command(client, "apply").returncode == 0
        assert snapshot(net.box) == with_ours
        assert self.net_command(client, "remove").returncode == 0
        assert snapshot(net.box) == before

        # The same with the node itself, once stopped and once killed.
        client.start().stop()
        assert snapshot(net.box) == before
        client.start().kill()
        assert snapshot(net.box) != before
        client.start().stop()
        assert snapshot(net.box) == before
        client.start().kill()
        assert self.net_command(client, "remove").returncode == 0
        assert snapshot(net.box) == before

    def test_two_nodes_share_a_kernel(self, testbed: Testbed) -> None:
        net = topology.box(testbed.lab, [LinkSpec(), LinkSpec()])
        net.box.sysctl({"net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0"})
        before = snapshot(net.box)
        nodes = []
        for name, tunnel, link in (("one", "cr", "wan1"), ("two", "df", "wan2")):
            configuration = client_configuration(
                testbed.authority, "box1", f"{SERVER_V4}:{PORT}", {tunnel: "10.200.1.1/24"}, interfaces=[link],
                classify=[{"interface": "lan0", "dscp": "ef" if name == "one" else "cs1", "tunnel": tunnel}],
            )  # fmt: skip
            nodes.append(testbed.run(net.box, configuration, name))
        assert shell(net.box, "nft list tables | grep -c 'mpquic\\.'").strip() == "2"
        nodes[0].stop()
        assert shell(net.box, "cat /proc/sys/net/ipv4/ip_forward").strip() == "1", "the other still needs it"
        nodes[1].stop()
        assert snapshot(net.box) == before

    def test_what_somebody_flushes_is_back_within_a_second(self, site: Site) -> None:
        def in_place() -> bool:
            return self.net_command(site.client, "diff").returncode == 0

        box = site.net.box
        until(in_place, 2)
        for damage in ("nft flush ruleset", "ip rule del priority 10000", "ip route flush table 10000",
                       "nft delete chain inet $(nft list tables | grep -o 'mpquic[^ ]*') mss"):  # fmt: skip
            shell(box, damage)
            until(in_place, 0.5, damage)
        assert site.way_of(INTERNET_V6) == "cr"
        site.client.wait_for_log("somebody has changed routes, rules or nftables of mpquic: they are as they were")

    def test_a_node_that_runs_is_left_alone(self, site: Site) -> None:
        refused = self.net_command(site.client, "remove")
        assert refused.returncode == 1
        assert "is running and keeps its kernel state itself" in refused.stderr

    def test_an_interface_that_comes_later(self, testbed: Testbed) -> None:
        rules = [{"vlan": "3Y", "tunnels": {"1": "cr", "2": "df"}}, {"interface": "lan9", "tunnel": "df"}]
        site = make_site(testbed, box_client(testbed.authority, rules), box_server(testbed.authority))
        for missing in ("interface lan9 does not exist", "no interface carries VLAN 31", "no interface carries VLAN 32"):
            site.client.wait_for_log(missing)
        box = site.net.box
        for name in ("lan9", "lan0.31", "lan0.32"):
            box.ip(f"link add {name} type ifb")
            until(lambda name=name: f'"{name}"' in shell(box, "nft list ruleset"), 2, name)


class TestGateways:
    """Of wan1. On the far side are two: the one at .1, and another at .9 of the same network."""

    def gateway(self, site: Site) -> str:
        shown = site.net.box.ip("route show table 10063 default").split()  # of the first link
        return shown[shown.index("via") + 1] if shown else ""

    def test_one_that_changes_is_followed(self, testbed: Testbed) -> None:
        site = make_site(testbed, box_client(testbed.authority, CLASSIFY), box_server(testbed.authority))
        box, server = site.net.box, site.net.server
        assert self.gateway(site) == "10.60.1.1"
        ping = box.start(["stdbuf", "-oL", "ping", "-n", "-i", "0.05", "10.200.1.254"])
        ping.wait_for_log("time=")
        # It moves away with its address, as after a change of provider.
        server.sysctl({"net.ipv4.conf.wan1.promote_secondaries": "1"})
        server.ip("address add 10.60.1.9/24 dev wan1 noprefixroute")
        server.ip("address del 10.60.1.1/24 dev wan1")
        box.ip("neighbour flush dev wan1")
        for place in ("metric 101", "table 1001"):
            box.ip(f"route replace default via 10.60.1.9 dev wan1 {place}")
        begun = time.monotonic()
        until(lambda: self.gateway(site) == "10.60.1.9", 1)
        answers = ping.log.count("time=")
        until(lambda: ping.log.count("time=") > answers + 5, 1, "traffic by the new gateway")
        assert time.monotonic() - begun < patience(1)
        assert site.client.tunnel("cr")["connections"][0]["reconnects"] == 0

    def test_a_lease_is_the_last_resort_and_never_that_of_another_interface(self, testbed: Testbed) -> None:
        net = topology.box(testbed.lab, [LinkSpec(), LinkSpec()])
        testbed.run(net.server, box_server(testbed.authority))
        client = testbed.add(net.box, box_client(testbed.authority, CLASSIFY))
        site = Site(testbed, net, client, client)
        # The kernel knows no way, and neither does a rule of the lab.
        for family in ("-4", "-6"):
            shell(net.box, f"ip {family} route del default dev wan1 metric 101; ip {family} route flush table 1001")
        number = json.loads(net.box.ip("-json link show wan1"))[0]["ifindex"]
        leases = net.box.directory / "leases"
        (leases / "networkd").mkdir(parents=True)
        (leases / "dhcp").mkdir()
        (leases / "networkd" / str(number)).write_text("ADDRESS=10.60.1.77\nROUTER=10.60.1.66\n")  # of an earlier boot
        (leases / "networkd" / "999").write_text("ADDRESS=10.60.1.2\nROUTER=10.60.1.55\n")
        poisoned = _lease("wan2", "10.60.1.2", "10.60.1.44") + _lease("wan1", "10.60.1.3", "10.60.1.33")
        (leases / "dhcp" / "dhclient.leases").write_text(poisoned)
        client.start_in(f"mount -t tmpfs none /var/lib && mkdir /var/lib/dhcp && mount --bind {leases}/dhcp /var/lib/dhcp && "
                        f"mkdir -p /run/systemd/netif/leases && mount --bind {leases}/networkd /run/systemd/netif/leases")
        client.wait_for_log("link wan1: interface wan1 has no gateway")
        assert self.gateway(site) == ""
        assert "via 10.60.2.1" in net.box.ip("route show table 10062 default")

        good = poisoned + _lease("wan1", "10.60.1.2", "10.60.1.1")
        (leases / "dhcp" / "dhclient.leases").write_text(good + _lease("wan2", "10.60.1.2", "10.60.1.44"))
        until(lambda: self.gateway(site) == "10.60.1.1", 1)
        client.wait_until_up("cr")
        (leases / "dhcp" / "dhclient.leases").write_text(good + _lease("wan1", "10.60.1.2", "10.60.1.9"))
        until(lambda: self.gateway(site) == "10.60.1.9", 1)
        net.box.ip("route add default via 10.60.1.1 dev wan1 metric 101")
        until(lambda: self.gateway(site) == "10.60.1.1", 1)


def _lease(interface: str, address: str, router: str) -> str:
    return (f'lease {{\n  interface "{interface}";\n  fixed-address {address};\n  option routers {router};\n'
            "  renew 1 2026/11/23 00:00:00;\n}\n")


class TestNat:
    def test_masquerade_at_both_ends_and_a_port_forward(self, testbed: Testbed) -> None:
        authority = testbed.authority
        client = client_configuration(
            authority, "box1", f"{SERVER_V4}:{PORT}", {"cr": {"address": "10.200.1.1/24", "masquerade": True}},
            interfaces=["wan1"], classify=[{"interface": "lan0", "tunnel": "cr"}],
        )  # fmt: skip
        server = server_configuration(
            authority, {"mc": "10.200.1.254/24"}, {"box1": ["10.200.1.1", "192.168.77.0/24"]},
            egress={"interface": "inet0", "masquerade": True},
            forward=[{"tcp": "7000", "to": LAN_V4, "to_port": "7001"}, {"udp": "10000-10010", "to": LAN_V4}],
        )  # fmt: skip
        net = topology.box(testbed.lab, [LinkSpec(), LinkSpec()])
        testbed.run(net.server, server)
        testbed.run(net.box, client).wait_until_up()

        seen = net.internet.start(["tcpdump", "-n", "-l", "-i", "inet0", "icmp"])
        seen.wait_for_log("listening on")
        until(lambda: net.lan.ping(INTERNET_V4, count=1, patience=0.3).received == 1, 3)
        assert net.lan.ping(INTERNET_V4, count=3).received == 3
        seen.wait_for_log("198.51.100.1 > 198.51.100.2: ICMP echo request")
        seen.stop()
        assert "192.168.77.2" not in seen.log and "10.200.1.1" not in seen.log

        listener = net.lan.start([sys.executable, "-c", _ACCEPT])
        listener.wait_for_log("ready")
        assert net.internet.tcp_connect("198.51.100.1", 7000)
        listener.wait_for_log("from 198.51.100.2")


_ACCEPT = """
import socket
s = socket.create_server(("", 7001))
print("ready", flush=True)
c, peer = s.accept()
print("from", peer[0], flush=True)
"""
