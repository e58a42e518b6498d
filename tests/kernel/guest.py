"""A Debian kernel in an emulated machine, for what the kernel of the machine at hand may not have: 802.1Q.

`Guest` packs programs of this machine, with the libraries that they need, and a script into an initial file system of
their own; the emulated machine boots from that, runs the script as root and is gone. It has no disk and no network but
what the script makes. The kernel is that of `./dev deps`, below build/kernel."""

from __future__ import annotations

import gzip
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
KERNEL = REPOSITORY / "build" / "kernel"

# What every script may use.
PROGRAMS = ["sh", "mount", "mkdir", "cat", "cp", "chown", "chmod", "grep", "sed", "sleep", "kill", "date", "ip", "nft", "ping",
            "sysctl", "modprobe", "cmp", "diff"]  # fmt: skip
# Kernels load what they lack by themselves, of these and of what these need.
MODULES = re.compile(r"/(8021q|veth|tun|dummy|ifb|nf\w*|nft\w*)\.ko(\.\w+)?$")
MERGED = {"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}

_INIT = """#!/bin/sh
export PATH=/usr/bin HOME=/
mount -t proc proc /proc; mount -t sysfs -o ro sysfs /sys; mount -t tmpfs tmpfs /run; mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /tmp
modprobe tun  # makes /dev/net/tun
sh -eux /script
echo "script ended with $?"
echo o >/proc/sysrq-trigger
sleep 60
"""


# What every script begins with. `seconds 5 COMMAND...` waits for a command to end well.
_PRELUDE = """
seconds() {
  set +x
  deadline=$(($(date +%s) + $1))
  shift
  until "$@" >/tmp/attempt 2>&1; do
    if [ "$(date +%s)" -gt $deadline ]; then cat /tmp/attempt /tmp/log; exit 1; fi
    sleep 0.1
  done
  set -x
}
"""


class Guest:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tree = directory / "tree"
        for name in ("proc", "sys", "run", "dev", "tmp", "etc", "var", "usr/bin", "usr/lib", "usr/lib64"):
            (self._tree / name).mkdir(parents=True)
        for name, target in MERGED.items():
            (self._tree / name).symlink_to(target)
        for name in ("passwd", "group", "nsswitch.conf", "protocols", "iproute2"):
            self.add(Path("/etc") / name)
        self.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")  # which DHCP clients identify themselves by
        for program in PROGRAMS:
            self.add_program(program)
        self._add_modules()

    def add(self, path: Path, as_name: str = "") -> None:
        """A file or folder of this machine, if it is there, under its own name unless told otherwise."""
        target = self._tree / (as_name or str(path)).lstrip("/")
        if path.is_dir():
            shutil.copytree(path, target)
        elif path.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)

    def write(self, name: str, text: str) -> None:
        path = self._tree / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def add_program(self, name: str, folder: str = "/usr/bin") -> None:
        """By its path, or as the shell finds it, with its libraries."""
        found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert found, f"there is no program {name}: ./dev deps installs what is needed"
        path = Path(found)
        self.add(path, f"{folder}/{path.name}")
        libraries = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", libraries):
            self.add(Path(library), str(Path(library).parent.resolve() / Path(library).name))

    def run(self, script: str, seconds: float = 120) -> str:
        """What the script (sh -eux) prints. It must end well."""
        self.write("/init", _INIT)
        self.write("/script", _PRELUDE + script)
        image = self._directory / "image.gz"
        with gzip.open(image, "wb", compresslevel=1) as file:
            for part in _archive(self._tree):
                file.write(part)
        command = ["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-cpu", "max", "-m", "512", "-nic", "none",
                   "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", str(KERNEL / "vmlinuz"),
                   "-initrd", str(image), "-append", "console=ttyS0 quiet panic=-1"]  # fmt: skip
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                  timeout=seconds, check=False)  # fmt: skip
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode(errors="replace")
            raise AssertionError(f"the guest has not ended within {seconds} s:\n{said[-6000:]}") from None
        output = done.stdout.replace("\r\n", "\n")
        assert "script ended with 0\n" in output, f"{output[-6000:]}\n{done.stderr}"
        return output

    def _add_modules(self) -> None:
        folders = list(KERNEL.glob("usr/lib/modules/*"))
        assert len(folders) == 1 and (KERNEL / "vmlinuz").exists(), f"no kernel in {KERNEL}: ./dev deps puts one there"
        version = folders[0].name
        target = self._tree / "usr/lib/modules" / version
        needed = _with_dependencies(folders[0])
        for name in needed:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folders[0] / name, target / name)
        for listing in folders[0].glob("modules.builtin*"):
            shutil.copy2(listing, target)
        (target / "modules.order").write_text("".join(f"{name}\n" for name in needed))
        subprocess.run(["depmod", "-b", str(self._tree), version], check=True)


def _with_dependencies(folder: Path) -> list[str]:
    """Names of modules below the folder, from its modules.dep: `MODULE: what it needs, all of it`."""
    found: set[str] = set()
    for line in (folder / "modules.dep").read_text().splitlines():
        module, _, needs = line.partition(":")
        if MODULES.search(module):
            found |= {module, *needs.split()}
    return sorted(found)


def _archive(tree: Path) -> Iterable[bytes]:
    """A cpio archive in the format "newc" (the kernel's buffer-format.rst)."""
    for number, path in enumerate([tree, *sorted(tree.rglob("*"))], 1):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            content = str(path.readlink()).encode()
        else:
            content = path.read_bytes() if path.is_file() else b""
        yield _member(str(path.relative_to(tree)), number, status.st_mode, content)
    yield _member("TRAILER!!!", 0, 0, b"")


def _member(name: str, number: int, mode: int, content: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return _padded(header) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
