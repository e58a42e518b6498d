"""`./dev demo` as its viewer has it: it ends well, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import leftovers, programs
from nodes import patience, sanitized

_COMMAND = [sys.executable, "-m", "lab.demo", "--fast"]
# Sanitized, the program is too slow for what the demo promises; its own end-to-end tests are the ones for that.
pytestmark = pytest.mark.skipif(sanitized(), reason="the demo measures")


class Demo:
    """Running; its output is no terminal. Everything it starts inherits a mark to be found by."""

    def __init__(self) -> None:
        self._mark = f"MPQUIC_DEMO_TEST={uuid.uuid4().hex}"
        name, value = self._mark.split("=")
        self._popen = subprocess.Popen(
            _COMMAND, cwd=programs.ROOT, env={**os.environ, name: value}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self.output += line

    def wait_for(self, text: str, seconds: float) -> None:
        deadline = time.monotonic() + patience(seconds)
        while text not in self.output:
            assert self._popen.poll() is None and time.monotonic() < deadline, f"never {text!r}:\n{self.output}"
            time.sleep(0.02)

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def end(self, seconds: float) -> int:
        """Its exit status."""
        status = self._popen.wait(patience(seconds))
        self._reader.join(patience(2))
        return status

    def remains(self) -> list[str]:
        """Namespaces, directories and processes of it that are still there."""
        prefix = f"mpq-{self._popen.pid}-"
        found = [name for name in leftovers.namespaces() if name.startswith(prefix)]
        found += [str(path) for path in Path(tempfile.gettempdir()).glob(f"{prefix}*")]
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self._mark.encode() in environment.read_bytes():
                    found.append(environment.with_name("cmdline").read_text().replace("\0", " "))
            except OSError:
                pass  # it has just ended
        return found

    def abandon(self) -> None:
        if self._popen.poll() is None:
            self._popen.terminate()
            self.end(20)


@pytest.fixture
def demo() -> Iterator[Demo]:
    running = Demo()
    yield running
    running.abandon()


def test_the_demo_keeps_its_promises_and_leaves_nothing_behind(demo: Demo) -> None:
    assert demo.end(90) == 0, demo.output
    assert demo.remains() == []
    assert re.search(r"Everything (else )?held, in \d+ s", demo.output)
    assert "\x1b" not in demo.output, "no terminal, no control sequences"
    # What was told is there, with numbers in it.
    assert re.search(r"All three are up: mpq1 after [\d.]+ s, mpq2 after [\d.]+ s, mpq3 after [\d.]+ s", demo.output)
    assert re.search(r"mpq2 has noticed, [\d.]+ s after the cut", demo.output)
    assert re.search(r"mpq2 is back [\d.]+ s after healing", demo.output)
    assert re.search(r"^ +TUN interface( +ifindex \d+ all along){3}$", demo.output, re.MULTILINE)


@pytest.mark.parametrize(
    "moment, number, status",
    [
        ("1/5", signal.SIGTERM, 143),
        ("3/5", signal.SIGINT, 130),
        ("mpq2 has noticed", signal.SIGINT, 130),
    ],
)
def test_interrupted_it_leaves_nothing_behind(demo: Demo, moment: str, number: int, status: int) -> None:
    demo.wait_for(moment, 45)
    time.sleep(0.3)  # into the act that was announced
    demo.signal(number)
    time.sleep(0.1)
    demo.signal(number)  # impatience must not cut the clearing up short
    assert demo.end(20) in (status, -number), demo.output
    assert demo.remains() == []
    assert "Traceback" not in demo.output


def refused(prefix: list[str]) -> str:
    """What it says in one line where it can't be played."""
    done = subprocess.run(
        [*prefix, *_COMMAND], cwd=programs.ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=patience(20),
    )  # fmt: skip
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1, done
    return done.stderr


def test_without_root_it_says_so() -> None:
    # Nobody, who may read all the same: the tree may lie in /root.
    reads = [f"--{capabilities}=+dac_read_search" for capabilities in ("inh-caps", "ambient-caps")]
    assert "run it as root" in refused(["setpriv", "--reuid=65534", *reads])


def test_without_tun_it_says_what_is_missing() -> None:
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"]
    assert "/dev/net/tun can't be opened" in refused(hide)
