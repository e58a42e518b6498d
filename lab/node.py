"""One network namespace: a host of the lab."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .measure import Iperf, Ping
from .process import Process

Command = Sequence[str | os.PathLike[str]]

# IPv6 addresses are usable at once, packets may come in by one link and leave by another, and everybody may ping.
_SETTINGS = {
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv6.conf.all.accept_dad": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
}


class CommandFailed(Exception):
    pass


class Node:
    """Made by Lab.node(). `namespace` is its name for `ip netns`; `directory` is scratch space, gone with the lab."""

    def __init__(self, name: str, namespace: str, directory: Path) -> None:
        self.name = name
        self.namespace = namespace
        self.directory = directory
        self.processes: list[Process] = []
        directory.mkdir(parents=True)
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        self.sysctl(_SETTINGS)
        self.ip("link set dev lo up")

    # Running programs

    def command(self, command: Command | str) -> list[str]:
        """As it has to be run from outside. A string is split as a shell would, without being given to one."""
        words = shlex.split(command) if isinstance(command, str) else [os.fspath(word) for word in command]
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(
        self, command: Command | str, check: bool = True, timeout: float = 30.0, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs it to its end. `text` is its standard input."""
        done = subprocess.run(
            self.command(command), capture_output=True, text=True, check=False, timeout=timeout, input=text or ""
        )
        if check and done.returncode != 0:
            shown = command if isinstance(command, str) else shlex.join(map(str, command))
            raise CommandFailed(f"{self.name}: {shown}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, command: Command | str, log: str | None = None, env: dict[str, str] | None = None) -> Process:
        """Runs it in the background. `log` names its log file below the node's directory."""
        words = self.command(command)
        name = log or f"{len(self.processes)}-{Path(words[4]).name}.log"
        process = Process(words, self.directory / name, env)
        self.processes.append(process)
        return process

    def python(self, code: str, *arguments: str, timeout: float = 30.0) -> str:
        """What the code prints, run by this very interpreter."""
        return self.run([sys.executable, "-c", code, *arguments], timeout=timeout).stdout

    def write_file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    # Addresses and settings

    def ip(self, arguments: str) -> str:
        """`ip` in this namespace, without the cost of entering it."""
        done = subprocess.run(
            ["ip", "-n", self.namespace, *shlex.split(arguments)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CommandFailed(f"{self.name}: ip {arguments}: {done.stderr.strip()}")
        return done.stdout

    def sysctl(self, settings: dict[str, str]) -> None:
        self.run(["sysctl", "-qw", *(f"{key}={value}" for key, value in settings.items())])

    def forward(self) -> None:
        """Makes it a router."""
        self.sysctl({"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"})

    def add_addresses(self, interface: str, *addresses: str) -> None:
        for address in addresses:
            self.ip(f"address add {address} dev {interface}{' nodad' if ':' in address else ''}")

    def addresses(self, interface: str) -> list[str]:
        """Of global scope, with their prefix length."""
        shown = json.loads(self.ip(f"-json address show dev {interface} scope global") or "[]")
        # What the filter leaves out, ip shows as empty objects.
        known = [address for entry in shown for address in entry.get("addr_info", []) if address]
        return [f"{address['local']}/{address['prefixlen']}" for address in known]

    # Measuring

    def ping(
        self, address: str, count: int = 10, interval: float = 0.02, size: int = 56, source: str | None = None,
        patience: float = 1.0, options: Command = (),
    ) -> Ping:  # fmt: skip
        """`size` is the ICMP payload. `source` is an address or an interface. Loss is a result, not an error."""
        words = ["ping", "-n", "-c", str(count), "-i", str(interval), "-s", str(size), "-W", str(patience)]
        words += ["-I", source] if source else []
        done = self.run([*words, *options, address], check=False, timeout=count * max(interval, 0.01) + patience + 20)
        if done.returncode not in (0, 1):
            raise CommandFailed(f"{self.name}: ping {address}: {done.stderr.strip()}")
        return Ping.parse(done.stdout)

    def iperf3_server(self, port: int = 5201) -> Process:
        """Listens until it is stopped; ready on return."""
        server = self.start(["iperf3", "-s", "-p", str(port), "--forceflush"], log=f"iperf3-{port}.log")
        server.wait_for_log("Server listening")
        return server

    def iperf3(
        self, address: str, seconds: float = 5, port: int = 5201, udp: str | None = None, reverse: bool = False,
        parallel: int = 1, congestion: str | None = None, options: Command = (),
    ) -> Iperf:  # fmt: skip
        """`udp` is its rate ("50M"), otherwise TCP. `congestion` should be said in benchmarks: the kernel's own choice
        differs from one machine to the next."""
        words = ["iperf3", "-J", "-c", address, "-p", str(port), "-t", str(seconds), "-P", str(parallel)]
        words += ["-u", "-b", udp] if udp else []
        words += ["-R"] if reverse else []
        words += ["-C", congestion] if congestion else []
        done = self.run([*words, *options], check=False, timeout=seconds + 30)
        return Iperf.parse(done.stdout)

    def tcp_connect(self, address: str, port: int, timeout: float = 3.0, device: str | None = None) -> bool:
        """Whether a TCP connection comes about, if wanted out of one device only."""
        code = (
            "import socket, sys\n"
            "address, port, timeout, device = sys.argv[1:]\n"
            "s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)\n"
            "s.settimeout(float(timeout))\n"
            "if device: s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())\n"
            "try: s.connect((address, int(port)))\n"
            "except OSError: print('no')\n"
            "else: print('yes')\n"
        )
        return self.python(code, address, str(port), str(timeout), device or "").strip() == "yes"

    def reap(self) -> None:
        """After the namespace is gone: nothing that was started here may stay behind as a zombie."""
        for process in self.processes:
            process.kill()
