"""mpquic against ends of CONNECT-IP that share nothing with it (far/, on aioquic), in the lab. `./dev interop` makes
what they need and runs this; see peer.py for how a test talks to such an end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests" / "e2e")]

from lab import Lab, Node  # noqa: E402
from nodes import Authority, Testbed  # noqa: E402
from peer import Peer  # noqa: E402

CHROOT = _ROOT / "build" / "interop" / "trixie"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@contextmanager
def _testbed(authority: Authority) -> Iterator[Testbed]:
    with Lab() as lab:
        made = Testbed(lab, authority)
        yield made
        made.stop()


@pytest.fixture
def testbed(authority: Authority) -> Iterator[Testbed]:
    with _testbed(authority) as made:
        yield made


@pytest.fixture(scope="module")
def shared_testbed(authority: Authority) -> Iterator[Testbed]:
    """One for all tests of a file."""
    with _testbed(authority) as made:
        yield made


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows the logs of mpquic."""
    report = (yield).get_result()
    testbeds = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Testbed)]
    for testbed in testbeds if report.failed else ():
        for program in testbed.programs:
            for run in program.runs[-2:]:
                if run.log_file.exists():
                    report.sections.append((run.log_file.name, run.log[-3000:]))


class Identity:
    """Certificates as a peer sees them."""

    FILES = "/mnt"

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def client(self, name: str) -> dict[str, str]:
        """Habits of an end that shows this client's certificate and trusts the authority."""
        self._authority.client(name)
        return self._of(name) | self.ca

    def server(self) -> dict[str, str]:
        self._authority.server()
        return self._of("server")

    @property
    def ca(self) -> dict[str, str]:
        return {"ca": f"{self.FILES}/ca.pem"}

    def _of(self, name: str) -> dict[str, str]:
        return {"certificate": f"{self.FILES}/{name}.pem", "key": f"{self.FILES}/{name}.key"}


@pytest.fixture(scope="session")
def identity(authority: Authority) -> Identity:
    return Identity(authority)


MakePeer = Callable[..., Peer]


@pytest.fixture
def peer(authority: Authority) -> Iterator[MakePeer]:
    """Makes ends of aioquic: peer(node, role, **habits). They are stopped and checked at the end of the test."""
    made: list[Peer] = []

    def make(node: Node, role: str, **habits: Any) -> Peer:
        made.append(Peer(node, CHROOT, role, habits, authority.directory))
        return made[-1]

    yield make
    for each in made:
        each.stop()
    for each in made:
        each.check()
