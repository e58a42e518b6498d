"""The client's end: RFC 9484, 4.4."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from aioquic.quic.configuration import QuicConfiguration

from .connection import Connection, Headers, Tell
from .habits import Habits
from .http3 import Quic, greased_frame
from .tunnel import Tunnel


class ClientConnection(Connection):
    def request(self, headers: list[list[str]]) -> int:
        """The stream of a new request. Packets and capsules may be sent over it at once."""
        stream = self._quic.get_next_available_stream_id()
        self.tunnels[stream] = Tunnel(self, stream)
        if self.habits.grease:
            self.send_raw(stream, greased_frame())
        self.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in headers])
        return stream

    def on_headers(self, stream: int, headers: Headers, ended: bool) -> None:
        status = headers.get(":status", "")
        self.tell("response", stream=stream, status=status, headers=headers)
        self.tunnels[stream].in_session = "mpquic-session" in headers
        if len(status) != 3 or not status.isdecimal():
            return self.violation(f"a status {status!r}")
        if status[0] == "2":
            # RFC 9297, 3.2 and 3.4
            for field in ("content-length", "content-type", "transfer-encoding"):
                if field in headers:
                    self.violation(f"{field} with capsules")
            if status in ("204", "205", "206") or ended or headers.get("capsule-protocol", "?1") != "?1":
                self.violation(f"an acceptance without capsules: {headers}, ended: {ended}")


class Client:
    """Connections as they are asked for."""

    def __init__(self, habits: Habits, tell: Tell) -> None:
        self._habits = habits
        self._tell = tell
        self.connections: list[ClientConnection] = []

    def connection(self, number: int | None) -> ClientConnection:
        return self.connections[-1 if number is None else number]

    async def connect(self, address: str, port: int, **changed: Any) -> int:
        """Dials, and doesn't wait. `changed`: habits of this connection alone."""
        habits = Habits.of({**vars(self._habits), **changed})
        configuration = configure(habits, is_client=True)
        configuration.server_name = habits.server_name
        configuration.verify_mode = ssl.CERT_REQUIRED if habits.ca else ssl.CERT_NONE
        configuration.cafile = habits.ca or None
        configuration.quantum_readiness_test = habits.large_hello
        number = len(self.connections)
        quic = Quic(habits, configuration=configuration)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: ClientConnection(quic, number=number, habits=habits, tell=self._tell), family=family,
            local_addr=("::" if family == socket.AF_INET6 else "0.0.0.0", 0),
        )  # fmt: skip
        self.connections.append(protocol)
        protocol.connect((address, port, 0, 0) if family == socket.AF_INET6 else (address, port))
        return number


def configure(habits: Habits, is_client: bool) -> QuicConfiguration:
    configuration = QuicConfiguration(
        is_client=is_client, alpn_protocols=habits.alpn, idle_timeout=30.0, max_datagram_size=1400,
        max_datagram_frame_size=65536 if habits.datagram_frames else None, initial_rtt=0.05,
    )  # fmt: skip
    if habits.certificate:
        configuration.load_cert_chain(habits.certificate, habits.key)
    return configuration
