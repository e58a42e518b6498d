"""The package and its units on a machine that boots (machine.py), with tunnels to a node outside of it.

      box (the machine)                       far (a namespace)
      mpquic@box, client  ---- cr/mt ------>  server
      mpquic@hub, server  <--- hb/fc -------  client

Needs the package: `./dev package`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]

from lab import Lab, Node, topology  # noqa: E402
from machine import Machine, until  # noqa: E402
from nodes import Authority, Configuration, Mpquic, Testbed, client_configuration, server_configuration  # noqa: E402

INSTANCES = ("mpquic@box.service", "mpquic@hub.service")
INNER = {"box": "10.200.15.1", "hub": "10.200.25.254"}  # as they are seen from far


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows the end of the machine's journal."""
    report = (yield).get_result()
    for site in {id(value): value for value in getattr(item, "funcargs", {}).values()}.values():
        if report.failed and isinstance(site, Site):
            journal = site.machine.run("journalctl --no-pager --lines=60", check=False)
            report.sections.append(("journal", journal.stdout))


@pytest.fixture(scope="session")
def package() -> Path:
    built = list((ROOT / "build" / "package").glob("mpquic_*.deb"))
    assert len(built) == 1, "there is no package, or more than one, in build/package: ./dev package"
    return built[0]


@dataclass
class Pings:
    """What became of pings that were sent twenty times a second."""

    longest_pause: float = 0.0  # seconds between two answers
    lost: int = 0  # of those before the last that was answered


@contextmanager
def watched(node: Node, address: str) -> Iterator[Pings]:
    """Pings all the while; the result is there afterwards."""
    pings = Pings()
    process = node.start(f"ping -D -n -i 0.05 {address}", log=f"ping-{address}.log")
    until(lambda: process.log.count("bytes from") >= 5, what="the first answers")
    yield pings
    count = process.log.count("bytes from")
    until(lambda: process.log.count("bytes from") >= count + 5, what="answers afterwards")
    process.stop(5)
    answers = re.findall(r"^\[(\d+\.\d+)\] \d+ bytes from .* icmp_seq=(\d+)", process.log, re.MULTILINE)
    times = [float(time) for time, _ in answers]
    pings.longest_pause = max(later - earlier for earlier, later in zip(times, times[1:]))
    numbers = {int(number) for _, number in answers}
    pings.lost = max(numbers) - len(numbers)


def variant(package: Path, directory: Path, name: str, files: dict[str, str] | None = None) -> Path:
    """The same package with a later version, of which `name` is a part, and other files."""
    tree = directory / name
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: (.*)", rf"Version: \1+{name}", control.read_text(), flags=re.MULTILINE))
    for inside, text in (files or {}).items():
        (tree / inside).write_text(text)
    made = directory / f"{name}.deb"
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(made)],
                   check=True, capture_output=True)  # fmt: skip
    return made


@dataclass
class Site:
    """What the tests of a file share."""

    machine: Machine
    net: topology.Pair
    testbed: Testbed
    server: Mpquic
    client: Mpquic

    def start(self) -> None:
        self.machine.run(["systemctl", "start", *INSTANCES])
        self.wait_until_up()

    def tunnels_up(self) -> bool:
        done = self.machine.run("mpquic status --json", check=False)
        if done.returncode != 0:
            return False
        status = {node["instance"]: node["tunnels"] for node in json.loads(done.stdout)}
        return (
            set(status) == {"box", "hub"}
            and all(tunnel["state"] == "up" for tunnel in status["box"])
            and all(tunnel["connections"] for tunnel in status["hub"])
        )

    def wait_until_up(self) -> None:
        until(self.tunnels_up, what="both tunnels up")
        for address in INNER.values():
            until(lambda: self.net.server.ping(address, count=1).loss == 0, what=f"a ping to {address}")

    def installed_version(self) -> str:
        """Empty when it is not installed."""
        query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", "mpquic"]
        status, _, version = self.machine.run(query, check=False).stdout.partition(" ")
        return version if status == "installed" else ""

    def starts(self, unit: str) -> int:
        """How often it has been started by now."""
        return len(re.findall(r"^\w+ runs, version", self.machine.journal(unit), re.MULTILINE))


def _inside(configuration: Configuration) -> str:
    """With its files where they are in the machine."""
    tls = {
        key: f"tls/{Path(value).name}" if str(value).startswith("/") else value
        for key, value in configuration["tls"].items()
    }
    return json.dumps({**configuration, "tls": tls}, indent=2)


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The package is installed, both nodes are configured, and their other ends are there."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    with Lab() as lab:
        net = topology.pair(lab)
        testbed = Testbed(lab, authority)
        with Machine(net.client) as machine:
            machine.install(package)
            machine.write("/etc/mpquic/box.yaml", _inside(client_configuration(
                authority, "box1", server=f"{net.server_v4}:45010", tunnels={"cr": ["10.200.15.1/24"]},
                classify=[{"source": "172.16.5.0/30", "tunnel": "cr"}])))
            machine.write("/etc/mpquic/hub.yaml", _inside(server_configuration(
                authority, tunnels={"hb": ["10.200.25.254/24"]}, clients={"far1": ["10.200.25.0/28"]},
                listen="0.0.0.0:45020", egress={"interface": "wan", "masquerade": True})))  # fmt: skip
            server = testbed.run(net.server, server_configuration(
                authority, tunnels={"mt": ["10.200.15.254/24"]}, clients={"box1": ["10.200.15.0/28"]}), "server")
            client = testbed.run(net.server, client_configuration(
                authority, "far1", server=f"{net.client_v4}:45020", tunnels={"fc": ["10.200.25.1/24"]}), "far")
            # As root has made them: keys with mode 0600.
            shutil.copytree(authority.directory, machine.path("/etc/mpquic/tls"), dirs_exist_ok=True)
            yield Site(machine, net, testbed, server, client)
        testbed.stop()
