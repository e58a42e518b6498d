"""Nothing of a lab outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from lab import CommandFailed, Lab, LinkSpec, clean, leftovers, topology

_OWNER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from lab import Lab, LinkSpec, topology
with Lab() as lab:
    net = topology.pair(lab, LinkSpec.both("delay=1ms"))
    sleeper = net.client.start("sleep 1000")
    print(lab.name, lab.directory, sleeper.pid, flush=True)
    time.sleep(1000)
"""


def start_owner() -> tuple[subprocess.Popen[str], str, Path, int]:
    """Another process that has a lab, with programs running in it."""
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, str(ROOT)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    name, directory, pid = owner.stdout.readline().split()
    return owner, name, Path(directory), int(pid)


def remains(name: str) -> list[str]:
    return [namespace for namespace in leftovers.namespaces() if namespace.startswith(name)]


def test_nothing_is_left_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), Lab() as lab:
        net = topology.pair(lab, LinkSpec.both("delay=1ms"))
        # One that can only be killed, and one that has left its parent.
        stubborn = net.client.start(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"])
        stubborn.wait_for_log("ready")
        net.server.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &"])
        assert len(remains(lab.name)) == 3
        raise ZeroDivisionError
    assert remains(lab.name) == []
    assert not lab.directory.exists()
    assert not stubborn.running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_after_a_signal(number: signal.Signals) -> None:
    owner, name, directory, pid = start_owner()
    assert remains(name)
    owner.send_signal(number)
    assert owner.wait(20) != 0
    assert remains(name) == []
    assert not directory.exists()
    assert leftovers.start_ticks(pid) is None


def test_clean_removes_what_a_killed_owner_left_and_nothing_else() -> None:
    owner, name, directory, pid = start_owner()
    with Lab() as mine:
        sleeper = mine.node("a").start("sleep 1000")
        assert remains(name), "its owner lives, so a new lab does not touch it"
        owner.kill()
        owner.wait()
        assert leftovers.start_ticks(pid) is not None
        assert sorted(clean()) == [f"{name}-client", f"{name}-links", f"{name}-server"]
        assert leftovers.start_ticks(pid) is None
        assert not directory.exists()
        assert remains(mine.name) == [f"{mine.name}-a"]
        assert sleeper.running


def test_a_name_says_whether_its_owner_lives() -> None:
    me, started = os.getpid(), leftovers.start_ticks(os.getpid())
    assert started is not None
    table = {
        f"mpq-{me}-{started}-0-client": False,
        f"mpq-{me}-{started - 1}-0-client": True,  # the pid is in use again
        "mpq-4194305-17-3-client": True,  # no pid is that large
        "mpq-4194305-17-3": True,
        "mpq-client": False,
        "mpqx-4194305-17-3": False,
        "my-mpq-4194305-17-3": False,
    }
    for name, abandoned in table.items():
        assert leftovers.is_abandoned(name) is abandoned, name


def test_processes_are_started_watched_and_stopped() -> None:
    with Lab() as lab:
        node = lab.node("a")
        polite = node.start(["sh", "-c", "trap 'echo bye; exit 3' TERM; echo hello; while :; do sleep 0.02; done"])
        polite.wait_for_log("^hello$")
        assert polite.stop() == 3
        assert polite.log == "hello\nbye\n"

        deaf = node.start(["sh", "-c", "trap '' TERM; echo hello; while :; do sleep 0.02; done"])
        deaf.wait_for_log("hello")
        assert deaf.stop(timeout=0.2) == -signal.SIGKILL

        began = time.monotonic()
        with pytest.raises(TimeoutError, match="ended with 1"):
            node.start(["sh", "-c", "exit 1"]).wait_for_log("never said", timeout=30)
        assert time.monotonic() - began < 10


def test_a_failing_command_says_all_there_is_to_say() -> None:
    with Lab() as lab:
        node = lab.node("a")
        with pytest.raises(CommandFailed, match="a: sh -c 'echo no >&2; exit 4': status 4\nno"):
            node.run(["sh", "-c", "echo no >&2; exit 4"])
        assert node.run("false", check=False).returncode == 1
        with pytest.raises(subprocess.TimeoutExpired):
            node.run("sleep 5", timeout=0.1)
        assert node.run("cat", text="given").stdout == "given"


def test_logs_are_kept_if_wanted(tmp_path: Path) -> None:
    with Lab(keep_logs=tmp_path) as lab:
        lab.node("a").start("echo something", log="said.log").wait(5)
    assert (tmp_path / "a" / "said.log").read_text() == "something\n"
