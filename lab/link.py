"""A WAN link between two nodes: veth, emulator, veth; or a bare veth where nothing is to be emulated."""

from __future__ import annotations

import enum
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import programs
from .lab import Lab
from .node import Node
from .process import Process

# An emulator wants packets as they are on the wire, not the joined and unfinished ones of an offloading interface.
_OFFLOADS = ["tso", "off", "gso", "off", "gro", "off", "tx", "off"]


class Direction(enum.Enum):
    """Seen from the end that was named first when the link was made, the client's."""

    UP = "to-right"
    DOWN = "to-left"
    BOTH = "both"


@dataclass(frozen=True)
class LinkSpec:
    """What a link does, in linkem's words ("delay=20ms,rate=100mbit,loss=1%"). Both None: a bare cable that keeps its
    offloads, without emulator. "" is an emulator that does nothing as yet."""

    up: str | None = None
    down: str | None = None
    seed: int = 1
    nat: bool = False
    """Behind a carrier's NAT; see topology.box."""

    @classmethod
    def both(cls, parameters: str, seed: int = 1, nat: bool = False) -> LinkSpec:
        """The same in both directions."""
        return cls(parameters, parameters, seed, nat)

    @property
    def emulated(self) -> bool:
        return self.up is not None or self.down is not None


class Link:
    """`left` and `right` are the ends, with their interface's name each."""

    def __init__(self, lab: Lab, name: str, left: tuple[Node, str], right: tuple[Node, str], spec: LinkSpec) -> None:
        """`name` is unique in the lab and at most 13 characters long."""
        self.name = name
        self.left = left
        self.right = right
        self.spec = spec
        self._emulator: Process | None = None
        self.control = lab.directory / f"{name}.sock"
        if spec.emulated:
            self._middle = self._make_middle(lab)
            self._start_emulator()
        else:
            lab.veth(*left, *right)

    def _make_middle(self, lab: Lab) -> Node:
        middle = lab.node("links")
        # The emulators' interfaces must not speak by themselves.
        middle.sysctl({"net.ipv6.conf.default.disable_ipv6": "1"})
        for (node, interface), end in ((self.left, "-l"), (self.right, "-r")):
            lab.veth(node, interface, middle, self.name + end)
            node.run(["ethtool", "-K", interface, *_OFFLOADS])
        return middle

    def _start_emulator(self) -> None:
        self._emulator = self._middle.start(
            [
                programs.linkem(), "--left", f"{self.name}-l", "--right", f"{self.name}-r",
                "--to-right", self.spec.up or "", "--to-left", self.spec.down or "",
                "--seed", str(self.spec.seed), "--control", str(self.control),
            ],
            log=f"linkem-{self.name}.log",
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not self.control.exists():
            if not self._emulator.running or time.monotonic() > deadline:
                raise RuntimeError(f"link {self.name}: the emulator does not run: {self._emulator.log}")
            time.sleep(0.005)

    def _ask(self, command: str) -> str:
        if self._emulator is None:
            raise ValueError(f"link {self.name} is a bare cable: give it parameters, if only empty ones")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(10)
            control.connect(str(self.control))
            control.send(command.encode())
            reply = control.recv(65536).decode()
        if reply.startswith("error: "):
            raise ValueError(f"link {self.name}: {reply.removeprefix('error: ')}")
        return reply

    def cut(self, direction: Direction = Direction.BOTH) -> None:
        """A silent black hole: the interfaces stay up. What is on its way is lost too."""
        self._ask(f"cut {direction.value}")

    def heal(self, direction: Direction = Direction.BOTH) -> None:
        self._ask(f"heal {direction.value}")

    def set(self, parameters: str, direction: Direction = Direction.BOTH) -> None:
        """Changes the parameters named, while packets flow."""
        self._ask(f"set {direction.value} {parameters}")

    def stats(self) -> dict[str, Any]:
        """"to_right" (up) and "to_left" (down); README.md says what is in them."""
        return json.loads(self._ask("stats"))

    def carrier(self, up: bool, at_left: bool = True) -> None:
        """Pulls or plugs the cable, so that the interface at that end loses or regains its carrier. On a bare cable it
        is the interface at the other end that goes down, and loses its routes and IPv6 addresses with it."""
        state = "up" if up else "down"
        if self.spec.emulated:
            self._middle.ip(f"link set dev {self.name}{'-l' if at_left else '-r'} {state}")
        else:
            node, interface = self.right if at_left else self.left
            node.ip(f"link set dev {interface} {state}")

    @property
    def log_file(self) -> Path | None:
        return self._emulator.log_file if self._emulator else None

    def stop(self) -> dict[str, Any]:
        """Ends the emulator and returns its last statistics."""
        if self._emulator is None:
            raise ValueError(f"link {self.name} has no emulator")
        self._emulator.stop()
        return json.loads(self._emulator.log.splitlines()[-1])
