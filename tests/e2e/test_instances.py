"""The ready configurations of packaging/instances, run as they are: flat instance files, a program for each.

    lan ---- lan0  box  enp7s3 ... enp7s8 ==== wan1 ... wan6  server  inet0 ---- internet
                                                    lo: 203.0.113.1

Link N is enp7s(N+2) at the box. What the box sends into its tunnels is not hidden behind their addresses: the server
brings answers back to the hosts of the LAN by the tunnel that they came out of.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import Node, Process, programs
from lab.programs import ROOT
from lab.topology import INTERNET_V4, SERVER_V4
from lab.vlan import add_vlans
from nodes import Mpquic, Testbed, patience, until
from traffic import exchange_tcp

SHIPPED = ROOT / "packaging" / "instances"
SERVER_INSIDE_V4 = "198.51.100.1"  # the server's address towards the internet
RUN = 'mount -t tmpfs none /run; mkdir /run/mpquic; mount --bind "$0" /run/mpquic; exec "$1" run "$2"'


class Instance(Mpquic):
    """A file that stands where a box has it, with its control socket where that is: in a /run of the node's own."""

    def __init__(self, node: Node, file: Path) -> None:
        self.node = node
        self.name = file.stem
        self.file = file
        self.run_directory = node.directory / "run"
        self.run_directory.mkdir(exist_ok=True)
        self.control = self.run_directory / f"{self.name}.sock"
        self.runs = []

    def start_only(self, env: dict[str, str] | None = None) -> Process:
        command = ["sh", "-ec", RUN, str(self.run_directory), programs.mpquic(), str(self.file)]
        self.runs.append(self.node.start(command, log=f"{self.name}-{len(self.node.processes)}.log", env=env))
        return self.process


class Site:
    def __init__(self, testbed: Testbed, links: Sequence[int]) -> None:
        self.testbed = testbed
        lab = testbed.lab
        self.lan, self.box, self.server, self.internet = map(lab.node, ("lan", "box", "server", "internet"))
        lab.veth(self.lan, "lan0", self.box, "lan0")
        lab.veth(self.server, "inet0", self.internet, "inet0")
        self.server.add_addresses("lo", f"{SERVER_V4}/32")
        self.server.add_addresses("inet0", f"{SERVER_INSIDE_V4}/24")
        self.internet.add_addresses("inet0", f"{INTERNET_V4}/24")
        for node, gateway in ((self.server, INTERNET_V4), (self.internet, SERVER_INSIDE_V4)):
            node.ip(f"route add default via {gateway} dev inet0")
            node.forward()
        self.box.forward()
        for number in links:
            lab.veth(self.box, f"enp7s{number + 2}", self.server, f"wan{number}")
            self.server.add_addresses(f"wan{number}", f"10.60.{number}.1/24")

    def give_address(self, number: int) -> None:
        """What DHCP would bring."""
        interface = f"enp7s{number + 2}"
        self.box.add_addresses(interface, f"10.60.{number}.2/24")
        self.box.ip(f"route add default via 10.60.{number}.1 dev {interface} metric {100 + number}")

    def add_host(self, host: int, tunnel: str) -> None:
        """A host of the LAN whose traffic the box's administrator sends into a tunnel."""
        if host == 11:
            self.box.add_addresses("lan0", "172.16.0.1/24")
        self.lan.add_addresses("lan0", f"172.16.0.{host}/24")
        if host == 11:
            self.lan.ip("route add default via 172.16.0.1 dev lan0")
        self.box.ip(f"route add default dev {tunnel} table {500 + host}")
        self.box.ip(f"rule add priority {500 + host} from 172.16.0.{host} lookup {500 + host}")

    def install(self, node: Node, *names: str) -> list[Path]:
        """Copies shipped files to where they expect certificates and variables to be."""
        authority = self.testbed.authority
        authority.server()
        authority.client("box1")
        folder = node.directory / "etc" / "instances"
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder.parent / "tls").exists():
            (folder.parent / "tls").symlink_to(authority.directory)
            shutil.copy(SHIPPED / "global.env.example", folder / "global.env")
        return [Path(shutil.copy(SHIPPED / name, folder)) for name in names]

    def run(self, node: Node, *files: Path) -> list[Instance]:
        """Starts them all, then waits for them all."""
        instances = [Instance(node, file) for file in files]
        self.testbed.programs += instances
        for instance in instances:
            instance.start_only()
        for instance in instances:
            instance.wait_for_log(rf"{instance.name} runs")
        return instances

    def sent(self) -> dict[str, int]:
        """Packets that have gone into each tunnel of the box."""
        counters = json.loads(self.box.ip("-s -json link show"))
        return {link["ifname"]: link["stats64"]["tx"]["packets"] for link in counters}

    def expect_way(self, host: str, tunnel: str, to: str = INTERNET_V4) -> None:
        """Pings of a LAN's host go by this tunnel, as themselves, and are answered."""
        # The server learns of the host from its first packet, and here the answer to that may be sooner.
        until(lambda: self.lan.ping(to, count=1, source=host, patience=0.3).received == 1, 3, f"the way of {host}")
        before = self.sent()
        assert self.lan.ping(to, count=4, source=host, patience=patience(1)).received == 4
        after = self.sent()
        others = ("lan", "port", "enp", "lo")
        taken = [name for name in after if not name.startswith(others) and after[name] - before[name] >= 4]
        assert taken == [tunnel]


def reach(node: Node, address: str, source: str | None = None) -> None:
    """What has just come up may lose the first packets."""
    until(lambda: node.ping(address, count=1, source=source, patience=0.3).received == 1, 3, f"answers of {address}")
    assert node.ping(address, count=3, source=source).received == 3


def converted(node: Node, files: Sequence[Path], name: str) -> Path:
    """The one native file that means the same."""
    done = node.run([programs.mpquic(), "config", "convert", *files])
    return node.write_file(f"etc/{name}.yaml", done.stdout)


class TestOneTunnelForEachLink:
    def test_six_of_which_two_have_no_address_at_first(self, testbed: Testbed) -> None:
        site = Site(testbed, range(1, 7))
        late = (3, 5)
        for number in range(1, 7):
            if number not in late:
                site.give_address(number)
        names = [f"{number}.yaml" for number in range(1, 7)]
        site.run(site.server, *site.install(site.server, *(f"server/{name}" for name in names)))
        clients = site.run(site.box, *site.install(site.box, *(f"client/{name}" for name in names)))

        for node in (site.server, site.box):
            shares = re.findall(r"mpquic\.(\d+)\.", node.run("nft list tables").stdout)
            assert len(set(shares)) == 6, "of nodes that start at once each has numbers of its own"
        for number, client in enumerate(clients, start=1):
            if number in late:
                client.wait_for_log("no IPv4 address")
                assert client.tunnel()["state"] == "waiting for link"
            else:
                client.wait_until_up()
        for number in late:
            site.give_address(number)
            clients[number - 1].wait_until_up()
        for number in range(1, 7):
            reach(site.box, f"10.200.{number}.2")

        capture = site.internet.start("tcpdump -n -l -i inet0 icmp")
        capture.wait_for_log("listening on")
        for number in range(1, 7):
            site.add_host(10 + number, f"mpq{number}")
            site.expect_way(f"172.16.0.{10 + number}", f"mpq{number}")
            capture.wait_for_log(rf"172.16.0.{10 + number} > {INTERNET_V4}: ICMP echo request")
        exchange_tcp(site.lan, site.internet, INTERNET_V4, 4 << 20)
        # Nor is what the server itself answers.
        site.expect_way("172.16.0.12", "mpq2", to=SERVER_INSIDE_V4)
        assert site.internet.ping("172.16.0.12", count=2, patience=0.3).received == 0, "only answers come in"


class TestThreeClassesOnOneLink:
    @pytest.mark.parametrize("form", ["flat", "native"])
    def test_share_a_server(self, testbed: Testbed, form: str) -> None:
        site = Site(testbed, [5])
        site.give_address(5)
        at_server = site.install(site.server, "server/mt1.yaml")
        at_box = site.install(site.box, "client/cr5.yaml", "client/df5.yaml", "client/bk5.yaml")
        if form == "native":
            at_server, at_box = [converted(site.server, at_server, "mt1")], [converted(site.box, at_box, "box")]
        (server,) = site.run(site.server, *at_server)
        for client in site.run(site.box, *at_box):
            client.wait_until_up()
        assert [each["peer"] for each in server.tunnel("mt1")["connections"]] == ["box1"] * 3

        for host, tunnel in ((11, "cr5"), (12, "df5"), (13, "bk5")):
            reach(site.box, "10.200.10.254", source=tunnel)
            site.add_host(host, tunnel)
            site.expect_way(f"172.16.0.{host}", tunnel)
        learned = {route["prefix"] for route in server.tunnel("mt1")["routes"] if route["kind"] == "learned"}
        assert learned == {"172.16.0.11/32", "172.16.0.12/32", "172.16.0.13/32"}


class TestNineTunnels:
    def test_take_tagged_traffic_of_the_lan_by_vlan(self, testbed: Testbed) -> None:
        site = Site(testbed, [4, 5, 6])
        for number in (4, 5, 6):
            site.give_address(number)
        kinds = {1: "cr", 2: "br", 3: "df"}
        vlans = {10 * lan + digit: f"{kinds[digit]}{lan + 3}" for lan in (1, 2, 3) for digit in kinds}
        for node, last in ((site.box, 1), (site.lan, 2)):
            add_vlans(node, "lan0", list(vlans))
            for vlan in vlans:
                node.add_addresses(f"lan0.{vlan}", f"172.16.{vlan}.{last}/30")
        for vlan in vlans:
            site.lan.ip(f"route add default via 172.16.{vlan}.1 dev lan0.{vlan} table {vlan}")
            site.lan.ip(f"rule add from 172.16.{vlan}.2 lookup {vlan}")

        site.run(site.server, *site.install(site.server, *(f"nine/server/mt{number}.yaml" for number in (4, 5, 6))))
        site.install(site.box)
        box_file = shutil.copy(SHIPPED / "nine" / "box.yaml", site.box.directory / "etc")
        (box,) = site.run(site.box, Path(box_file))
        box.wait_until_up()

        wire = site.box.start("tcpdump -e -n -l -i lan0 -c 2000")
        wire.wait_for_log("listening on")
        internet = site.internet.start("tcpdump -n -l -i inet0 icmp")
        internet.wait_for_log("listening on")
        for vlan, tunnel in vlans.items():
            site.expect_way(f"172.16.{vlan}.2", tunnel)
            wire.wait_for_log(rf"vlan {vlan}, .*172.16.{vlan}.2 > {INTERNET_V4}: ICMP echo request")
            internet.wait_for_log(rf"172.16.{vlan}.2 > {INTERNET_V4}: ICMP echo request")
        site.lan.ip("route add default via 172.16.22.1 dev lan0.22")
        before = site.sent()
        exchange_tcp(site.lan, site.internet, INTERNET_V4, 4 << 20)
        assert site.sent()["br5"] - before["br5"] >= (4 << 20) / 65536


class TestLinksByAddress:
    def test_a_tunnel_follows_the_address_to_another_interface(self, testbed: Testbed) -> None:
        site = Site(testbed, [1, 2])
        site.run(site.server, *site.install(site.server, "server/1.yaml"))
        (file,) = site.install(site.box, "client/1.yaml")
        file.write_text(file.read_text().replace("if:enp7s3", "10.60.9.2"))
        (client,) = site.run(site.box, file)
        client.wait_for_log("waiting for 10.60.9.2: no interface has this address")
        assert client.tunnel()["state"] == "waiting for link"

        for number, interface in ((1, "enp7s3"), (2, "enp7s4"), (1, "enp7s3")):
            site.server.add_addresses(f"wan{number}", "10.60.9.1/24")
            site.box.add_addresses(interface, "10.60.9.2/24")
            site.box.ip(f"route add default via 10.60.9.1 dev {interface}")
            client.wait_until_up()
            assert client.tunnel()["connections"][0]["local_address"].startswith("10.60.9.2:")
            assert re.findall(r"through (\w+) ", client.log)[-1] == interface
            reach(site.box, "10.200.1.2")
            until(lambda interface=interface: f"oif {interface}" in site.box.ip("rule show"), 2, "its rule")
            site.box.ip(f"address del 10.60.9.2/24 dev {interface}")
            site.server.ip(f"address del 10.60.9.1/24 dev wan{number}")
            until(lambda: client.tunnel()["state"] == "waiting for link", 3)
            until(lambda: "oif enp7s" not in site.box.ip("rule show"), 2, "no rule for an interface without it")


class TestCommandLine:
    def test_a_name_is_looked_up_where_the_system_has_its_nodes(self, testbed: Testbed) -> None:
        site = Site(testbed, [])
        site.install(site.box, "client/1.yaml")
        install = 'mount -t tmpfs none /etc; mkdir /etc/mpquic; cp -rL "$0"/* /etc/mpquic; exec "$@"'
        etc = str(site.box.directory / "etc")

        def mpquic(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = ["sh", "-ec", install, etc, programs.mpquic(), *arguments]
            return site.box.run(command, check=False)

        assert "tunnel mpq1: 10.200.1.1/30" in mpquic("check", "1").stdout
        assert "mpq1: {links: enp7s3, server: 203.0.113.1:45001" in mpquic("config", "convert", "1").stdout
        for arguments in (["run", "7"], ["check", "7"], ["net", "diff", "7"], ["config", "convert", "1", "7"]):
            refused = mpquic(*arguments)
            assert (refused.returncode, refused.stdout) == (2, ""), arguments
            assert refused.stderr == (
                'mpquic: no configuration "7": '
                "neither /etc/mpquic/7.yaml nor /etc/mpquic/instances/7.yaml is there\n"
            )

    def test_what_cannot_be_converted_is_said_in_one_line(self, testbed: Testbed) -> None:
        site = Site(testbed, [])
        one, two = site.install(site.server, "server/1.yaml", "server/2.yaml")
        (native,) = site.install(site.box, "nine/box.yaml")
        native = native.rename(native.parent.parent / "box.yaml")
        two.write_text(two.read_text().replace("0.0.0.0", "'::'").replace("45002", "45001"))
        together = "0.0.0.0:45001 is taken by [::]:45001 (line 6), which takes in IPv4"
        for files, said in (
            ([native], f"mpquic: {native} is a native configuration already"),
            ([one, one], f'mpquic: {one} and {one} can\'t be one node: both have the tunnel "mpq1"'),
            ([one, two], f"mpquic: these files can't be one node: {together}"),
        ):
            done = site.box.run([programs.mpquic(), "config", "convert", *files], check=False)
            assert (done.returncode, done.stdout, done.stderr) == (2, "", said + "\n")
