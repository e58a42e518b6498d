"""Who is who over h3: by a certificate or a token, and nobody gets a tunnel without. The right side says why, in its log
and its status, and others go on.

    box1 ---- wan --+
                    +-- wire ---- server
    box2 ---- wan --+               mt

box1 is in order, and its pings never stop. On box2 somebody else tries.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import Lab
from native import Street, given, names, new_token, reaches, undisturbed
from nodes import (
    INNER_SERVER_V4, INNER_SERVER_V6, PORT, Authority, Configuration, Mpquic, Testbed, client_configuration, until,
)  # fmt: skip


@dataclass
class Gate:
    street: Street
    server: Mpquic
    box1: Mpquic
    token: str
    """The file of `porter`, whom the server knows by it."""

    def stranger(self, identity: str | None, name: str, **top: object) -> Mpquic:
        return self.street.testbed.run(self.street.box(2), self.street.client_file(identity, **top), name)

    def refused(self, client: Mpquic, at_client: str, at_server: str) -> None:
        """It has tried; both ends say why, and no packet has passed."""
        said = f"warning cr: {at_client}"
        client.wait_for_log(said)
        until(lambda: client.tunnel()["detail"] and client.tunnel()["detail"] in client.log, 2, "its status says so too")
        assert client.tunnel()["state"] != "up"
        self.server.wait_for_log(rf"warning 10\.60\.0\.2:\d+: {at_server}")
        assert not client.node.addresses("cr")
        assert not [route for route in self.server.tunnel()["routes"] if route["peer"] != "box1"]
        client.stop()


@pytest.fixture(scope="module")
def gate(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """The server has a client CA as well as clients that have tokens."""
    with Lab() as lab:
        testbed = Testbed(lab, authority)
        street = Street(testbed, 2)
        token, token_hash = new_token(tmp_path_factory.mktemp("tokens"), "porter")
        clients = {"box1": {}, "box2": {}, "lost": {}, "porter": {"token": token_hash, "addresses": "10.200.15.80"}}
        configuration = street.server_file(clients, workers=2)
        configuration["tls"]["crl"] = authority.revoke("lost")
        server = testbed.run(street.server_node, configuration)
        box1 = street.join(1)
        with undisturbed(box1):
            yield Gate(street, server, box1, token)
        testbed.stop()


class TestLetIn:
    def test_by_certificate(self, gate: Gate) -> None:
        client = gate.stranger("box2", "certified")
        client.wait_until_up()
        assert names(gate.server.tunnel()["connections"]) == {"box1", "box2"}
        assert reaches(client.node, INNER_SERVER_V4, INNER_SERVER_V6)
        client.stop()

    def test_by_token(self, gate: Gate) -> None:
        client = gate.stranger(None, "bearer", token=gate.token)
        client.wait_until_up()
        assert names(gate.server.tunnel()["connections"]) == {"box1", "porter"}
        assert given(client)[0] == "10.200.15.80"
        assert reaches(client.node, INNER_SERVER_V4, INNER_SERVER_V6)
        client.stop()

    def test_by_token_although_there_is_a_certificate_too(self, gate: Gate) -> None:
        client = gate.stranger("box2", "both", token=gate.token)
        client.wait_until_up()
        assert names(gate.server.tunnel()["connections"]) == {"box1", "porter"}
        client.stop()


class TestRefused:
    def test_a_token_that_nobody_has(self, gate: Gate, tmp_path: Path) -> None:
        token, _ = new_token(tmp_path, "porter")
        gate.refused(gate.stranger(None, "wrong-token", token=token),
                     "the server refuses the tunnel: status 401, .*nobody has this token",
                     "no tunnel: nobody has this token")  # fmt: skip

    def test_neither_a_token_nor_a_certificate(self, gate: Gate) -> None:
        gate.refused(gate.stranger(None, "nameless"),
                     "the server refuses the tunnel: status 401, .*neither a certificate nor a token",
                     "no tunnel: neither a certificate nor a token")  # fmt: skip

    def test_a_good_certificate_without_an_entry(self, gate: Gate) -> None:
        gate.refused(gate.stranger("box9", "unknown"),
                     'the server refuses the tunnel: status 403, .*no client named .*box9.* in the configuration',
                     'no tunnel: no client named "box9" in the configuration')  # fmt: skip

    def test_a_token_does_not_make_up_for_a_revoked_certificate(self, gate: Gate) -> None:
        gate.refused(gate.stranger("lost", "revoked", token=gate.token),
                     "the other end refused us: Certificate is bad",
                     "the other end's certificate is refused: .* The certificate chain is revoked")  # fmt: skip

    def test_a_certificate_of_another_authority(self, gate: Gate, tmp_path: Path) -> None:
        foreign = Authority(tmp_path)
        configuration = gate.street.client_file("box2")
        configuration["tls"] |= foreign.client("box2")
        gate.refused(gate.street.testbed.run(gate.street.box(2), configuration, "foreign"),
                     "the other end refused us: Certificate is bad",
                     "the other end's certificate is refused: .* issuer is unknown")  # fmt: skip

    def test_mpquic_ip_knows_no_tokens(self, gate: Gate) -> None:
        """The same server lets nobody in that way without a certificate."""
        configuration = client_configuration(gate.street.testbed.authority, "box2", f"10.60.0.254:{PORT}",
                                             {"cr": "10.200.15.2/24"})  # fmt: skip
        del configuration["tls"]["certificate"], configuration["tls"]["key"]
        client = gate.street.testbed.run(gate.street.box(2), configuration, "old-and-nameless")
        client.wait_for_log("warning cr: .*[Cc]ertificate")
        assert client.tunnel()["state"] != "up"
        assert names(gate.server.tunnel()["connections"]) == {"box1"}
        client.stop()

    def test_a_token_that_others_can_read(self, gate: Gate, tmp_path: Path) -> None:
        token, _ = new_token(tmp_path, "porter")
        os.chmod(token, 0o640)
        client = gate.street.testbed.add(gate.street.box(2), gate.street.client_file(None, token=token), "open-token")
        assert client.start_only().wait(5) == 2
        assert re.search(rf"open-token.yaml:\d+:\d+: {token}: a token that others .* 0640 .*chmod 600", client.log), client.log


def test_a_server_that_knows_nobody_but_by_token(testbed: Testbed, tmp_path: Path) -> None:
    """It needs no authority for its clients, then."""
    street = Street(testbed, 2)
    tokens = {name: new_token(tmp_path, name) for name in ("ann", "bob")}
    configuration = street.server_file({name: {"token": of_it} for name, (_, of_it) in tokens.items()}, alpn="h3")
    del configuration["tls"]["client_ca"]
    server = testbed.run(street.server_node, configuration)
    clients = []
    for box, (file, _) in zip(street.boxes, tokens.values(), strict=True):
        clients.append(testbed.run(box, street.client_file(None, token=file)))
        clients[-1].wait_until_up()
    assert names(server.tunnel()["connections"]) == {"ann", "bob"}
    for client in clients:
        assert reaches(client.node, INNER_SERVER_V4) and reaches(server.node, *given(client))


class TestTakenAway:
    """By a reload: within a second, for good, and the others lose nothing."""

    @dataclass
    class Pair:
        street: Street
        server: Mpquic
        file: Configuration
        box1: Mpquic
        box2: Mpquic

    def pair(self, testbed: Testbed, box2: dict[str, object], **client_top: object) -> Pair:
        street = Street(testbed, 2)
        file = street.server_file({"box1": {}, "box2": box2})
        server = testbed.run(street.server_node, file)
        identity = None if "token" in client_top else "box2"
        other = testbed.run(street.box(2), street.client_file(identity, **client_top), "box2")
        other.wait_until_up()
        return self.Pair(street, server, file, street.join(1), other)

    def taken(self, pair: Pair, changed: Configuration, at_client: str, again: str) -> None:
        addresses = given(pair.box2)
        with undisturbed(pair.box1):
            assert pair.server.reload(changed)
            until(lambda: names(pair.server.tunnel()["connections"]) == {"box1"}, 0.5, "box2 is out")
            until(lambda: pair.box2.tunnel()["state"] != "up", 0.5, "box2 knows")
            assert not any(pair.server.node.ping(a, count=2, patience=0.2).received for a in addresses)
            pair.box2.wait_for_log(at_client)
            # It comes again, and in vain.
            pair.box2.wait_for_log(again)
            assert names(pair.server.tunnel()["connections"]) == {"box1"}
            # Until it is let in again, and then it is who it was.
            assert pair.server.reload(pair.file)
            pair.box2.wait_until_up(seconds=6)
            assert given(pair.box2) == addresses
            assert reaches(pair.server.node, *addresses)

    def test_a_token(self, testbed: Testbed, tmp_path: Path) -> None:
        file, of_it = new_token(tmp_path, "box2")
        pair = self.pair(testbed, {"token": of_it}, token=file)
        _, another = new_token(tmp_path / "another", "box2")
        changed = pair.street.server_file({"box1": {}, "box2": {"token": another}})
        self.taken(pair, changed, "is no client of this tunnel any more", "status 401, .*nobody has this token")

    def test_a_client(self, testbed: Testbed) -> None:
        pair = self.pair(testbed, {})
        changed = pair.street.server_file({"box1": {}})
        self.taken(pair, changed, "is no client of this tunnel any more", "status 403, .*no client named")

    def test_a_certificate(self, authority: Authority, testbed: Testbed) -> None:
        pair = self.pair(testbed, {})
        changed = pair.street.server_file({"box1": {}, "box2": {}})
        changed["tls"]["crl"] = authority.revoke("box2")
        try:
            self.taken(pair, changed, "closed by the other end: the certificate is refused: .* is revoked",
                       "the other end refused us: Certificate is bad")  # fmt: skip
        finally:
            authority.renew_client("box2")
