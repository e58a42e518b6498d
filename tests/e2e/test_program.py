"""The program as whoever runs it meets it: exit statuses, errors, and two that want the same thing.

    client ---- wan ---- server
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import programs, topology
from nodes import PORT, Configuration, Mpquic, Testbed, pair_client, pair_server, patience


@pytest.fixture(scope="module")
def net(shared_testbed: Testbed) -> topology.Pair:
    return topology.pair(shared_testbed.lab)


@pytest.fixture
def server(net: topology.Pair, shared_testbed: Testbed) -> Iterator[Mpquic]:
    program = shared_testbed.run(net.server, pair_server(shared_testbed))
    yield program
    program.stop()


def mpquic(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([programs.mpquic(), *arguments], capture_output=True, text=True, check=False)


def refuses_to_run(program: Mpquic, status: int, *words: str) -> None:
    """It ends by itself with this status, and its log says why."""
    process = program.start_only()
    assert process.wait(patience(3)) == status, process.log
    for word in words:
        assert word in process.log
    program.check_log()


def test_usage() -> None:
    assert mpquic("--version").returncode == 0
    assert mpquic("--help").returncode == 0
    for wrong in ([], ["fly"], ["run"], ["check"], ["run", "a.yaml", "b.yaml"], ["status", "--fast"]):
        done = mpquic(*wrong)
        assert done.returncode == 2 and done.stderr, wrong


def test_status_of_nobody(tmp_path: Path) -> None:
    done = mpquic("status", str(tmp_path / "nobody.sock"))
    assert done.returncode == 1 and "nobody.sock" in done.stderr


def written(tmp_path: Path, configuration: Configuration | str) -> str:
    file = tmp_path / "node.yaml"
    file.write_text(configuration if isinstance(configuration, str) else json.dumps(configuration, indent=2))
    return str(file)


def test_check_says_what_would_be_set_up(tmp_path: Path, shared_testbed: Testbed) -> None:
    done = mpquic("check", written(tmp_path, pair_server(shared_testbed)))
    assert done.returncode == 0, done.stderr
    assert "mt" in done.stdout and "box1" in done.stdout and str(PORT) in done.stdout
    done = mpquic("check", written(tmp_path, pair_client(shared_testbed, "10.60.1.1")))
    assert done.returncode == 0, done.stderr
    assert "cr" in done.stdout and "10.60.1.1" in done.stdout


def test_check_and_run_say_where_the_error_is(tmp_path: Path) -> None:
    file = written(tmp_path, "role: client\nserver: 10.60.1.1:45010\nlincs: {}\n")
    for command in ("check", "run"):
        done = mpquic(command, file)
        assert done.returncode == 2
        assert f'{file}:3:1: unknown key "lincs" (did you mean "links"?)' in done.stderr


def test_check_and_run_without_the_file(tmp_path: Path) -> None:
    for command in ("check", "run"):
        done = mpquic(command, str(tmp_path / "none.yaml"))
        assert done.returncode == 2 and "none.yaml" in done.stderr


def test_a_server_without_certificate_refuses(net: topology.Pair, shared_testbed: Testbed) -> None:
    configuration = pair_server(shared_testbed)
    del configuration["tls"]["certificate"], configuration["tls"]["key"]
    refuses_to_run(shared_testbed.add(net.server, configuration, "naked"), 2, "naked.yaml:", "certificate")
    configuration = pair_server(shared_testbed)
    configuration["tls"]["certificate"] = "nowhere.pem"
    refuses_to_run(shared_testbed.add(net.server, configuration, "naked"), 2, "naked.yaml:", "nowhere.pem")


def test_a_server_without_client_ca_refuses(net: topology.Pair, shared_testbed: Testbed) -> None:
    configuration = pair_server(shared_testbed)
    del configuration["tls"]["client_ca"]
    refuses_to_run(shared_testbed.add(net.server, configuration, "open"), 2, "open.yaml:", "client_ca")


def test_a_second_one_of_the_same_name(net: topology.Pair, server: Mpquic, shared_testbed: Testbed) -> None:
    configuration = pair_server(shared_testbed, listen="[::]:45011", control=str(server.control))
    configuration["tunnels"] = {"other": configuration["tunnels"]["mt"]}
    second = shared_testbed.add(net.server, configuration, "second")
    refuses_to_run(second, 1, str(server.control), f"another mpquic (pid {server.process.pid})")
    assert server.tunnel()["name"] == "mt", "the first one's socket is still its own"


@pytest.mark.parametrize("listen", ["[::]:45010", "0.0.0.0:45010", "10.60.1.1:45010", "[fd00:60:1::1]:45010"])
def test_a_second_one_on_the_same_port(
    net: topology.Pair, server: Mpquic, shared_testbed: Testbed, listen: str
) -> None:
    configuration = pair_server(shared_testbed, listen=listen)
    configuration["tunnels"] = {"other": configuration["tunnels"]["mt"]}
    second = shared_testbed.add(net.server, configuration, "second")
    refuses_to_run(second, 1, f"{listen} is in use by process {server.process.pid} (mpquic)")
    assert "other" not in net.server.ip("-o link"), "what it had made by then is gone"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_one_on_the_same_tun(net: topology.Pair, shared_testbed: Testbed, workers: int) -> None:
    first = shared_testbed.run(net.server, pair_server(shared_testbed, workers=workers), "first")
    second = shared_testbed.add(
        net.server, pair_server(shared_testbed, listen="[::]:45011", workers=workers), "second"
    )
    refuses_to_run(second, 1, "TUN device mt is in use by", str(first.process.pid))
    assert "mt" in net.server.ip("-o link")
    first.stop()


def test_a_tunnel_named_as_an_interface_that_is_there(net: topology.Pair, shared_testbed: Testbed) -> None:
    configuration = pair_server(shared_testbed)
    configuration["tunnels"] = {"wan": configuration["tunnels"]["mt"]}
    program = shared_testbed.add(net.server, configuration, "clash")
    refuses_to_run(program, 1, "interface wan exists already and is no TUN device but of kind veth")


def test_a_port_of_an_address_that_is_not_here(net: topology.Pair, shared_testbed: Testbed) -> None:
    program = shared_testbed.add(net.server, pair_server(shared_testbed, listen="192.0.2.1:45010"), "elsewhere")
    refuses_to_run(program, 1, "192.0.2.1:45010")
