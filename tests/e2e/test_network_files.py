"""`mpquic net networkd`: which files it touches. What is in them, tests/unit/policy and tests/kernel say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab import programs

LANS = {
    "office": {"interface": "lan0", "address": "172.16.1.1/24"},
    "guests": {"interface": "lan0", "vlan": 21, "address": "172.16.2.1/24"},
}


class Box:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "box.yaml"
        self.output = folder / "etc"

    def configure(self, lans: dict[str, Any]) -> None:
        top = {
            "role": "client", "server": "192.0.2.1:45010", "tls": {"insecure_skip_verify": True},
            "links": {"wan": {"interface": "wan0"}}, "tunnels": {"cr": {"links": ["wan"], "address": "10.200.1.1/24"}},
        }  # fmt: skip
        self.file.write_text(json.dumps({**top, "lans": lans} if lans else top))

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [programs.mpquic(), "net", "networkd", str(self.file), "--output", str(self.output), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def files(self) -> dict[str, str]:
        return {str(path.relative_to(self.output)): path.read_text() for path in self.output.rglob("*") if path.is_file()}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    made.configure(LANS)
    return made


def test_it_writes_what_is_missing_and_nothing_twice(box: Box) -> None:
    first = box.run()
    assert first.returncode == 0, first.stderr
    assert f"wrote {box.output}/systemd/network/10-mpquic-lan0.21.netdev\n" in first.stdout
    files = box.files()
    assert sorted(f"wrote {box.output}/{name}" for name in files) == first.stdout.splitlines()
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in box.output.rglob("*") if path.is_file())
    assert (box.run().stdout, box.files()) == ("", files)


def test_it_removes_its_own_that_it_has_no_use_for(box: Box) -> None:
    box.run()
    stranger = box.output / "systemd/network/20-mine.network"
    stranger.write_text("[Match]\nName=eth9\n")
    other_node = box.output / "systemd/network/10-mpquic-eth8.network"
    other_node.write_text(box.files()["systemd/network/10-mpquic-lan0.network"].replace("for box:", "for box2:"))
    box.configure({"office": LANS["office"]})
    second = box.run()
    assert sorted(second.stdout.splitlines()) == [
        f"removed {box.output}/systemd/network/10-mpquic-lan0.21.netdev",
        f"removed {box.output}/systemd/network/10-mpquic-lan0.21.network",
        f"wrote {box.output}/systemd/network/10-mpquic-lan0.network",
    ]
    assert stranger.exists() and other_node.exists()


def test_files_of_others_are_replaced_only_by_force(box: Box) -> None:
    taken = box.output / "systemd/network/10-mpquic-lan0.network"
    masked = box.output / "systemd/network/10-mpquic-wan0.network"
    taken.parent.mkdir(parents=True)
    taken.write_text("[Match]\nName=lan0\n")
    masked.symlink_to("/dev/null")
    refused = box.run()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert [line for line in refused.stderr.splitlines() if "warning" not in line] == [
        f"mpquic: {taken} is not of box's making; --force replaces it",
        f"mpquic: {masked} is not of box's making; --force replaces it",
    ]
    assert len(list(box.output.rglob("*.network"))) == 2, "all or nothing"
    assert box.run("--force").returncode == 0
    assert "mpquic: lan office" in taken.read_text()
    assert not masked.is_symlink() and "DHCP=yes" in masked.read_text()


def test_what_cannot_be_written_leaves_everything_as_it_was(box: Box) -> None:
    box.run()
    before = box.files()
    blocked = box.output / "systemd/network/10-mpquic-lan1.network"
    (blocked / "somebody").mkdir(parents=True)
    box.configure({"office": {**LANS["office"], "address": "172.16.9.1/24"}, "annex": {"interface": "lan1"}})
    failed = box.run("--force")
    assert failed.returncode == 1
    assert f"can't replace {blocked}" in failed.stderr
    assert box.files() == before


def test_a_configuration_that_is_wrong_writes_nothing(box: Box) -> None:
    box.configure({"office": {"interface": "lan0", "vlan": 5000}})
    assert box.run().returncode == 2
    assert not box.output.exists()


def test_tables_have_names_for_ip(box: Box) -> None:
    """Under /etc, of a view of the file system of its own."""
    box.run()
    script = f"mount -t overlay etc -o lowerdir={box.output}:/etc /etc && ip rule add lookup box.tunnel.cr && ip rule"
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-ec", script], capture_output=True, text=True, check=False)
    assert "lookup box.tunnel.cr" in done.stdout, done.stderr
