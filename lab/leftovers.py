"""What a lab is called in the system, and how to remove one whose owner is dead.

A name says who owns it: mpq-PID-START-COUNT, where START is when that process started (in ticks since boot, so that a
pid used again is not mistaken for its owner) and COUNT numbers the labs of one process. Namespaces carry it with their
node's name behind, the scratch directory carries it alone.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

_NAME = re.compile(r"mpq-(\d+)-(\d+)-\d+(?:-.*)?")
_counter = itertools.count()


def start_ticks(pid: int) -> int | None:
    """When the process started; None if there is none, or only its corpse."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold anything
    return None if fields[0] in "ZX" else int(fields[19])


def new_name() -> str:
    return f"mpq-{os.getpid()}-{start_ticks(os.getpid())}-{next(_counter)}"


def is_abandoned(name: str) -> bool:
    """Whether it is named as one of ours and its owner no longer runs."""
    match = _NAME.fullmatch(name)
    return match is not None and start_ticks(int(match[1])) != int(match[2])


def namespaces() -> list[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.strip()]


def end_processes(namespace: str, patience: float = 2.0) -> None:
    """Ends everything that runs inside: asks first, then kills."""

    def pids() -> list[int]:
        found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
        # Whoever entered a namespace of ours by hand is ended too, but never ourselves.
        return [pid for pid in map(int, found.stdout.split()) if pid != os.getpid() and start_ticks(pid)]

    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        deadline = time.monotonic() + wait
        left = pids()
        for pid in left:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        while left and time.monotonic() < deadline:
            time.sleep(0.02)
            left = pids()
        if not left:
            return


def remove_namespace(namespace: str) -> None:
    end_processes(namespace)
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def clean() -> list[str]:
    """Removes what labs left behind whose owners were killed. Returns the names of the namespaces removed."""
    abandoned = [name for name in namespaces() if is_abandoned(name)]
    for name in abandoned:
        remove_namespace(name)
    for directory in Path(tempfile.gettempdir()).glob("mpq-*"):
        if is_abandoned(directory.name):
            shutil.rmtree(directory, ignore_errors=True)
    return abandoned
