"""What hostile hosts do: UDP payloads of any kind from any address, packets captured and sent again, hand-driven QUIC.

    client ---- link ---- server ---- veth ---- attacker
                            foe0      foe0
"""

from __future__ import annotations

import json
import re
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lab import Lab, Node, Process, programs, topology
from nodes import PORT, Authority, Mpquic, Testbed, patience, until

SERVER, ATTACKER = "10.61.0.1", "10.61.0.2"


@dataclass
class Siege:
    """A server with an honest client, and a hostile host on a cable of its own."""

    testbed: Testbed
    net: topology.Pair
    server: Mpquic
    client: Mpquic
    foe: Node


# RFC 9000, 14: an Initial's UDP payload has at least this size.
SMALLEST_INITIAL = 1200

_SEND = """
import json, socket, sys, time
task = json.load(sys.stdin)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
for i, payload in enumerate(task["payloads"]):
    s.sendto(bytes.fromhex(payload), (task["server"], task["port"]))
    if i % 32 == 31: time.sleep(0.002)
s.settimeout(task["patience"])
try:
    while True: print(s.recv(65536).hex())
except TimeoutError: pass
"""

_SEND_RAW = """
import json, socket, sys, time
task = json.load(sys.stdin)
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for i, packet in enumerate(task["packets"]):
    s.sendto(bytes.fromhex(packet), (task["server"], 0))
    if i % 32 == 31: time.sleep(0.002)
"""

_CAPTURE = """
import json, socket, sys, time
task = json.loads(sys.argv[1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.bind((task["interface"], 0))
s.settimeout(0.05)
end, found = time.monotonic() + task["seconds"], 0
print("listening", flush=True)
while time.monotonic() < end and found < task["count"]:
    try: packet, (_, protocol, kind, *_) = s.recvfrom(65536)
    except TimeoutError: continue
    if packet and (kind == 4) == task["outgoing"]: found += 1; print(packet.hex(), flush=True)
print("done")
"""


def attach_attacker(lab: Lab, server: Node) -> Node:
    attacker = lab.node("attacker")
    lab.veth(attacker, "foe0", server, "foe0")
    attacker.add_addresses("foe0", f"{ATTACKER}/24")
    server.add_addresses("foe0", f"{SERVER}/24")
    return attacker


def send(node: Node, payloads: Sequence[bytes], to: str = SERVER, listen: float = 0.3) -> list[bytes]:
    """Sends UDP payloads from one socket and returns what comes back until there is silence for `listen` seconds."""
    task = {"payloads": [each.hex() for each in payloads], "server": to, "port": PORT, "patience": listen}
    done = node.run([sys.executable, "-c", _SEND], text=json.dumps(task), timeout=60)
    return [bytes.fromhex(line) for line in done.stdout.split()]


def send_ip(node: Node, packets: Sequence[bytes], to: str) -> None:
    """Sends whole IPv4 packets as they are, whatever their source address."""
    task = {"packets": [each.hex() for each in packets], "server": to}
    node.run([sys.executable, "-c", _SEND_RAW], text=json.dumps(task), timeout=60)


@contextmanager
def capture(
    node: Node, interface: str, count: int, outgoing: bool = True, seconds: float = 3.0
) -> Iterator[list[bytes]]:
    """The first `count` IP packets that pass an interface from the beginning of the block on; the list has them at its
    end."""
    task = {"interface": interface, "count": count, "seconds": patience(seconds), "outgoing": outgoing}
    packets: list[bytes] = []
    with node.start([sys.executable, "-c", _CAPTURE, json.dumps(task)]) as process:
        process.wait_for_log("listening")
        yield packets
        process.wait_for_log("done", patience(seconds) + 5)
        packets += [bytes.fromhex(line) for line in process.log.split()[1:-1]]


def udp_payload(packet: bytes) -> bytes:
    """b"" of what is no UDP over IPv4."""
    header = (packet[0] & 15) * 4
    return packet[header + 8 :] if packet[0] >> 4 == 4 and packet[9] == 17 else b""


def cut(packet: bytes, payload_size: int) -> bytes:
    """The IPv4 packet with a UDP payload of this size, its lengths put right; 0 for the UDP checksum means none."""
    header = (packet[0] & 15) * 4
    total = struct.pack("!H", header + 8 + payload_size)
    ip = packet[:2] + total + packet[4:10] + b"\0\0" + packet[12:header]
    udp = packet[header : header + 4] + struct.pack("!HH", 8 + payload_size, 0)
    return ip + udp + packet[header + 8 : header + 8 + payload_size]


def long_header(version: int, destination: bytes, source: bytes = b"", first: int = 0xC3) -> bytes:
    """RFC 8999, 5.1."""
    return struct.pack("!BIB", first, version, len(destination)) + destination + bytes([len(source)]) + source


def ipv4_packet(source: str, destination: str, size: int = 64) -> bytes:
    """An inner packet (UDP to port 9), checksums right."""
    payload = size - 28
    fields = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 1, 0x4000, 64, 17, 0, _bytes(source), _bytes(destination))
    udp = struct.pack("!HHHH", 4242, 9, 8 + payload, 0) + bytes(payload)
    return fields[:10] + struct.pack("!H", _checksum(fields)) + fields[12:] + udp


def _bytes(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def _checksum(header: bytes) -> int:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# Programs of tests/e2e/tools


def _tool(name: str) -> str:
    return str(programs.build_directory() / "tests" / "e2e" / "tools" / name)


@dataclass(frozen=True)
class Poked:
    established: int
    """Connections that stood."""
    unsent: int
    datagrams: list[bytes]
    """What the server sent."""
    closed: list[str]
    """Why connections ended before the time was over."""

    @classmethod
    def parse(cls, output: str) -> Poked:
        end = re.search(r"^end: (\d+) of \d+ established, (\d+) datagrams unsent$", output, re.MULTILINE)
        assert end is not None, output
        return cls(
            int(end[1]),
            int(end[2]),
            [bytes.fromhex(line) for line in re.findall(r"^datagram (\w+)$", output, re.MULTILINE)],
            re.findall(r"^closed (.*)$", output, re.MULTILINE),
        )


def poke(
    node: Node, authority: Authority, identity: str | None, datagrams: Sequence[bytes] = (), alpn: str = "mpquic-ip",
    connections: int = 1, linger: float = 1.0, local: str = ATTACKER, server: str = SERVER, stall: bool = False,
) -> Poked:  # fmt: skip
    """Connects by hand, as this client or as one without a certificate, and sends these DATAGRAM frames. `stall`:
    proves its address and leaves the handshake at that."""
    command = [_tool("quic_poke"), "--local", local, "--server", f"{server}:{PORT}", "--ca", authority.ca,
               "--alpn", alpn, "--connections", str(connections), "--linger", str(linger)]  # fmt: skip
    command += ["--stall"] if stall else []
    if identity:
        mine = authority.client(identity)
        command += ["--certificate", mine["certificate"], "--key", mine["key"]]
    done = node.run(command, text="".join(each.hex() + "\n" for each in datagrams), timeout=patience(linger) + 30)
    return Poked.parse(done.stdout)


@contextmanager
def flood(node: Node, rate: int, seconds: float, sources: str, server: str = SERVER) -> Iterator[Process]:
    """Initials from made-up addresses, from the moment of entry on."""
    command = [_tool("initial_flood"), "--server", f"{server}:{PORT}", "--rate", str(rate), "--seconds", str(seconds),
               "--sources", sources]  # fmt: skip
    with node.start(command) as process:
        process.wait_for_log("flooding", patience(10))
        yield process


@contextmanager
def goes_on(client: Mpquic, address: str, loss: float = 0.02) -> Iterator[None]:
    """Whatever happens in the block, the client's tunnel carries on: the same connection, next to no ping lost."""
    before = client.tunnel()["connections"][0]["id"]
    pings = client.node.start(["ping", "-n", "-i", "0.05", address])
    pings.wait_for_log("time=")
    try:
        yield
        time.sleep(0.2)
    finally:
        pings.signal(2)
        pings.wait(10)
    found = re.search(r"(\d+) packets transmitted, (\d+) received", pings.log)
    assert found is not None, pings.log
    sent, received = int(found[1]), int(found[2])
    assert received >= sent - 2 - sent * loss, f"{sent - received} of {sent} pings lost meanwhile"
    tunnel = client.tunnel()
    assert tunnel["state"] == "up" and tunnel["connections"][0]["id"] == before, tunnel


@contextmanager
def counted(node: Mpquic, **expected: int) -> Iterator[dict[str, int]]:
    """In the block, at least so many packets are dropped, each for the reason named. The dictionary has all counts at
    its end."""
    before = node.status()["drops"]
    found: dict[str, int] = {}

    def enough() -> bool:
        found.update({reason: count - before[reason] for reason, count in node.status()["drops"].items()})
        return all(found[reason] >= count for reason, count in expected.items())

    yield found
    try:
        until(enough, 3)
    except AssertionError:
        raise AssertionError(f"wanted {expected}, counted { {k: v for k, v in found.items() if v} }") from None


