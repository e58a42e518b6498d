"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from lab import programs


def describe() -> dict[str, str]:
    model = _first(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "CPU": f"{os.cpu_count()} x {model}",
        "kernel": f"{platform.system()} {platform.release()}",
        "mpquic": _says([programs.mpquic(), "--version"], r"\d[\w.+~-]*"),
        "wireguard-go": _says(["wireguard-go", "--version"], r"v(\d\S*)"),
        "openvpn": _says(["openvpn", "--version"], r"OpenVPN (\S+)"),
        "iperf3": _says(["iperf3", "--version"], r"iperf (\S+)"),
    }


def load() -> str:
    """The load averages of 1, 5 and 15 minutes: of two figures, those of the quieter machine are worth more."""
    return " ".join(f"{average:.1f}" for average in os.getloadavg())


def _says(command: list[str], pattern: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return _first(pattern, done.stdout + done.stderr)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[found.re.groups] if found else "unknown"
