"""A program that runs in the background inside a node."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


class Process:
    """Its output, standard error included, goes to `log_file`."""

    def __init__(self, command: Sequence[str], log_file: Path, env: dict[str, str] | None = None) -> None:
        self.command = list(command)
        self.log_file = log_file
        with log_file.open("wb") as log:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if env is None else {**os.environ, **env},
                # Ctrl-C at the terminal is for the lab, which ends its processes in order.
                start_new_session=True,
            )

    def __enter__(self) -> Process:
        """Stopped at the end of the block, where that is sooner than the end of the lab."""
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs, negative if a signal ended it."""
        return self._popen.poll()

    @property
    def running(self) -> bool:
        return self.exit_status is None

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, timeout: float) -> int:
        return self._popen.wait(timeout)

    def stop(self, timeout: float = 5.0) -> int:
        """Asks it to end; kills it if it hasn't by then."""
        if self.running:
            self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        if self.running:
            self._popen.kill()
        return self._popen.wait()

    def wait_for_log(self, pattern: str, timeout: float = 10.0) -> re.Match[str]:
        """Waits until the log matches; fails at once if the program ends without."""
        deadline = time.monotonic() + timeout
        while True:
            ended = not self.running
            if match := re.search(pattern, self.log, re.MULTILINE):
                return match
            if ended or time.monotonic() > deadline:
                why = f"ended with {self.exit_status}" if ended else f"said nothing of it for {timeout} s"
                raise TimeoutError(f"{self.command} {why}, waiting for {pattern!r}:\n{self.log}")
            time.sleep(0.02)

    def cpu_seconds(self) -> float:
        """User and system time so far, of the process while it runs."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
