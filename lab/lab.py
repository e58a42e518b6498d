"""The lab: everything that is made in it goes when it is left, whatever happens."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

from . import leftovers
from .node import Node

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait until the block is done: a second Ctrl-C must not cut the clearing up short."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_ENDING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Lab:
    """Needs root. Removes first what a lab that was killed has left behind.

    `keep_logs`: a directory that gets a copy of the nodes' directories, logs included, at the end.
    """

    def __init__(self, keep_logs: Path | None = None) -> None:
        self.name = leftovers.new_name()
        self.directory = Path(tempfile.gettempdir()) / self.name
        self.nodes: dict[str, Node] = {}
        self._keep_logs = keep_logs
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Lab:
        leftovers.clean()
        self.directory.mkdir(mode=0o700)
        if threading.current_thread() is threading.main_thread():
            for number in _ENDING:
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._handlers[number] = signal.signal(number, _leave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _undisturbed():
            # By name, since a node that failed half way through its making is in no list.
            for namespace in leftovers.namespaces():
                if namespace.startswith(f"{self.name}-"):
                    leftovers.remove_namespace(namespace)
            for node in self.nodes.values():
                node.reap()
            if self._keep_logs is not None:
                shutil.copytree(self.directory, self._keep_logs, dirs_exist_ok=True, ignore=_not_plain_files)
            shutil.rmtree(self.directory, ignore_errors=True)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def node(self, name: str) -> Node:
        """The node of that name, made if there is none yet."""
        if name not in self.nodes:
            with _undisturbed():
                self.nodes[name] = Node(name, f"{self.name}-{name}", self.directory / name)
        return self.nodes[name]

    def veth(self, left: Node, left_interface: str, right: Node, right_interface: str, mtu: int = 1500) -> None:
        """A pair of interfaces joined by a cable, both up. Their names have at most 15 characters."""
        ends = ((left, left_interface), (right, right_interface))
        (a, b) = ends
        subprocess.run(
            ["ip", "link", "add", "name", a[1], "mtu", str(mtu), "netns", a[0].namespace, "type", "veth",
             "peer", "name", b[1], "mtu", str(mtu), "netns", b[0].namespace],
            check=True,
        )  # fmt: skip
        for node, interface in ends:
            node.ip(f"link set dev {interface} up")

    def bridge(self, node: Node, bridge: str, *interfaces: str) -> None:
        node.ip(f"link add name {bridge} type bridge")
        node.ip(f"link set dev {bridge} up")
        for interface in interfaces:
            node.ip(f"link set dev {interface} master {bridge}")


def _not_plain_files(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if not (path := Path(directory, name)).is_dir() and not path.is_file()]
