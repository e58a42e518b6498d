"""A DNS server for a node of the lab, which answers as the test says at the moment.

    dns = NameServer(node, {"vps.test": ["203.0.113.1", "2001:db8:113::1"]})
    dns.zone({"vps.test": ["203.0.113.2"]})
    dns.questions("vps.test")        # who has asked: ["10.60.1.2", ...]

A name that is not in its zone does not exist. It answers on port 53 of all addresses of its node, and tells in its log
who has asked for what. Run as a program, it is that server: name_server.py ZONE.json."""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
from pathlib import Path

_TYPES = {1: "A", 28: "AAAA"}
_NO_SUCH_NAME = 3


def _answer(query: bytes, zone: dict[str, list[str]]) -> tuple[str, str, bytes]:
    """The name, the type, and what to say."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind = _TYPES.get(int.from_bytes(query[at + 1 : at + 3], "big"), "other")
    name, question = ".".join(labels), query[12 : at + 5]
    family = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}.get(kind)
    records = b""
    count = 0
    for address in zone.get(name, []):
        if family == (socket.AF_INET6 if ":" in address else socket.AF_INET):
            data = socket.inet_pton(family, address)
            records += b"\xc0\x0c" + query[at + 1 : at + 5] + struct.pack(">IH", 5, len(data)) + data
            count += 1
    flags = 0x8180 | (0 if name in zone else _NO_SUCH_NAME)
    return name, kind, query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + records


def _serve(file: Path) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        server.bind(("::", 53))
        print("ready", flush=True)
        while True:
            query, control, _, who = server.recvmsg(2048, 256)
            asked = next(data for _, kind, data in control if kind == socket.IPV6_PKTINFO)
            name, kind, answer = _answer(query, json.loads(file.read_text()))
            print(f"{kind} {name} asked by {who[0].removeprefix('::ffff:')}", flush=True)
            # From the address that was asked, by whatever interface leads back.
            source = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, asked[:16] + bytes(4))
            server.sendmsg([answer], [source], 0, who)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
else:
    from lab import Node

    class NameServer:
        """Ready on return."""

        def __init__(self, node: Node, zone: dict[str, list[str]]) -> None:
            self.node = node
            self.zone(zone)
            self.start()

        def start(self) -> None:
            command = [sys.executable, __file__, str(self._file)]
            self._process = self.node.start(command, log=f"name-server-{len(self.node.processes)}.log")
            self._process.wait_for_log("^ready")

        def stop(self) -> None:
            self._process.stop()

        def zone(self, zone: dict[str, list[str]]) -> None:
            """From now on."""
            self._file = self.node.directory / "zone.json"
            new = self.node.write_file("zone.json.new", json.dumps(zone))
            new.rename(self._file)

        def questions(self, name: str) -> list[str]:
            """From which addresses it was asked for."""
            return re.findall(rf"^\w+ {re.escape(name)} asked by (\S+)", self._process.log, re.MULTILINE)
