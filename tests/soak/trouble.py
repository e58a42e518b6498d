"""Ordinary trouble, drawn at random: each function makes one kind, mends it, and returns what it did."""

from __future__ import annotations

import random
from collections.abc import Callable

from lab import Direction, topology
from nodes import Mpquic

from .network import LINKS, Soaked

_LONGEST_OUTAGE = 6.0


class Trouble:
    def __init__(self, soaked: Soaked, seed: int, wait: Callable[[float], None]) -> None:
        """`wait` lets time pass while others are at work."""
        self._soaked = soaked
        self._wait = wait
        self._random = random.Random(seed)
        self._second_address = False
        self.kinds: list[Callable[[], str]] = [
            self._cut, self._pull_cable, self._change_address, self._rebind, self._worsen, self._shrink,
            self._restart_server, self._restart_guest,
        ]  # fmt: skip

    def happen(self) -> str:
        return self._random.choice(self.kinds)()

    def rest(self) -> float:
        return self._random.uniform(1, 6)

    def _outage(self) -> float:
        # Mostly short, sometimes long enough for every time out there is.
        return min(_LONGEST_OUTAGE, self._random.expovariate(1 / 2))

    def _wan(self) -> topology.Wan:
        return self._random.choice(self._soaked.net.wans)

    def _cut(self) -> str:
        wan, direction, seconds = self._wan(), self._random.choice(list(Direction)), self._outage()
        wan.link.cut(direction)
        self._wait(seconds)
        wan.link.heal()
        return f"{wan.name} cut {direction.value} for {seconds:.1f} s"

    def _pull_cable(self) -> str:
        wan, seconds = self._wan(), self._outage()
        wan.link.carrier(up=False)
        self._wait(seconds)
        wan.link.carrier(up=True)
        return f"{wan.name} without carrier for {seconds:.1f} s"

    def _change_address(self) -> str:
        old, new = ("10.60.1.3", "10.60.1.2") if self._second_address else ("10.60.1.2", "10.60.1.3")
        self._second_address = not self._second_address
        self._soaked.net.box.ip(f"address add {new}/24 dev wan1")
        self._soaked.net.box.ip(f"address del {old}/24 dev wan1")
        return f"wan1 has {new}"

    def _rebind(self) -> str:
        nat = self._soaked.net["wan2"].nat
        assert nat is not None
        forgetful = self._random.random() < 0.5
        if forgetful:
            nat.forget()
        else:
            nat.rebind()
        return "the NAT forgets" if forgetful else "the NAT has other ports"

    def _worsen(self) -> str:
        wan = self._wan()
        worse = self._random.choice(["loss=5%", "rate=3mbit", "delay=150ms", "jitter=20ms,order=free", "duplicate=5%"])
        wan.link.set(worse)
        self._wait(3)
        self._mend(wan)
        return f"{wan.name} with {worse} for 3 s"

    def _shrink(self) -> str:
        wan = self._wan()
        wan.link.set("mtu=1400")
        self._wait(3)
        self._mend(wan)
        return f"{wan.name} without packets over 1400 for 3 s"

    def _mend(self, wan: topology.Wan) -> None:
        wan.link.set(f"jitter=0,order=keep,duplicate=0,mtu=0,{LINKS[wan.name]}")

    def _restart_server(self) -> str:
        return self._restart(self._soaked.shaken)

    def _restart_guest(self) -> str:
        return self._restart(self._soaked.guest)

    def _restart(self, program: Mpquic) -> str:
        crash = self._random.random() < 0.5
        if crash:
            program.kill()
        else:
            program.stop(5)
        self._wait(self._random.uniform(0, 3))
        program.start()
        return f"{program.name} {'crashed' if crash else 'stopped'} and came back"
