"""Servers that have names, which each link asks for by its own DNS server.

              +-- wan1 ---- isp1 ----+
    client ---+                      +---- server     203.0.113.1, 203.0.113.2, 2001:db8:113::1
              +-- wan2 ---- isp2 ----+

Each provider has a DNS server at 192.0.2.53, which only its own customers reach: so what a client is told shows which
link has asked. The client's other packets go out by wan1."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest

from lab import Node, programs
from name_server import NameServer
from nodes import PORT, Configuration, Mpquic, Testbed, client_configuration, patience, server_configuration, until

NAME = "vps.test"
FIRST, SECOND, IPV6 = "203.0.113.1", "203.0.113.2", "2001:db8:113::1"
DNS = "192.0.2.53"


@dataclass
class Net:
    testbed: Testbed
    client: Node
    server: Node
    isps: list[Node]

    def run(self, links: dict[str, Any], **top: Any) -> Mpquic:
        """A client with a tunnel over each link; ready, its tunnels perhaps not up."""
        return self.add(links, **top).start()

    def add(self, links: dict[str, Any], **top: Any) -> Mpquic:
        return self.testbed.add(self.client, self.configuration(links, **top))

    def configuration(self, links: dict[str, Any], **top: Any) -> Configuration:
        tunnels = {
            f"t{name[-1]}": {"links": [name], "address": f"10.200.{name[-1]}.1/24"} for name in links
        }  # fmt: skip
        configuration = client_configuration(self.testbed.authority, "box1", f"{NAME}:{PORT}", tunnels, **top)
        configuration["links"] = {name: {"interface": name, **link} for name, link in links.items()}
        return configuration

    def without(self, *addresses: str) -> None:
        """The server is not to be found at these any more."""
        for address in addresses:
            self.server.ip(f"address del {address}/{128 if ':' in address else 32} dev lo")


@pytest.fixture
def net(testbed: Testbed) -> Net:
    lab = testbed.lab
    made = Net(testbed, lab.node("client"), lab.node("server"), [lab.node("isp1"), lab.node("isp2")])
    made.server.add_addresses("lo", f"{FIRST}/32", f"{SECOND}/32", f"{IPV6}/128")
    for number, isp in enumerate(made.isps, start=1):
        isp.forward()
        isp.add_addresses("lo", f"{DNS}/32")
        lab.veth(made.client, f"wan{number}", isp, "inside")
        lab.veth(isp, "outside", made.server, f"isp{number}")
        for v4, v6, node, interface in (
            (f"10.60.{number}.2/24", f"fd00:60:{number}::2/64", made.client, f"wan{number}"),
            (f"10.60.{number}.1/24", f"fd00:60:{number}::1/64", isp, "inside"),
            (f"10.61.{number}.2/24", f"fd00:61:{number}::2/64", isp, "outside"),
            (f"10.61.{number}.1/24", f"fd00:61:{number}::1/64", made.server, f"isp{number}"),
        ):
            node.add_addresses(interface, v4, v6)
        isp.ip(f"route add 203.0.113.0/24 via 10.61.{number}.1")
        isp.ip(f"-6 route add 2001:db8:113::/64 via fd00:61:{number}::1")
        made.server.ip(f"route add 10.60.{number}.0/24 via 10.61.{number}.2")
        made.server.ip(f"-6 route add fd00:60:{number}::/64 via fd00:61:{number}::2")
        made.client.ip(f"route add default via 10.60.{number}.1 metric {number}")
        made.client.ip(f"-6 route add default via fd00:60:{number}::1 metric {number}")
    testbed.run(made.server, server_configuration(
        testbed.authority, {"m1": ["10.200.1.254/24"], "m2": ["10.200.2.254/24"]},
        {"box1": ["10.200.1.1", "10.200.2.1"]}))  # fmt: skip
    return made


def remote(client: Mpquic, tunnel: str = "t1") -> str:
    """Which of the server's addresses a tunnel that is up goes to; else empty."""
    status = client.tunnel(tunnel)
    if status["state"] != "up":
        return ""
    assert status["server"] == f"{NAME}:{PORT}"
    return status["connections"][0]["remote_address"].rpartition(":")[0].strip("[]")


def waits(client: Mpquic, tunnel: str = "t1") -> str:
    """For what, if that is what it does."""
    status = client.tunnel(tunnel)
    return status["detail"] if status["state"] == "waiting for link" else ""


def test_each_link_asks_the_dns_server_behind_it(net: Net) -> None:
    servers = [NameServer(net.isps[0], {NAME: [FIRST]}), NameServer(net.isps[1], {NAME: [SECOND]})]
    client = net.run({"wan1": {"dns": DNS}, "wan2": {"dns": DNS}})
    client.wait_until_up()
    assert remote(client, "t1") == FIRST
    assert remote(client, "t2") == SECOND
    assert set(servers[0].questions(NAME)) == {"10.60.1.2"}
    assert set(servers[1].questions(NAME)) == {"10.60.2.2"}
    assert net.client.ping("10.200.1.254", count=2).received == 2
    assert f"{NAME} is {FIRST} over wan1" in client.log


def test_tunnels_over_one_link_ask_together(net: Net) -> None:
    dns = NameServer(net.isps[0], {NAME: [FIRST]})
    configuration = net.configuration({"wan1": {"dns": DNS}})
    configuration["tunnels"]["t2"] = {"links": ["wan1"], "address": "10.200.2.1/24"}
    client = net.testbed.run(net.client, configuration)
    client.wait_until_up()
    assert len(dns.questions(NAME)) == 2  # for IPv6 and for IPv4


def test_another_address_is_found_when_the_connection_is_lost(net: Net) -> None:
    dns = NameServer(net.isps[0], {NAME: [FIRST]})
    client = net.run({"wan1": {"dns": DNS}})
    client.wait_until_up()
    dns.zone({NAME: [SECOND]})
    assert net.client.ping("10.200.1.254", count=3).received == 3
    assert remote(client) == FIRST  # what stands, stands
    net.without(FIRST)
    pinging = net.client.start("ping -n -i 0.2 10.200.1.254")
    until(lambda: remote(client) == SECOND, 20, "up at the other address")
    pinging.stop()
    assert net.client.ping("10.200.1.254", count=3).received == 3
    assert f"{NAME} is {SECOND} over wan1" in client.log


def test_a_dns_server_that_fails_later_does_not_take_the_address_away(net: Net) -> None:
    dns = NameServer(net.isps[0], {NAME: [FIRST]})
    client = net.run({"wan1": {"dns": DNS}})
    client.wait_until_up()
    dns.stop()
    net.client.ip("link set dev wan1 down")
    until(lambda: waits(client) == "the interface is down", 2)
    net.client.ip("link set dev wan1 up")
    net.client.ip("route add default via 10.60.1.1 metric 1")
    client.wait_for_log(rf"wan1: {NAME}: .*; it stays {FIRST}", 12)
    client.wait_until_up(seconds=12)
    assert remote(client) == FIRST


def test_a_name_is_waited_for(net: Net) -> None:
    client = net.run({"wan1": {"dns": DNS}})
    until(lambda: "the DNS servers can't be reached, or fail (asked: 192.0.2.53 over wan1)" in waits(client), 10)
    dns = NameServer(net.isps[0], {})
    until(lambda: waits(client) == f"{NAME}: no such name", 12)
    client.wait_for_log(f"t1: waiting for wan1: {NAME}: no such name")
    status = subprocess.run([programs.mpquic(), "status", str(client.control)], capture_output=True, text=True, check=True)
    assert f"{NAME}: no such name" in status.stdout
    dns.zone({NAME: []})
    until(lambda: waits(client) == f"{NAME}: the name has no address", 12)
    dns.zone({NAME: [FIRST]})
    client.wait_until_up(seconds=12)


def test_a_silent_dns_server_is_named(net: Net) -> None:
    net.isps[0].run(["nft", "table ip t { chain in { type filter hook input priority 0; udp dport 53 drop; }; }"])
    client = net.run({"wan1": {"dns": DNS}})
    until(lambda: waits(client) == f"{NAME}: no DNS server answers (asked: {DNS} over wan1)", 12)


def test_both_families_of_an_address_are_tried(net: Net) -> None:
    NameServer(net.isps[0], {NAME: [FIRST, IPV6]})
    client = net.run({"wan1": {"dns": DNS}})
    client.wait_until_up()
    assert remote(client) == IPV6
    net.without(IPV6)
    pinging = net.client.start("ping -n -i 0.2 10.200.1.254")
    until(lambda: remote(client) == FIRST, 20, "up over IPv4")
    pinging.stop()


# At the server: what comes to its IPv6 address vanishes, and ICMP says nothing about it.
_BLACK_HOLE = """
table inet hole {
    chain in {
        type filter hook input priority 0
        ip6 daddr 2001:db8:113::1 meta l4proto udp counter drop
    }
}
"""


def black_hole(net: Net) -> None:
    net.server.run(["nft", _BLACK_HOLE])


def dropped(net: Net) -> int:
    """How many packets the black hole has swallowed."""
    found = re.search(r"counter packets (\d+)", net.server.run(["nft", "list table inet hole"]).stdout)
    assert found is not None
    return int(found[1])


def ways(client: Mpquic) -> list[str]:
    """The server's addresses that tunnel t1 has come up over, one after the other."""
    return re.findall(rf"t1: up: \[?([^] ]+?)\]?:{PORT} through", client.log)


def run_with(net: Net, alpn: str) -> Mpquic:
    """A client whose tunnel is t1; it is up, perhaps over another address than the first."""
    client = net.run({"wan1": {"dns": DNS}}, alpn=alpn, log_level="debug")
    client.wait_until_up(seconds=4)  # a try at a single address lasts five
    return client


def tried(client: Mpquic) -> list[str]:
    """The server's addresses that were dialled for t1, in order."""
    return re.findall(rf"t1: connecting to \[?([^] ]+?)\]?:{PORT} from", client.log)


@pytest.mark.parametrize("alpn", ["mpquic-ip", "h3"])
def test_an_address_that_swallows_packets_delays_the_next_one_little(net: Net, alpn: str) -> None:
    NameServer(net.isps[0], {NAME: [FIRST, IPV6]})
    black_hole(net)
    client = run_with(net, alpn)
    assert remote(client) == FIRST
    assert tried(client) == [IPV6, FIRST]
    assert dropped(net) > 0
    assert client.tunnel()["connections"][0]["reconnects"] == 0
    assert "no answer" not in client.log, "a try lasts five seconds: none has failed"
    net.server.run(["nft", "delete table inet hole"])
    assert net.client.ping("10.200.1.254", count=20, patience=5).received == 20
    assert ways(client) == [FIRST], "what stands, stands, though the better address answers again"
    assert tried(client) == [IPV6, FIRST]


@pytest.mark.parametrize("alpn", ["mpquic-ip", "h3"])
def test_an_address_without_a_server_delays_the_next_one_little(net: Net, alpn: str) -> None:
    NameServer(net.isps[0], {NAME: [FIRST, IPV6]})
    net.without(IPV6)
    net.server.ip(f"-6 route add unreachable {IPV6}/128")
    client = run_with(net, alpn)
    assert ways(client) == [FIRST]
    assert tried(client) == [IPV6, FIRST]
    assert "no answer" not in client.log


@pytest.mark.parametrize("alpn", ["mpquic-ip", "h3"])
def test_of_two_addresses_that_answer_ipv6_is_used(net: Net, alpn: str) -> None:
    NameServer(net.isps[0], {NAME: [FIRST, IPV6]})
    client = run_with(net, alpn)
    assert net.client.ping("10.200.1.254", count=10, patience=5).received == 10
    assert ways(client) == [IPV6]
    assert client.tunnel()["connections"][0]["reconnects"] == 0


def test_a_try_fails_when_all_addresses_have(net: Net) -> None:
    NameServer(net.isps[0], {NAME: [FIRST, SECOND, IPV6]})
    net.without(FIRST, SECOND, IPV6)
    client = net.run({"wan1": {"dns": DNS}}, log_level="debug")
    client.wait_for_log("warning +t1: no answer", 12)
    assert sorted(tried(client)[:3]) == sorted([FIRST, SECOND, IPV6])
    net.server.add_addresses("lo", f"{SECOND}/32")
    client.wait_until_up(seconds=12)
    assert ways(client) == [SECOND]


def test_a_link_without_ipv6_takes_ipv4_at_once(net: Net) -> None:
    NameServer(net.isps[0], {NAME: [FIRST, IPV6]})
    net.client.ip("address del fd00:60:1::2/64 dev wan1")
    client = net.run({"wan1": {"dns": DNS}})
    client.wait_until_up()
    assert remote(client) == FIRST
    assert client.tunnel()["connections"][0]["reconnects"] == 0


def test_a_name_of_the_other_family_waits_for_an_address(net: Net) -> None:
    NameServer(net.isps[0], {NAME: [IPV6]})
    net.client.ip("address del fd00:60:1::2/64 dev wan1")
    client = net.run({"wan1": {"dns": DNS}})
    until(lambda: waits(client) == "no IPv6 address", 5)
    net.client.add_addresses("wan1", "fd00:60:1::2/64")
    net.client.ip("-6 route replace default via fd00:60:1::1 metric 1")
    client.wait_until_up(seconds=8)
    assert remote(client) == IPV6


@pytest.mark.parametrize("source", ["lease", "machine", "stub"])
def test_without_dns_the_link_takes_its_lease_or_the_machines_servers(net: Net, source: str) -> None:
    """In the order of docs/configuration.md; a later one is right, each earlier one is there to be taken instead."""
    wan2 = NameServer(net.isps[1], {NAME: [SECOND]})
    here = NameServer(net.client, {NAME: [FIRST]})
    servers = {"lease": f"DNS={DNS}\\nROUTER=10.60.2.1", "machine": "", "stub": ""}[source]
    if source == "lease":
        net.client.ip("route del default via 10.60.2.1")  # the way to the DNS server is only made when the client runs
    resolv = {"lease": "127.0.0.1", "machine": f"127.0.0.53\nnameserver {DNS}", "stub": "127.0.0.53"}[source]
    client = net.add({"wan2": {}})
    client.start_in(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/netif/leases && "
        f"printf 'ADDRESS=10.60.2.2\\n{servers}\\n' >/run/systemd/netif/leases/$(cat /sys/class/net/wan2/ifindex) && "
        f"printf 'nameserver {resolv}\\n' >/run/resolv && mount --bind /run/resolv /etc/resolv.conf"
    )
    client.wait_for_log(f"{client.name} runs")
    client.wait_until_up(seconds=8)
    if source == "stub":
        assert remote(client, "t2") == FIRST
        assert set(here.questions(NAME)) == {"127.0.0.1"}
    else:
        assert remote(client, "t2") == SECOND
        assert set(wan2.questions(NAME)) == {"10.60.2.2"}
        assert here.questions(NAME) == []


def test_the_hosts_file_counts(net: Net) -> None:
    client = net.add({"wan1": {"dns": DNS}})
    hosts = net.client.write_file("hosts", f"127.0.0.1 localhost\n{SECOND} {NAME}\n")
    client.start_in(f"mount --bind {hosts} /etc/hosts")
    client.wait_for_log(f"{client.name} runs")
    client.wait_until_up()
    assert remote(client) == SECOND


def test_dns_servers_of_a_link_change_on_reload(net: Net) -> None:
    NameServer(net.isps[0], {NAME: [FIRST]})
    client = net.run({"wan1": {"dns": "10.60.1.77"}})
    until(lambda: "asked: 10.60.1.77" in waits(client), 12)
    assert client.reload(net.configuration({"wan1": {"dns": DNS}}))
    client.wait_until_up(seconds=15)


def test_check_and_doctor_speak_of_the_name(net: Net) -> None:
    dns = NameServer(net.isps[0], {NAME: [FIRST]})
    client = net.add({"wan1": {"dns": DNS}})

    def mpquic(command: str) -> subprocess.CompletedProcess[str]:
        return net.client.run([programs.mpquic(), command, str(client.file)], check=False, timeout=patience(30))

    check = mpquic("check")
    assert check.returncode == 0, check.stderr
    assert f"    {NAME} is asked for over link wan1: {DNS}\n" in check.stdout
    assert dns.questions(NAME) == []  # a check looks at the file alone
    doctor = mpquic("doctor").stdout
    assert f"ok       link wan1: {NAME} is {FIRST}\n" in doctor
    assert f"ok       link wan1: the server {FIRST}:{PORT} answers" in doctor
    assert set(dns.questions(NAME)) == {"10.60.1.2"}
    dns.zone({})
    doctor = mpquic("doctor")
    assert doctor.returncode == 1
    assert f"problem  link wan1: {NAME}: no such name\n" in doctor.stdout
