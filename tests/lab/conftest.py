"""Tests of the lab itself, in real namespaces. Where time is measured, only what the kernel guarantees is asserted
tightly (never early); late is allowed by as much as a busy shared machine may need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lab import Lab, LinkSpec, topology  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if item.path.parent == Path(__file__).parent and item.path.stem != "test_measure":
                item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


NOTHING = (
    "delay=0,jitter=0,jitter-hold=0,order=keep,rate=0,queue=0,loss=0,gilbert=0,duplicate=0,reorder=0,"
    "reorder-delay=0,mtu=0,trace=0"
)


@pytest.fixture(scope="module")
def shared_pair() -> Iterator[topology.Pair]:
    with Lab() as lab:
        yield topology.pair(lab, LinkSpec.both(""))


@pytest.fixture
def pair(shared_pair: topology.Pair) -> topology.Pair:
    """A pair whose link does nothing to packets, whatever the test before has set."""
    shared_pair.link.carrier(up=True)
    shared_pair.link.heal()
    shared_pair.link.set(NOTHING)
    return shared_pair
