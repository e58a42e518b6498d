"""A machine that boots: systemd as process 1 on a throw-away overlay of this machine's own root file system, in the
network namespace of a lab's node.

    with Machine(node) as box:
        box.run("systemctl is-system-running")

What is written into it is gone at its end. Of devices it has /dev/net/tun besides those of any container, open to
everybody, as udev leaves it; how this machine's own is kept does not matter."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lab import Node, Process
from lab.waiting import wait_until

T = TypeVar("T")

# Of a shared machine; what is waited for usually takes a tenth.
_PATIENCE = 60.0


def until(condition: Callable[[], T], seconds: float = _PATIENCE, what: str = "") -> T:
    """Waits until the condition holds, and returns its value."""
    return wait_until(condition, seconds, what)


class Machine:
    """Ready for commands inside of `with`."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._overlay = node.directory / "machine"
        self.root = self._overlay / "root"
        self._process: Process | None = None
        self._init = 0

    def __enter__(self) -> Machine:
        self._overlay.mkdir()
        # An overlay can't have its upper layer on an overlay, which / may be.
        _command("mount", "-t", "tmpfs", "mpquic-test", str(self._overlay))
        try:
            for name in ("upper", "work", "root"):
                (self._overlay / name).mkdir(mode=0o755)
            layers = f"lowerdir=/,upperdir={self._overlay}/upper,workdir={self._overlay}/work"
            _command("mount", "-t", "overlay", "mpquic-test", "-o", layers, str(self.root))
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop(30)
        _command("umount", "--recursive", "--lazy", str(self._overlay))

    def _boot(self) -> None:
        # Nothing that this machine runs is to run in there a second time.
        shutil.rmtree(self.root / "etc/systemd/system", ignore_errors=True)
        (self.root / "etc/systemd/system").mkdir(parents=True)
        # What an image made for containers has against services.
        (self.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
        (self.root / "etc/machine-id").write_text("")
        (self.root / "etc/fstab").write_text("")
        command = [
            "systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.node.namespace}",
            "--register=no", "--keep-unit", "--boot", f"--network-namespace-path=/run/netns/{self.node.namespace}",
            f"--bind={self._tun()}:/dev/net/tun", "--capability=CAP_NET_ADMIN", "--console=pipe", "--resolv-conf=off",
            "--timezone=off", "--link-journal=no", "systemd.unit=basic.target",
        ]  # fmt: skip
        # The sysctls of its network are its own, whatever nspawn thinks of a namespace that it has not made.
        environment = {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
        self._process = Process(command, self.node.directory / "machine.log", environment)
        self._init = until(self._find_init, what="a process 1")
        until(self._is_up, what=f"booting:\n{self._process.log}")

    def _tun(self) -> Path:
        node = self._overlay / "tun"
        os.mknod(node, stat.S_IFCHR | 0o600, os.stat("/dev/net/tun").st_rdev)
        node.chmod(0o666)
        return node

    def _find_init(self) -> int:
        assert self._process is not None and self._process.running, self._process and self._process.log
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        names = {int(child): Path(f"/proc/{child}/comm").read_text().strip() for child in children}
        return next((pid for pid, name in names.items() if name == "systemd"), 0)

    def _is_up(self) -> bool:
        return self.run("systemctl is-active basic.target", check=False).stdout.strip() == "active"

    def run(
        self, command: str | list[str], check: bool = True, timeout: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """As root in the machine."""
        words = shlex.split(command) if isinstance(command, str) else command
        done = subprocess.run(
            ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--",
             "env", "--ignore-environment", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(f"{shlex.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def output(self, command: str | list[str]) -> str:
        return self.run(command).stdout.strip()

    def path(self, inside: str) -> Path:
        """Where a file of the machine is for us; not of what is mounted in it (/run, /proc, /tmp)."""
        return self.root / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def install(self, package: Path) -> None:
        shutil.copy(package, self.path("/var/cache/package.deb"))
        self.reinstall()

    def reinstall(self) -> None:
        """What install() has installed last."""
        self.run("dpkg --force-confold --force-downgrade --install /var/cache/package.deb", timeout=300)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.output(["systemctl", "show", "--value", f"--property={name}", unit])

    def journal(self, unit: str) -> str:
        return self.output(["journalctl", "--no-pager", "--output=cat", f"--unit={unit}"])

    def main_pid(self, unit: str) -> int:
        """In the machine's own numbers."""
        return int(self.show(unit, "MainPID"))


def _command(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0:
        raise OSError(f"{shlex.join(words)}: {done.stderr.strip()}")
