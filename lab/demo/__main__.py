"""`/usr/bin/python3 -m lab.demo`, from the root of the repository, as root; `./dev demo` does that."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from .. import leftovers, programs
from ..lab import Lab
from ..node import CommandFailed
from . import report
from .plan import CALM, FAST
from .scene import Broken
from .screen import Screen
from .story import Story

_TOOLS = {"ip": "iproute2", "nft": "nftables", "ethtool": "ethtool", "sysctl": "procps", "ping": "iputils-ping",
          "iperf3": "iperf3"}  # fmt: skip


def obstacle() -> str | None:
    """Why it can't be played here."""
    if os.geteuid() != 0:
        return "the demo makes network namespaces and TUN interfaces, which only root may: run it as root"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return (
            f"/dev/net/tun can't be opened ({error.strerror}), so there can be no TUN interface: "
            "`modprobe tun` makes it, or in a container whoever runs the container (--device /dev/net/tun)"
        )
    if absent := [f"{tool} (package {package})" for tool, package in _TOOLS.items() if shutil.which(tool) is None]:
        return f"not installed: {', '.join(absent)}"
    try:
        programs.mpquic()
        programs.linkem()
    except FileNotFoundError as error:
        return f"{error}: `./dev build` builds it"
    return None


def play(screen: Screen, arguments: argparse.Namespace) -> int:
    story = Story(screen, FAST if arguments.fast else CALM)
    lab = Lab(keep_logs=arguments.keep)
    try:
        with screen.open(), lab:
            try:
                story.play(lab)
            except (Broken, CommandFailed, TimeoutError) as problem:
                screen.say(f"It went wrong: {problem}", "bad")
                screen.quote("\n".join(story.scene.last_words() if story.scene else []))
                return 1
            open_promises = report.show(screen, story.found, story.load)
    except subprocess.CalledProcessError as error:
        print(f"the network can't be made here: `{' '.join(error.cmd)}` failed with status {error.returncode} "
              "(in a container: it must be a privileged one)", file=sys.stderr)  # fmt: skip
        return 1
    screen.title("The end")
    left = [name for name in leftovers.namespaces() if name.startswith(f"{lab.name}-")]
    if left or lab.directory.exists():
        open_promises.append(report.Promise(f"Nothing is left behind: {', '.join(left) or lab.directory} is", False))
    else:
        screen.say(f"{len(lab.nodes)} network namespaces, and all that ran and lay in them, are gone again.")
    for promise in open_promises:
        if promise.held is None:
            screen.say(f"This could not be judged: {promise.sentence}.", "wait")
        else:
            screen.say(f"This did not hold: {promise.sentence}.", "bad")
    if any(promise.held is False for promise in open_promises):
        return 1
    what = "Everything else held" if open_promises else "Everything held"
    screen.say(f"{what}, in {screen.seconds():.0f} s.", "good")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description="Three links, a tunnel over each, one link cut.")
    parser.add_argument("--fast", action="store_true", help="about 25 seconds: every act as short as it can be")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="copy configurations, logs and certificates there")
    arguments = parser.parse_args()
    if (reason := obstacle()) is not None:
        print(f"./dev demo: {reason}", file=sys.stderr)
        return 1
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    pace = FAST if arguments.fast else CALM
    screen = Screen(sys.stdout, pace.table)
    try:
        return play(screen, arguments)
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except SystemExit as end:
        status = int(end.code or 0)
    except BrokenPipeError:
        status = 1
    with contextlib.suppress(OSError):  # whoever watched may be gone
        screen.say("Interrupted; everything that was made is removed again.")
    return status


if __name__ == "__main__":
    sys.exit(main())
