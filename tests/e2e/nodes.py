"""mpquic on the nodes of a lab: what the end-to-end tests share.

A `Testbed` is a lab with certificates (an `Authority`), in which `mpquic run` is started and stopped. Whatever a test
has started is stopped at its end, and checked: exit status 0 after SIGTERM, and no sanitizer's report in any log.

    def test_a_ping(testbed: Testbed) -> None:            # the fixture is in conftest.py
        net = topology.pair(testbed.lab)
        server = testbed.run(net.server, server_configuration(
            testbed.authority, tunnels={"mt": ["10.200.15.254/24"]}, clients={"box1": ["10.200.15.0/28"]}))
        client = testbed.run(net.client, client_configuration(
            testbed.authority, "box1", server=f"{net.server_v4}:45010", tunnels={"cr": ["10.200.15.1/24"]}))
        client.wait_until_up()
        assert net.client.ping("10.200.15.254").loss == 0
        assert server.tunnel("mt")["connections"][0]["peer"] == "box1"

or, as most tests need just that: `joined = join(testbed, topology.pair(testbed.lab))`.

Configurations are dictionaries in the shape of docs/configuration.md, so a test may change what it likes before it
hands them to `run`; a string is taken as it is. `until` waits for a condition; `patience` says how long a thing that
should take `seconds` may take here (a shared machine, or a program under a sanitizer)."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lab import Lab, Node, Process, programs, topology
from lab.waiting import wait_until

T = TypeVar("T")
Configuration = dict[str, Any]

PORT = 45010
SANITIZER_REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer|Assertion .* failed")


def sanitized() -> bool:
    """Whether the program under test was built with a sanitizer."""
    cache = programs.build_directory() / "CMakeCache.txt"
    return cache.exists() and re.search(r"^MPQUIC_SANITIZE:\w+=.", cache.read_text(), re.MULTILINE) is not None


def patience(seconds: float) -> float:
    return seconds * (8 if sanitized() else 2)


def until(condition: Callable[[], T], seconds: float = 5.0, what: str = "") -> T:
    """Waits until the condition holds, and returns its value."""
    return wait_until(condition, patience(seconds), what)


class Authority:
    """A CA with the certificates it has signed, made by `mpquic cert` when they are asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._cert("ca")

    def _cert(self, *arguments: str) -> None:
        command = [programs.mpquic(), "cert", *arguments, "--dir", str(self.directory)]
        subprocess.run(command, check=True, capture_output=True)

    @property
    def ca(self) -> str:
        return str(self.directory / "ca.pem")

    def server(self) -> Configuration:
        """`certificate` and `key` of the server, as `tls` has them."""
        if not (self.directory / "server.pem").exists():
            self._cert("server", "vps.example.net")
        return self._pair("server")

    def client(self, name: str) -> Configuration:
        if not (self.directory / f"{name}.pem").exists():
            self._cert("client", name)
        return self._pair(name)

    def renew_client(self, name: str) -> None:
        """A new certificate in the place of the old one, which the list of revoked ones goes on to name."""
        self._cert("client", name, "--renew")

    def revoke(self, *names: str) -> str:
        """Puts clients' certificates on the CA's revocation list; the list's file."""
        self._cert("revoke", *(self.client(name)["certificate"] for name in names))
        return str(self.directory / "crl.pem")

    def renew_server(self, into: Path) -> None:
        """A second certificate of the server, signed by the same CA, beside the first."""
        into.mkdir()
        for file in ("ca.pem", "ca.key"):
            shutil.copy(self.directory / file, into / file)
        command = [programs.mpquic(), "cert", "server", "vps.example.net", "--dir", str(into)]
        subprocess.run(command, check=True, capture_output=True)

    def _pair(self, name: str) -> Configuration:
        return {"certificate": str(self.directory / f"{name}.pem"), "key": str(self.directory / f"{name}.key")}


def server_configuration(
    authority: Authority, tunnels: dict[str, Any], clients: dict[str, Any], listen: str = f"[::]:{PORT}", **top: Any
) -> Configuration:
    """A tunnel's value is its configuration, or its addresses alone; a client's, or its prefixes alone."""
    return {
        "role": "server",
        "listen": listen,
        "tls": {**authority.server(), "client_ca": authority.ca},
        "tunnels": {name: _whole(value, "address") for name, value in tunnels.items()},
        "clients": {name: _whole(value, "prefixes") for name, value in clients.items()},
        **top,
    }


def client_configuration(
    authority: Authority, identity: str, server: str, tunnels: dict[str, Any], interfaces: Sequence[str] = ("wan",),
    **top: Any,
) -> Configuration:  # fmt: skip
    """Each interface is a link, named as itself. A tunnel's value is its configuration, or its addresses alone; unless
    it says something else, it goes over the first link."""
    return {
        "role": "client",
        "server": server,
        "tls": {**authority.client(identity), "ca": authority.ca},
        "links": {interface: {"interface": interface} for interface in interfaces},
        "tunnels": {
            name: {"links": [interfaces[0]], **_whole(value, "address")} for name, value in tunnels.items()
        },
        **top,
    }  # fmt: skip


def _whole(value: Any, key: str) -> Any:
    return value if isinstance(value, dict) else {key: value}


class Mpquic:
    """`mpquic run` on a node, started as often as one likes, each time with a log of its own."""

    def __init__(self, node: Node, name: str, configuration: Configuration | str) -> None:
        self.node = node
        self.name = name
        self.control = node.directory / f"{name}.sock"
        self.write(configuration)
        self.runs: list[Process] = []

    def write(self, configuration: Configuration | str) -> None:
        """Its file, anew."""
        if not isinstance(configuration, str):
            own = {"control": str(self.control)}
            if configuration.get("role") == "server":
                own["state"] = str(self.node.directory)
            configuration = json.dumps({**own, **configuration}, indent=2)
        self.file = self.node.write_file(f"{self.name}.yaml", configuration)

    def reload(self, configuration: Configuration | str) -> bool:
        """Writes its file and has it read. Whether it was taken up; if not, the log says why."""
        self.write(configuration)
        said = len(self.log)
        self.process.signal(signal.SIGHUP)
        answer = re.compile(r"has taken up|stays with the configuration")

        def answered() -> re.Match[str] | None:
            assert self.process.running, self.log
            return answer.search(self.log, said)

        return until(answered, 4, f"{self.name} reloaded").group() == "has taken up"

    def start(self, env: dict[str, str] | None = None) -> Mpquic:
        """Ready on return: its TUN devices are there, and its control socket answers."""
        self.start_only(env)
        self.wait_for_log(rf"{re.escape(self.name)} runs")
        return self

    def start_in(self, mounts: str) -> None:
        """Starts it where a shell command has mounted something for it alone, and doesn't wait."""
        script = f"{mounts} && exec {programs.mpquic()} run {self.file}"
        self.runs.append(self.node.start(["sh", "-ec", script], log=f"{self.name}-{len(self.node.processes)}.log"))

    def start_only(self, env: dict[str, str] | None = None) -> Process:
        """Starts it and doesn't wait, as when it is expected to fail."""
        command = [programs.mpquic(), "run", str(self.file)]
        self.runs.append(self.node.start(command, log=f"{self.name}-{len(self.node.processes)}.log", env=env))
        return self.process

    @property
    def process(self) -> Process:
        return self.runs[-1]

    @property
    def log(self) -> str:
        """Of the present run."""
        return self.process.log

    def wait_for_log(self, pattern: str, seconds: float = 5.0) -> re.Match[str]:
        return self.process.wait_for_log(pattern, patience(seconds))

    def stop(self, seconds: float = 2.0) -> float:
        """Asks it to end and checks that it did well. Returns how many seconds it took."""
        begun = time.monotonic()
        assert self.process.running, f"{self.name} has ended with {self.process.exit_status}:\n{self.log}"
        status = self.process.stop(patience(seconds))
        assert status == 0, f"{self.name}: status {status} after SIGTERM:\n{self.log[-4000:]}"
        self.check_log()
        return time.monotonic() - begun

    def kill(self) -> None:
        """As a crash would end it."""
        self.process.kill()
        self.check_log()

    def check_log(self) -> None:
        for run in self.runs:
            found = SANITIZER_REPORT.search(run.log)
            assert found is None, f"{self.name}:\n{run.log[found.start() : found.start() + 6000]}"

    def status(self) -> dict[str, Any]:
        """What `mpquic status --json` says; docs/status.md."""
        command = [programs.mpquic(), "status", "--json", str(self.control)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{self.name}: {done.stderr}"
        return json.loads(done.stdout)[0]

    def tunnel(self, name: str | None = None) -> dict[str, Any]:
        """The status of this tunnel, or of the only one."""
        tunnels = self.status()["tunnels"]
        return next(tunnel for tunnel in tunnels if name in (None, tunnel["name"]))

    def drops(self) -> dict[str, int]:
        """Those that are not 0."""
        return {reason: count for reason, count in self.status()["drops"].items() if count}

    def wait_until_up(self, tunnel: str | None = None, seconds: float = 5.0) -> None:
        """Client: this tunnel, or all, are up."""

        def up() -> bool:
            return all(each["state"] == "up" for each in self.status()["tunnels"] if tunnel in (None, each["name"]))

        until(up, seconds, f"{self.name} up")


class Testbed:
    """A lab with mpquic in it."""

    __test__ = False  # for pytest, which takes the name for a test's

    def __init__(self, lab: Lab, authority: Authority) -> None:
        self.lab = lab
        self.authority = authority
        self.programs: list[Mpquic] = []

    def add(self, node: Node, configuration: Configuration | str, name: str | None = None) -> Mpquic:
        """Not started yet. Its name is the configuration file's, by default the node's."""
        self.programs.append(Mpquic(node, name or node.name, configuration))
        return self.programs[-1]

    def run(self, node: Node, configuration: Configuration | str, name: str | None = None) -> Mpquic:
        return self.add(node, configuration, name).start()

    def stop(self) -> None:
        """Stops what still runs, clients first, and checks all logs. Everything is stopped even when a check fails."""
        problems = []
        for program in reversed(self.programs):
            try:
                if program.runs and program.process.running:
                    program.stop()
                program.check_log()
            except AssertionError as problem:
                problems.append(str(problem))
        assert not problems, "\n".join(problems)


INNER_SERVER_V4, INNER_SERVER_V6 = "10.200.15.254", "fd00:200:15::254"
INNER_CLIENT_V4, INNER_CLIENT_V6 = "10.200.15.1", "fd00:200:15::1"


@dataclass
class Joined:
    """A pair with one tunnel: `mt` at the server, `cr` at the client `box1`."""

    net: topology.Pair
    server: Mpquic
    client: Mpquic


def pair_server(testbed: Testbed, prefixes: Sequence[str] = (), **top: Any) -> Configuration:
    """For the server of a pair. `prefixes`: what box1 owns besides its tunnel's addresses."""
    return server_configuration(
        testbed.authority,
        tunnels={"mt": [f"{INNER_SERVER_V4}/24", f"{INNER_SERVER_V6}/64"]},
        clients={"box1": ["10.200.15.0/28", "fd00:200:15::/124", *prefixes]},
        **top,
    )


def pair_client(testbed: Testbed, server: str, interface: str = "wan", **top: Any) -> Configuration:
    """For the client of a pair. `server` is an address."""
    host = f"[{server}]" if ":" in server else server
    return client_configuration(
        testbed.authority,
        "box1",
        server=f"{host}:{PORT}",
        tunnels={"cr": [f"{INNER_CLIENT_V4}/24", f"{INNER_CLIENT_V6}/64"]},
        interfaces=[interface],
        **top,
    )


def join(testbed: Testbed, net: topology.Pair, outer: int = 4, **server_top: Any) -> Joined:
    """The pair with its tunnel up, over outer IPv4 or IPv6. `server_top` goes to the top of the server's
    configuration."""
    server = testbed.run(net.server, pair_server(testbed, **server_top))
    client = testbed.run(net.client, pair_client(testbed, net.server_v4 if outer == 4 else net.server_v6))
    client.wait_until_up()
    return Joined(net, server, client)
