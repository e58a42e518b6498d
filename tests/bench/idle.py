"""Many clients that are connected and carry nothing: what each costs the server."""

from __future__ import annotations

import re
import time
from pathlib import Path

from lab import Process, programs
from tests.e2e.nodes import server_configuration

from .contestants import CLIENT, Field
from .meter import Meter
from .samples import Figures

CLIENTS = 1000
PORT = 45001
SETTLING = 5
SOURCES = [f"10.60.1.{100 + number}" for number in range(8)]
"""More than one, since a server limits the handshakes of one source."""


def measure(field: Field, seconds: float) -> Figures:
    """`idle_memory`: by how much the server's resident memory has grown, KiB per client. `idle_cpu`: percent of one
    core that the server takes. A server of its own, with as many workers as by default."""
    net, authority = field.net, field.testbed.authority
    net.client.add_addresses("wan", *(f"{source}/32" for source in SOURCES))
    server = field.testbed.run(
        net.server,
        server_configuration(authority, {"idle": ["10.77.255.254/16"]}, {CLIENT: ["10.0.0.0/8"]},
                             listen=f"{net.server_v4}:{PORT}"),
        "idle",
    )  # fmt: skip
    time.sleep(1)
    before = _resident_kib(server.process)
    identity = authority.client(CLIENT)
    words = [str(programs.build_directory() / "tests" / "bench" / "idle_clients"), f"{net.server_v4}:{PORT}",
             str(CLIENTS), authority.ca, identity["certificate"], identity["key"], "mpquic-server"]  # fmt: skip
    with net.client.start([*words, *SOURCES], log="idle_clients.log") as clients:
        clients.wait_for_log("all are up", 120)
        time.sleep(SETTLING)
        with Meter([server.process]) as meter:
            time.sleep(seconds)
        grown = _resident_kib(server.process) - before
        connected = len(server.tunnel("idle")["connections"])
        if connected != CLIENTS:
            raise RuntimeError(f"the server has {connected} of {CLIENTS} clients:\n{clients.log}")
    server.stop()
    for source in SOURCES:
        net.client.ip(f"address del {source}/32 dev wan")
    return {"idle_memory": grown / CLIENTS, "idle_cpu": meter.tunnel / seconds * 100}


def _resident_kib(process: Process) -> int:
    found = re.search(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None, "a running process has memory"
    return int(found[1])
