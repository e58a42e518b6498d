"""mpquic-update against a repository in the machine whose `./dev package` hands out packages made beforehand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conftest import INSTANCES, Site, variant
from machine import until

HOME = "/var/lib/mpquic/update"

# Starts, and never brings a tunnel up; all else works.
_BROKEN = """#!/usr/bin/python3
import os, socket, sys, time
if sys.argv[1] != "run":
    os.execv("/usr/lib/mpquic-before", sys.argv)
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
manager.send(b"READY=1")
time.sleep(1000)
"""

_DEV = """#!/bin/sh
set -e
test "$1" = package
if test -e fails; then echo no compiler; exit 1; fi
mkdir -p build/package
cp "/srv/packages/$(cat version).deb" build/package/mpquic_1_amd64.deb
"""


class Repository:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.git("init", "--quiet", "--initial-branch=main", "/srv/repository")
        self.site.machine.write("/srv/repository/dev", _DEV, mode=0o755)

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        return self.site.machine.output(["git", "-C", "/srv/repository" if arguments[0] != "init" else "/", *identity,
                                         *arguments])  # fmt: skip

    def release(self, version: str, fails: bool = False) -> str:
        """The next commit: its package is /srv/packages/VERSION.deb."""
        self.site.machine.write("/srv/repository/version", version)
        flag = self.site.machine.path("/srv/repository/fails")
        flag.touch() if fails else flag.unlink(missing_ok=True)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", version)
        return self.git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(site: Site, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    site.machine.path("/srv/packages").mkdir(parents=True)
    directory = tmp_path_factory.mktemp("packages")
    for name, files in (("good", None), ("broken", {"usr/bin/mpquic": _BROKEN}), ("better", None)):
        made = variant(package, directory, name, files)
        site.machine.path(f"/srv/packages/{name}.deb").write_bytes(made.read_bytes())
    site.machine.run("cp /usr/bin/mpquic /usr/lib/mpquic-before")
    return Repository(site)


@pytest.fixture
def configured(repository: Repository, package: Path) -> Repository:
    """The package as it was built is installed, everything is up, and nothing was updated yet."""
    site = repository.site
    site.machine.run(f"rm -rf {HOME}")
    if site.installed_version() != _version(package):
        site.machine.reinstall()
    configure(site)
    site.start()
    return repository


def configure(site: Site, **settings: str) -> None:
    settings = {"repository": "/srv/repository", "timeout": "8", **settings}
    site.machine.write("/etc/mpquic/update.conf", "".join(f"{key}='{value}'\n" for key, value in settings.items()))


def _version(package: Path) -> str:
    return subprocess.run(["dpkg-deb", "--field", str(package), "Version"], capture_output=True, text=True,
                          check=True).stdout.strip()  # fmt: skip


def update(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    return site.machine.run(["mpquic-update", *arguments], check=False, timeout=300)


def test_wrong_use(site: Site, repository: Repository) -> None:
    assert update(site, "--fast").returncode == 2
    site.machine.write("/etc/mpquic/update.conf", "")
    refused = update(site)
    assert refused.returncode == 2 and "repository is empty" in refused.stderr


def test_an_update(configured: Repository) -> None:
    site = configured.site
    commit = configured.release("good")
    starts = [site.starts(unit) for unit in INSTANCES]
    asked = update(site, "--check")
    assert asked.returncode == 0 and commit in asked.stdout
    assert not site.installed_version().endswith("+good")
    done = update(site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.installed_version().endswith("+good")
    assert [site.starts(unit) for unit in INSTANCES] == [count + 1 for count in starts]
    assert site.tunnels_up()
    again = update(site)
    assert again.returncode == 0 and "nothing new" in again.stdout


def test_a_broken_version_is_taken_back(configured: Repository, package: Path) -> None:
    site = configured.site
    commit = configured.release("broken")
    done = update(site)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not up again" in done.stderr and "tunnel box cr" in done.stderr and "tunnel hub hb" in done.stderr
    assert f"back at {_version(package)}, everything is up as it was before" in done.stderr
    assert site.installed_version() == _version(package)
    site.wait_until_up()
    again = update(site)
    assert again.returncode == 1 and f"{commit} was taken back before" in again.stderr
    configured.release("better")
    mended = update(site)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert site.installed_version().endswith("+better")


def test_one_that_is_interrupted_is_finished_by_the_next(configured: Repository, package: Path) -> None:
    site = configured.site
    configured.release("broken")
    site.machine.run("systemd-run --unit=updating mpquic-update")
    until(lambda: site.installed_version().endswith("+broken"), what="the broken version installed")
    site.machine.run("systemctl kill --kill-whom=main --signal=KILL updating")
    until(lambda: site.machine.show("updating", "ActiveState") == "failed", what="its end")
    site.machine.run("systemctl reset-failed updating")
    asked = update(site, "--check")
    assert asked.returncode == 0 and "would go on with its install" in asked.stdout
    done = update(site)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "was interrupted" in done.stdout and "everything is up as it was before" in done.stderr
    assert site.installed_version() == _version(package)
    site.wait_until_up()


def test_what_fails_before_the_installation_changes_nothing(configured: Repository, package: Path) -> None:
    site = configured.site
    pids = [site.machine.main_pid(unit) for unit in INSTANCES]
    configured.release("good", fails=True)
    built = update(site)
    assert built.returncode == 1 and "the build failed, nothing was changed" in built.stderr
    assert "no compiler" in site.machine.output(f"cat {HOME}/build.log")
    configured.release("good")
    configure(site, test="false")
    tested = update(site)
    assert tested.returncode == 1 and "a test failed, nothing was changed" in tested.stderr
    configure(site, ref="no-such-branch")
    fetched = update(site)
    assert fetched.returncode == 1 and "no-such-branch could not be fetched" in fetched.stderr
    assert site.installed_version() == _version(package)
    assert [site.machine.main_pid(unit) for unit in INSTANCES] == pids


def test_two_at_the_same_time(configured: Repository) -> None:
    site = configured.site
    configured.release("good")
    configure(site, build="sleep 60")
    site.machine.run("systemd-run --unit=first mpquic-update")
    until(lambda: "building" in site.machine.journal("first"), what="the first one at work")
    second = update(site)
    assert second.returncode == 1 and "another one is at work" in second.stderr
    site.machine.run("systemctl kill --kill-whom=main --signal=KILL first")
    until(lambda: site.machine.show("first", "ActiveState") == "failed", what="its end")
    configure(site)
    assert update(site).returncode == 0


def test_where_packages_may_start_nothing_the_update_does(configured: Repository) -> None:
    site = configured.site
    configured.release("good")
    site.machine.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode=0o755)
    starts = [site.starts(unit) for unit in INSTANCES]
    done = update(site)
    site.machine.path("/usr/sbin/policy-rc.d").unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [site.starts(unit) for unit in INSTANCES] == [count + 1 for count in starts]
