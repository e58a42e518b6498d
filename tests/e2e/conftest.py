"""End-to-end tests: the real program, real packets, real namespaces. What they share is in nodes.py (mpquic on nodes)
and traffic.py (bytes that must arrive). The program comes from $MPQUIC_BUILD, which may be a sanitizer's build."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab import Lab  # noqa: E402
from nodes import Authority, Mpquic, Testbed  # noqa: E402

_HERE = Path(__file__).parent
_LOG_TAIL = 3000


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "threads: what goes on between threads; worth running under ThreadSanitizer")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if item.path.parent == _HERE:
                item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows the logs of what was running."""
    report = (yield).get_result()
    if not report.failed:
        return
    running = {program: None for value in getattr(item, "funcargs", {}).values() for program in _programs_of(value)}
    for program in running:
        for run in program.runs[-2:]:
            if run.log_file.exists():  # its lab may be gone by now
                report.sections.append((f"{run.log_file.name}", run.log[-_LOG_TAIL:]))


def _programs_of(value: object) -> list[Mpquic]:
    """Of a testbed, or of what a file's own fixture gives."""
    if isinstance(value, Testbed):
        return value.programs
    members = getattr(value, "__dict__", {}).values()
    within = [program for member in members if isinstance(member, Testbed) for program in member.programs]
    return within + [member for member in members if isinstance(member, Mpquic)]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@contextmanager
def _testbed(authority: Authority) -> Iterator[Testbed]:
    with Lab() as lab:
        testbed = Testbed(lab, authority)
        yield testbed
        testbed.stop()


@pytest.fixture
def testbed(authority: Authority) -> Iterator[Testbed]:
    with _testbed(authority) as made:
        yield made


@pytest.fixture(scope="module")
def shared_testbed(authority: Authority) -> Iterator[Testbed]:
    """One for all tests of a file."""
    with _testbed(authority) as made:
        yield made
