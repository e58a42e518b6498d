"""The unit under a real systemd: start, reload, watchdog, stop, and what the service may and may not do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from conftest import INNER, INSTANCES, ROOT, Site, watched
from machine import until

BOX, HUB = INSTANCES
UNIT = "mpquic@.service"


@pytest.fixture
def running(site: Site) -> Site:
    site.start()
    return site


def test_the_unit_is_right(site: Site) -> None:
    verified = site.machine.run(f"systemd-analyze verify {BOX}", check=False)
    ours = [line for line in (verified.stdout + verified.stderr).splitlines() if "mpquic" in line]
    assert verified.returncode == 0 and not ours, ours


def test_the_service_is_hardened(site: Site) -> None:
    shown = site.machine.output(f"systemd-analyze security --no-pager {BOX}")
    found = re.search(r"exposure level for \S+: ([0-9.]+)", shown)
    assert found and float(found[1]) < 3.0, shown[-300:]


def test_start_is_done_when_the_node_works(site: Site) -> None:
    site.machine.run(["systemctl", "stop", *INSTANCES])
    site.machine.run(["systemctl", "start", *INSTANCES])
    # At once: Type=notify has waited for all of this.
    assert "hb" in site.net.client.ip("-o link") and "cr" in site.net.client.ip("-o link")
    assert site.machine.run("mpquic status --json box hub").returncode == 0
    site.wait_until_up()


def test_it_runs_as_its_own_user_with_one_capability(running: Site) -> None:
    for unit in INSTANCES:
        pid = running.machine.main_pid(unit)
        assert running.machine.output(f"stat -c %U /proc/{pid}") == "mpquic"
        status = running.machine.output(f"cat /proc/{pid}/status")
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert re.search(rf"^{kind}:\s+0*1000$", status, re.MULTILINE), status  # bit 12, CAP_NET_ADMIN


def test_systemctl_status_says_how_it_is(running: Site) -> None:
    until(lambda: running.machine.show(BOX, "StatusText") == "1 of 1 tunnels up", what="the client's line")
    until(lambda: running.machine.show(HUB, "StatusText") == "connected: 1 tunnels of 1 clients", what="the server's")
    running.net.client.ip("link set dev wan down")
    until(lambda: running.machine.show(BOX, "StatusText") == "0 of 1 tunnels up", what="that it is down")
    running.net.client.ip("link set dev wan up")
    running.wait_until_up()


def test_kernel_state_as_that_user(running: Site) -> None:
    """nftables, routes, rules and sysctls, by capability alone."""
    ruleset = running.machine.output("nft list ruleset")
    assert "masquerade" in ruleset and "172.16.5.0" in ruleset
    assert running.machine.output("cat /proc/sys/net/ipv4/ip_forward") == "1"
    for node in ("box", "hub"):
        assert "all of it is in place" in running.machine.output(f"mpquic net status {node}")


def test_keys_are_for_root_and_the_service_and_the_authority_for_root_alone(running: Site) -> None:
    modes = running.machine.output("find /etc/mpquic/tls -name *.key -printf '%f %m %u:%g\\n'").splitlines()
    assert sorted(modes) == [
        "box1.key 640 root:mpquic", "ca.key 600 root:root", "far1.key 640 root:mpquic", "server.key 640 root:mpquic"
    ]  # fmt: skip


def test_no_name_of_a_key_but_the_authoritys_escapes_the_patterns(site: Site) -> None:
    names = ["a.key", "c.key", "cb.key", "ca1.key", "ca.x.key", "ca-old.key", "xca.key", "caa.key", "ca.ca.key"]
    for name in [*names, "ca.key.pem"]:
        site.machine.write(f"/etc/mpquic/tls/{name}", "", mode=0o600)
    site.machine.run("systemd-tmpfiles --create mpquic.conf")
    for name in names:
        assert site.machine.output(f"stat -c %a:%G /etc/mpquic/tls/{name}") == "640:mpquic", name
    for name in ("ca.key", "ca.key.pem"):
        assert site.machine.output(f"stat -c %a:%G /etc/mpquic/tls/{name}") == "600:root", name
    for name in [*names, "ca.key.pem"]:
        site.machine.path(f"/etc/mpquic/tls/{name}").unlink()


def test_tokens_are_for_the_service_alone(site: Site) -> None:
    site.machine.run("mpquic token new box1")
    assert site.machine.output("stat -c %a:%U:%G /etc/mpquic/tls/box1.token") == "600:root:root"
    site.machine.run("systemd-tmpfiles --create mpquic.conf")
    assert site.machine.output("stat -c %a:%U:%G /etc/mpquic/tls/box1.token") == "600:mpquic:mpquic"
    site.machine.path("/etc/mpquic/tls/box1.token").unlink()


def test_status_as_root(running: Site) -> None:
    assert "cr" in running.machine.output("mpquic status box")
    refused = running.machine.run("setpriv --reuid=65534 --clear-groups mpquic status box", check=False)
    assert refused.returncode == 1 and "Permission denied" in refused.stderr


def test_one_that_stops_leaves_the_others_socket(running: Site) -> None:
    running.machine.run(f"systemctl stop {HUB}")
    assert running.machine.output("ls /run/mpquic").split() == ["box.sock"]
    running.machine.run("mpquic status box")
    running.start()


def test_stop_within_two_seconds_and_nothing_is_left(running: Site) -> None:
    begun = time.monotonic()
    running.machine.run(["systemctl", "stop", *INSTANCES])
    assert time.monotonic() - begun < 2.0
    for unit in INSTANCES:
        assert running.machine.show(unit, "Result") == "success"
        assert "has stopped" in running.machine.journal(unit)
    left = running.net.client.ip("-o link")
    assert "cr" not in left and "hb" not in left
    assert "mpquic" not in running.machine.output("nft list ruleset")
    assert running.machine.output("cat /proc/sys/net/ipv4/ip_forward") == "0"


def test_a_reload_takes_the_file_up_and_loses_no_packet(running: Site) -> None:
    before = running.machine.main_pid(BOX)
    file = running.machine.path("/etc/mpquic/box.yaml")
    good = file.read_text()
    # A key as root makes it: the reload, too, opens it for the service first.
    running.machine.run("chmod 0600 /etc/mpquic/tls/box1.key")
    running.machine.run("chown root:root /etc/mpquic/tls/box1.key")
    with watched(running.net.server, INNER["box"]) as pings:
        file.write_text(good.replace('"role"', '"log_level": "debug", "role"'))
        running.machine.run(f"systemctl reload {BOX}")
        until(lambda: "box has taken up /etc/mpquic/box.yaml" in running.machine.journal(BOX), what="the new file")
        until(lambda: running.machine.show(BOX, "ActiveState") == "active", what="that the reload is done")
    assert pings.lost == 0, pings
    assert running.machine.main_pid(BOX) == before
    file.write_text(good.replace('"role"', '"rule"'))
    running.machine.run(f"systemctl reload {BOX}")
    until(lambda: "stays with the configuration that it has" in running.machine.journal(BOX), what="the refusal")
    assert running.machine.main_pid(BOX) == before
    file.write_text(good)


def test_restart(running: Site) -> None:
    before = running.machine.main_pid(BOX)
    running.machine.run(f"systemctl restart {BOX}")
    assert running.machine.main_pid(BOX) != before
    running.wait_until_up()


def test_it_comes_back_after_a_crash_however_often(running: Site) -> None:
    for _ in range(7):  # systemd's own limit would be five
        before = running.machine.main_pid(BOX)
        running.machine.run(f"systemctl kill --kill-whom=main --signal=KILL {BOX}")
        until(lambda: running.machine.main_pid(BOX) not in (0, before), what="a new process")
    running.wait_until_up()


@pytest.fixture
def quick_watchdog(site: Site) -> Iterator[None]:
    """So that the test needn't wait for so long."""
    drop_in = f"/etc/systemd/system/{UNIT}.d/quick.conf"
    site.machine.write(drop_in, "[Service]\nWatchdogSec=3s\n")
    site.machine.run("systemctl daemon-reload")
    site.machine.run(["systemctl", "restart", *INSTANCES])
    site.wait_until_up()
    yield
    site.machine.path(drop_in).unlink()
    site.machine.run("systemctl daemon-reload")
    site.machine.run(["systemctl", "restart", *INSTANCES])


def test_a_hung_worker_is_killed_by_the_watchdog(quick_watchdog: None, running: Site) -> None:
    pid = running.machine.main_pid(HUB)
    threads = running.machine.output(["sh", "-c", f"grep -l ^worker /proc/{pid}/task/*/comm"]).split()
    assert threads
    # A debugger that holds one thread: it alone stands still.
    held = threads[0].split("/")[4]
    running.machine.write("/usr/local/lib/hold.py", _HOLD)
    running.machine.run(["systemd-run", "--unit=hold", "/usr/bin/python3", "/usr/local/lib/hold.py", held])
    until(lambda: "Watchdog timeout" in running.machine.journal(HUB), what="the watchdog's verdict")
    until(lambda: running.machine.main_pid(HUB) not in (0, pid), what="a new process")
    running.machine.run("systemctl stop hold")
    running.wait_until_up()


# Attaches to the thread as a debugger does, and stays.
_HOLD = """
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
    if libc.ptrace(request, int(sys.argv[1]), None, None) != 0:
        sys.exit(f"ptrace: {ctypes.get_errno()}")
time.sleep(60)
"""


def test_a_stopped_process_is_killed_by_the_watchdog(running: Site) -> None:
    pid = running.machine.main_pid(BOX)
    running.machine.run(f"kill -STOP {pid}")
    until(lambda: running.machine.main_pid(BOX) not in (0, pid), what="a new process")
    running.wait_until_up()


def test_a_configuration_that_becomes_right_is_taken(running: Site) -> None:
    good = running.machine.path("/etc/mpquic/box.yaml").read_text()
    running.machine.write("/etc/mpquic/box.yaml", "role: clint\n")
    running.machine.run(f"systemctl restart {BOX}", check=False)
    until(lambda: "box.yaml:1:7: " in running.machine.journal(BOX), what="the error")
    running.machine.write("/etc/mpquic/box.yaml", good)
    running.wait_until_up()


def test_the_examples_of_the_page_are_units(site: Site) -> None:
    """docs/operations.md shows drop-ins: each is one that systemd takes without a word."""
    page = (ROOT / "docs" / "operations.md").read_text()
    drop_ins = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    assert drop_ins
    for number, text in enumerate(drop_ins):
        site.machine.write(f"/etc/systemd/system/{UNIT}.d/example-{number}.conf", text)
    site.machine.run("systemctl daemon-reload")
    verified = site.machine.run(f"systemd-analyze verify {BOX}", check=False)
    site.machine.run(f"rm -r /etc/systemd/system/{UNIT}.d")
    site.machine.run("systemctl daemon-reload")
    assert verified.returncode == 0 and "mpquic" not in verified.stderr, verified.stderr
