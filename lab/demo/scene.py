"""The network, the certificates and configurations, and mpquic at both ends.

                     +-- wan1, satellite -------------+
    three devices - box -- wan2, fibre --------------- server ---- a host on the internet
                     +-- wan3, LTE ---- carrier NAT --+
"""

from __future__ import annotations

import json
from pathlib import Path

from .. import programs, topology
from ..lab import Lab
from ..process import Process
from .plan import WANS, Wan

PORT = 45010
_BOX = "box1"

# Below what the lab itself has, so that they are asked first.
_PRIORITIES = 10000
_TABLES = 2000


class Broken(Exception):
    """The story can't go on; the message is the sentence that says why."""


class Scene:
    def __init__(self, lab: Lab) -> None:
        self.net = topology.box(lab, [wan.spec for wan in WANS])
        self.tls = lab.directory / "tls"
        self.control = self.net.box.directory / f"{_BOX}.sock"
        self.server_control = self.net.server.directory / "server.sock"
        self._running: dict[str, Process] = {}
        self._interfaces: Process | None = None
        for wan in WANS:
            self.net.lan.add_addresses("lan0", f"{wan.device_v4}/24")

    def make_certificates(self) -> None:
        for what in (["ca"], ["server", topology.SERVER_V4], ["client", _BOX]):
            self.net.box.run([programs.mpquic(), "cert", *what, "--dir", self.tls])

    def write_configurations(self) -> tuple[Path, Path]:
        """The box's and the server's."""
        links = "\n".join(f"  {wan.interface}: {{interface: {wan.interface}}}" for wan in WANS)
        ends = [f"  {wan.tunnel}: {{links: [{wan.interface}], address: {wan.client_v4}/24}}" for wan in WANS]
        box = self.net.box.write_file(f"{_BOX}.yaml", f"""\
role: client
server: {topology.SERVER_V4}:{PORT}
control: {self.control}
tls:
  ca: {self.tls}/ca.pem
  certificate: {self.tls}/{_BOX}.pem
  key: {self.tls}/{_BOX}.key
links:
{links}
tunnels:
""" + "\n".join(ends) + "\n")  # fmt: skip
        own = ", ".join([wan.client_v4 for wan in WANS] + ["192.168.77.0/24"])
        ends = [f"  {wan.tunnel}: {{address: {wan.server_v4}/24}}" for wan in WANS]
        server = self.net.server.write_file("server.yaml", f"""\
role: server
listen: 0.0.0.0:{PORT}
control: {self.server_control}
tls:
  certificate: {self.tls}/server.pem
  key: {self.tls}/server.key
  client_ca: {self.tls}/ca.pem
tunnels:
""" + "\n".join(ends) + f"""
clients:
  {_BOX}: {{prefixes: [{own}]}}
""")  # fmt: skip
        return box, server

    def start_server(self, configuration: Path) -> None:
        self._running["the server's mpquic"] = self.net.server.start(
            [programs.mpquic(), "run", configuration], log="mpquic.log"
        )

    def start_box(self, configuration: Path) -> None:
        self._running["the box's mpquic"] = self.net.box.start(
            [programs.mpquic(), "run", configuration], log="mpquic.log"
        )

    def route_the_lan(self) -> None:
        """Each device of the LAN gets a tunnel of its own. These rules are the demo's, made with `ip` by hand: this
        version of mpquic carries what is routed into its TUN interfaces, and leaves the routing to the host."""
        for wan in WANS:
            table, priority = _TABLES + wan.number, _PRIORITIES + wan.number
            self.net.box.ip(f"route add default dev {wan.tunnel} table {table}")
            self.net.box.ip(f"rule add priority {priority} from {wan.device_v4} lookup {table}")
            self.net.server.ip(f"route add {wan.device_v4} dev {wan.tunnel}")

    def watch_interfaces(self) -> None:
        """From now on every interface of the box that is made, changed or removed is written down."""
        self._interfaces = self.net.box.start(["ip", "-o", "monitor", "link"], log="interfaces.log")

    def removed(self, wan: Wan) -> bool:
        """Whether the kernel has reported that the tunnel's interface was removed."""
        log = self._interfaces.log if self._interfaces else ""
        return any(line.startswith("Deleted") and f" {wan.tunnel}:" in line for line in log.splitlines())

    def ifindex(self, wan: Wan) -> int:
        """0: there is no such interface."""
        listed = json.loads(self.net.box.ip("-json link show"))
        return next((entry["ifindex"] for entry in listed if entry["ifname"] == wan.tunnel), 0)

    def cpu_seconds(self) -> tuple[float, float]:
        """How long mpquic at both ends has run so far, and how long it was ready to run but had to wait for a CPU."""
        ran = waited = 0
        for process in self._running.values():
            for schedstat in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
                fields = schedstat.read_text().split()
                ran += int(fields[0])
                waited += int(fields[1])
        return ran / 1e9, waited / 1e9

    def check(self) -> None:
        """Fails with the last words of a program that has ended."""
        for name, process in self._running.items():
            if not process.running:
                last = process.log.strip().splitlines()[-3:]
                raise Broken(f"{name} has ended with status {process.exit_status}: {' / '.join(last) or 'no word'}")

    def last_words(self) -> list[str]:
        return [
            f"{name}: {line}" for name, process in self._running.items() for line in process.log.splitlines()[-6:]
        ]
