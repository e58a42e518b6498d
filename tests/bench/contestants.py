"""Who takes part: tunnels between the two nodes of one pair, each with addresses of its own and with the MTU that it
takes by itself; the relay, which has no opinion, has that of mpquic."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import Lab, Node, Process, programs, topology
from tests.e2e.nodes import Authority, Mpquic, Testbed, client_configuration, server_configuration, until

from .shared_link import SharedLink

CLIENT = "box1"
EVERYBODY = {
    "bare": "the veth cable itself",
    "relay": "mpquic's data path without QUIC, one worker at either end: the ceiling",
    "mpquic": "one worker at either end",
    "mpquic-2": "two workers at either end; the default is one for each CPU",
    "mpquic-h3": "one worker at either end, over the native protocol; the others speak mpquic-ip",
    "wireguard": "wireguard-go",
    "openvpn": "UDP, AES-128-GCM, no compression, --fast-io, no kernel module",
}


@dataclass
class Contestant:
    name: str
    client: Node
    server: Node
    address: str
    """Of the server, inside the tunnel."""
    mtu: int
    processes: list[Process] = field(default_factory=list)
    """Of both ends."""


class Field:
    """All contestants, set up when they are first asked for."""

    def __init__(self, lab: Lab) -> None:
        self.net = topology.pair(lab)
        self.testbed = Testbed(lab, Authority(lab.directory / "tls"))
        self.iperf3 = self.net.server.iperf3_server()
        self._made: dict[str, Contestant] = {}
        self._shared_link: SharedLink | None = None
        self._makers: dict[str, Callable[[], Contestant]] = {
            "bare": self._bare,
            "relay": self._relay,
            "mpquic": lambda: self._mpquic("mpquic", workers=1, number=2),
            "mpquic-2": lambda: self._mpquic("mpquic-2", workers=2, number=3),
            "mpquic-h3": lambda: self._mpquic("mpquic-h3", workers=1, number=5, alpn="h3"),
            "wireguard": self._wireguard,
            "openvpn": self._openvpn,
        }

    def __getitem__(self, name: str) -> Contestant:
        if name not in self._made:
            contestant = self._makers[name]()
            until(lambda: contestant.client.ping(contestant.address, count=1).received == 1, 10, f"{name} answers")
            self._made[name] = contestant
        return self._made[name]

    @property
    def shared_link(self) -> SharedLink:
        """No contestant: three tunnels of mpquic, on a network of their own."""
        if self._shared_link is None:
            self._shared_link = SharedLink(self.testbed.lab, self.testbed)
        return self._shared_link

    @property
    def made(self) -> list[Contestant]:
        return list(self._made.values())

    def _contestant(self, name: str, address: str, interface: str, processes: list[Process]) -> Contestant:
        shown = self.net.client.ip(f"-o link show dev {interface}").split()
        mtu = int(shown[shown.index("mtu") + 1])
        return Contestant(name, self.net.client, self.net.server, address, mtu, processes)

    def _bare(self) -> Contestant:
        return self._contestant("bare", self.net.server_v4, "wan", [])

    def _relay(self) -> Contestant:
        relay = programs.build_directory() / "tests" / "bench" / "relay"
        mtu = self["mpquic"].mtu
        ends = [(self.net.client, 1, self.net.client_v4, self.net.server_v4),
                (self.net.server, 254, self.net.server_v4, self.net.client_v4)]  # fmt: skip
        processes = []
        for node, host, local, remote in ends:
            words = [str(relay), "relay", f"10.201.1.{host}/24", str(mtu), f"{local}:7000", f"{remote}:7000"]
            processes.append(node.start(words, log="relay.log"))
            processes[-1].wait_for_log("relaying")
        return self._contestant("relay", "10.201.1.254", "relay", processes)

    def _mpquic(self, name: str, workers: int, number: int, alpn: str = "mpquic-ip") -> Contestant:
        authority, net, port = self.testbed.authority, self.net, 45010 + number
        server = self.testbed.run(
            net.server,
            server_configuration(authority, {name: [f"10.201.{number}.254/24"]}, {CLIENT: [f"10.201.{number}.0/25"]},
                                 listen=f"{net.server_v4}:{port}", workers=workers),
            name,
        )  # fmt: skip
        client = self.testbed.run(
            net.client,
            client_configuration(authority, CLIENT, f"{net.server_v4}:{port}", {name: [f"10.201.{number}.1/24"]},
                                 workers=workers, alpn=alpn),
            name,
        )  # fmt: skip
        client.wait_until_up()
        _await_steady_mtu(client)
        return self._contestant(name, f"10.201.{number}.254", name, [client.process, server.process])

    def _wireguard(self) -> Contestant:
        # Its control sockets lie in one directory for all namespaces, hence names that nobody else has.
        names = [f"wg{os.getpid()}c", f"wg{os.getpid()}s"]
        ends = [(self.net.client, names[0], 1, self.net.server_v4),
                (self.net.server, names[1], 254, self.net.client_v4)]  # fmt: skip
        keys = [subprocess.run(["wg", "genkey"], check=True, capture_output=True, text=True).stdout for _ in ends]
        processes = []
        for (node, name, host, remote), own, other in zip(ends, keys, reversed(keys), strict=True):
            processes.append(node.start(["wireguard-go", "-f", name], env={"LOG_LEVEL": "error"}))
            until(lambda n=node, d=name: n.run(["wg", "show", d], check=False).returncode == 0, 5, "wireguard-go runs")
            public = subprocess.run(["wg", "pubkey"], check=True, capture_output=True, text=True, input=other).stdout
            node.run(["wg", "set", name, "listen-port", "51820",
                      "private-key", str(node.write_file("wireguard.key", own)), "peer", public.strip(),
                      "endpoint", f"{remote}:51820", "allowed-ips", "10.201.4.0/24"])  # fmt: skip
            node.add_addresses(name, f"10.201.4.{host}/24")
            node.ip(f"link set dev {name} up")
        return self._contestant("wireguard", "10.201.4.254", names[0], processes)

    def _openvpn(self) -> Contestant:
        authority, net = self.testbed.authority, self.net
        listening = ["--tls-server", "--local", net.server_v4, "--dh", "none"]
        calling = ["--tls-client", "--remote", net.server_v4]
        ends = [(net.server, listening, 254, 1, authority.server()),
                (net.client, calling, 1, 254, authority.client(CLIENT))]  # fmt: skip
        processes = []
        for node, role, host, peer, identity in ends:
            words = ["openvpn", *role, "--proto", "udp4", "--port", "1194", "--dev", "ovpn", "--dev-type", "tun",
                     "--ifconfig", f"10.201.5.{host}", f"10.201.5.{peer}", "--ca", authority.ca,
                     "--cert", identity["certificate"], "--key", identity["key"],
                     "--cipher", "AES-128-GCM", "--data-ciphers", "AES-128-GCM", "--fast-io",
                     "--disable-dco", "--verb", "3"]  # fmt: skip
            processes.append(node.start(words, log="openvpn.log"))
        for process in processes:
            process.wait_for_log("Initialization Sequence Completed", 20)
            process.wait_for_log("Data Channel: .*AES-128-GCM", 5)
        return self._contestant("openvpn", "10.201.5.254", "ovpn", list(reversed(processes)))


def _await_steady_mtu(client: Mpquic) -> None:
    """Path MTU discovery goes on for a while after a tunnel is up."""
    known, since = 0, time.monotonic()
    while time.monotonic() - since < 1.5:
        mtu = client.tunnel()["mtu"]
        if mtu != known:
            known, since = mtu, time.monotonic()
        time.sleep(0.1)
