"""The program as whoever runs it meets it: exit statuses, errors, and two that want the same thing.

    client ---- wan ---- server
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import programs, topology
from nodes import PORT, Authority, Configuration, Mpquic, Testbed, pair_client, pair_server, patience


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


def test_a_token_is_made_and_both_ends_take_it(tmp_path: Path, shared_testbed: Testbed) -> None:
    made = mpquic("token", "new", "box1", "--dir", str(tmp_path))
    assert made.returncode == 0, made.stderr
    token = tmp_path / "box1.token"
    assert token.stat().st_mode & 0o777 == 0o600 and token.read_text().strip() not in made.stdout
    again = mpquic("token", "new", "box1", "--dir", str(tmp_path))
    assert again.returncode == 1 and f"{token} is there already (--force replaces it)" in again.stderr
    assert mpquic("token", "new", "../box1", "--dir", str(tmp_path)).returncode == 2

    assert f"client:  token: {token}\n" in made.stdout
    client = {**pair_client(shared_testbed, "10.60.1.1"), "token": str(token)}
    done = mpquic("check", written(tmp_path, client))
    assert done.returncode == 0 and f"shows the token in {token}" in done.stdout, done.stderr
    shown = re.search(r'server:  clients: \{box1: \{token: "(sha256:\w+)"', made.stdout)
    assert shown, made.stdout
    server = pair_server(shared_testbed)
    server["clients"]["box1"]["token"] = shown.group(1)
    done = mpquic("check", written(tmp_path, server))
    assert done.returncode == 0 and "or have a token" in done.stdout, done.stderr


def test_check_says_what_is_wrong_with_tokens_and_lists(tmp_path: Path, shared_testbed: Testbed) -> None:
    authority = shared_testbed.authority
    token = tmp_path / "box1.token"
    token.write_text("0123456789abcdef0123456789abcdef\n")
    token.chmod(0o644)
    hashed = "sha256:" + "0" * 64
    foreign = Authority(tmp_path / "foreign").revoke()
    configuration = pair_server(shared_testbed)
    other_client = {"box2": {"prefixes": "10.200.15.200", "token": hashed}}

    def server(token: str = hashed, clients: Configuration | None = None, **tls: str | None) -> Configuration:
        box1 = {**configuration["clients"]["box1"], "token": token}
        named = {key: value for key, value in {**configuration["tls"], **tls}.items() if value}
        return {**configuration, "tls": named, "clients": {"box1": box1, **(clients or {})}}

    def client(name: str) -> Configuration:
        return {**pair_client(shared_testbed, "10.60.1.1"), "token": name}

    table = [
        (client("box1.token"), rf"{token}: a token that others than its owner may open, mode 0644 \(did you mean chmod"),
        (client("none.token"), r"\S+/none\.token: No such file or directory"),
        (server(token=token.read_text().strip()), r'token: this is not "sha256:" with 64 hexadecimal digits'),
        (server(clients=other_client), r'client "box1" \(line \d+\) has this token'),
        (server(crl=foreign), rf"{foreign}: not signed by an authority in {authority.ca}"),
        (server(crl=authority.ca), rf"{authority.ca}: holds a certificate, not a revocation list"),
        (server(client_ca=None, clients={"box2": {"prefixes": "10.200.15.200"}}),
         r'client "box2" can\'t prove who it is: it has no token, and tls has no client_ca'),
    ]  # fmt: skip
    for wrong, line in table:
        done = mpquic("check", written(tmp_path, wrong))
        assert done.returncode == 2, line
        assert re.fullmatch(rf"\S+/node\.yaml:\d+:\d+: {line}.*\n", done.stderr), done.stderr


def test_certificates_are_revoked_and_the_list_is_shown(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.client("box1")["certificate"]
    done = mpquic("cert", "revoke", certificate, "--dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"wrote {tmp_path}/crl.pem with 1 more")
    shown = mpquic("cert", "show", certificate, str(tmp_path / "crl.pem")).stdout
    serials = re.findall(r"serial: +(\w+)", shown)
    assert len(serials) == 2 and serials[0] == serials[1], shown
    wrong = mpquic("cert", "revoke", str(tmp_path / "ca.pem"), "--dir", str(tmp_path))
    assert wrong.returncode == 1 and wrong.stderr == f"mpquic: {tmp_path}/ca.pem: an authority can't revoke itself\n"


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
