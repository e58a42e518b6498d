"""Installing, upgrading under traffic, removing and purging the package."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conftest import INNER, INSTANCES, Site, variant, watched


@pytest.fixture
def installed(site: Site, package: Path) -> Site:
    if not site.installed_version():
        site.machine.install(package)
    return site


def test_what_the_package_is(package: Path) -> None:
    fields = subprocess.run(["dpkg-deb", "--info", str(package)], capture_output=True, text=True, check=True).stdout
    for library in ("libngtcp2-", "libgnutls30", "libsystemd0", "libmnl0", "libc-?ares2"):
        assert re.search(rf"Depends:.*{library}", fields), fields
    listed = subprocess.run(["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True).stdout
    for file in (
        "usr/bin/mpquic", "usr/sbin/mpquic-update", "usr/lib/systemd/system/mpquic@.service",
        "usr/lib/sysusers.d/mpquic.conf", "usr/lib/tmpfiles.d/mpquic.conf", "usr/share/man/man1/mpquic.1.gz",
        "usr/share/man/man5/mpquic.yaml.5.gz", "usr/share/man/man8/mpquic-update.8.gz",
        "usr/share/doc/mpquic/examples/client.yaml", "usr/share/bash-completion/completions/mpquic",
        "usr/share/polkit-1/rules.d/mpquic.rules",
    ):  # fmt: skip
        assert f" ./{file}\n" in listed, file


def test_lintian_finds_no_error(package: Path) -> None:
    said = subprocess.run(["lintian", "--allow-root", "--fail-on=error", str(package)],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr


def test_installing_makes_the_user_and_starts_nothing(installed: Site) -> None:
    installed.machine.run("dpkg --purge mpquic")
    installed.machine.reinstall()
    user = installed.machine.output("getent passwd mpquic").split(":")
    assert user[5:] == ["/", "/usr/sbin/nologin"]
    assert installed.machine.output("systemctl list-units --no-legend --all mpquic@*.service") == ""
    assert installed.machine.output("stat -c %a:%U:%G /etc/mpquic/tls") == "750:root:mpquic"


def test_an_upgrade_restarts_each_instance_once(installed: Site, package: Path, tmp_path: Path) -> None:
    installed.start()
    before = {unit: (installed.machine.main_pid(unit), installed.starts(unit)) for unit in INSTANCES}
    newer = variant(package, tmp_path, "newer")
    with watched(installed.net.server, INNER["box"]) as box, watched(installed.net.server, INNER["hub"]) as hub:
        installed.machine.install(newer)
        installed.wait_until_up()
    assert installed.installed_version().endswith("+newer")
    for unit, (pid, starts) in before.items():
        assert installed.machine.main_pid(unit) != pid
        assert installed.starts(unit) == starts + 1, installed.machine.journal(unit)
    assert box.longest_pause < 3.0 and hub.longest_pause < 3.0, (box, hub)
    assert box.lost or hub.lost, "it was watched when it happened"


def test_an_upgrade_leaves_alone_what_does_not_run(installed: Site, package: Path, tmp_path: Path) -> None:
    installed.start()
    installed.machine.run(f"systemctl stop {INSTANCES[1]}")
    installed.machine.install(variant(package, tmp_path, "later"))
    assert installed.machine.show(INSTANCES[0], "ActiveState") == "active"
    assert installed.machine.show(INSTANCES[1], "ActiveState") == "inactive"


def test_removing_stops_and_leaves_the_configuration(installed: Site, package: Path) -> None:
    installed.start()
    installed.machine.run("dpkg --remove mpquic")
    links = installed.net.client.ip("-o link")
    assert "cr" not in links and "hb" not in links
    assert installed.machine.path("/etc/mpquic/update.conf").exists()
    assert installed.machine.path("/etc/mpquic/box.yaml").exists()
    installed.machine.install(package)
    installed.start()


def test_purging_leaves_what_the_operator_wrote_and_nothing_else(installed: Site) -> None:
    installed.machine.run(["systemctl", "enable", *INSTANCES])
    installed.start()
    installed.machine.run("mkdir -p /var/lib/mpquic/update")
    listed = installed.machine.output("dpkg --listfiles mpquic").splitlines()
    ours = [path for path in listed if "mpquic" in path and not path.startswith("/etc/mpquic")]
    assert len(ours) > 15
    installed.machine.run("dpkg --purge mpquic")
    exists = "for path; do test -e $path || test -L $path && echo $path; done; true"
    wants = [f"/etc/systemd/system/multi-user.target.wants/{unit}" for unit in INSTANCES]
    gone = [*ours, *wants, "/etc/mpquic/update.conf", "/run/mpquic", "/var/lib/mpquic"]
    assert installed.machine.output(["sh", "-c", exists, "sh", *gone]) == ""
    assert installed.machine.run("getent passwd mpquic", check=False).returncode == 2
    assert installed.machine.run("getent group mpquic", check=False).returncode == 2
    assert installed.machine.run("systemctl cat mpquic@box", check=False).returncode != 0

    left = installed.machine.output("find /etc/mpquic -printf '%P %m %u:%g\\n'").splitlines()
    assert {line.split()[0] for line in left if " " in line.strip()} >= {"box.yaml", "hub.yaml", "tls/ca.key"}
    assert all(line.endswith("root:root") for line in left), left


def test_purging_where_nothing_was_written_leaves_no_folder(installed: Site) -> None:
    installed.machine.run("mv /etc/mpquic /etc/kept")
    installed.machine.reinstall()
    installed.machine.run("dpkg --purge mpquic")
    assert not installed.machine.path("/etc/mpquic").exists()
    installed.machine.run("mv /etc/kept /etc/mpquic")
