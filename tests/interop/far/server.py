"""The server's end, the IP proxy: RFC 9484, 4.1."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Any

import aioquic.asyncio.server

from .client import configure
from .connection import Connection, Headers, Tell
from .habits import Habits
from .http3 import Quic
from .tunnel import Tunnel


class ServerConnection(Connection):
    is_proxy = True

    def on_headers(self, stream: int, headers: Headers, ended: bool) -> None:
        self.tell("request", stream=stream, headers=headers)
        self._check(headers, ended)
        self.tunnels[stream] = Tunnel(self, stream)
        if self.habits.manual:
            return
        if headers.get(":path") != self.habits.path:
            return self.respond(stream, 404, {}, end=True)
        if self.habits.token and headers.get("authorization") != f"Bearer {self.habits.token}":
            return self.respond(stream, 401, {"www-authenticate": "Bearer"}, end=True)
        self.accept(stream)

    def _check(self, headers: Headers, ended: bool) -> None:
        """RFC 9484, 4.4; RFC 9220, 3; RFC 9297, 3.2."""
        wanted = {":method": "CONNECT", ":protocol": "connect-ip", ":scheme": "https"}
        for field, value in wanted.items():
            if headers.get(field) != value:
                self.violation(f"a request with {field} {headers.get(field)!r}")
        for field in (":authority", ":path"):
            if not headers.get(field):
                self.violation(f"a request without {field}")
        for field in ("content-length", "content-type", "transfer-encoding"):
            if field in headers:
                self.violation(f"{field} with capsules")
        if headers.get("capsule-protocol", "?1") != "?1" or ended:
            self.violation(f"a request without capsules: {headers}, ended: {ended}")
        if not self.http.settled:
            self.violation("an extended CONNECT before SETTINGS have allowed it (RFC 9220, 3)")

    def accept(self, stream: int) -> None:
        if self.habits.interim:
            self.respond(stream, 103, {"link": "<https://example.net/>; rel=preload"})
        self.respond(stream, 200, {"capsule-protocol": "?1"})
        tunnel = self.tunnels[stream]
        if self.habits.assign:
            tunnel.assign(self.habits.assign)
        if self.habits.routes:
            tunnel.advertise(self.habits.routes)

    def respond(self, stream: int, status: int, headers: Headers, end: bool = False) -> None:
        fields = {":status": str(status), **headers}
        encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
        http = self.http
        http.send_headers(stream, encoded, end_stream=end)
        if end:
            del self.tunnels[stream]
        if status < 200:  # aioquic knows no interim responses: it takes the second one for trailers
            http._stream[stream].headers_send_state = type(http._stream[stream].headers_send_state).INITIAL

    def on_address_request(self, tunnel: Tunnel, entries: list[Any]) -> None:
        if self.habits.manual or not self.habits.answer_requests:
            return
        left = [ipaddress.ip_network(prefix) for prefix in self.habits.assign]
        answers = []
        for prefix, request in entries:
            wanted = ipaddress.ip_network(prefix)
            fitting = [each for each in left if each.version == wanted.version]
            if fitting:
                left.remove(fitting[0])
            nothing = "0.0.0.0/32" if wanted.version == 4 else "::/128"
            answers.append([str(fitting[0]) if fitting else nothing, request])
        tunnel.assign(answers + [str(each) for each in left])


class Server:
    """Takes whoever comes."""

    def __init__(self, habits: Habits, tell: Tell) -> None:
        self._habits = habits
        self._tell = tell
        self.connections: list[ServerConnection] = []

    def connection(self, number: int | None) -> ServerConnection:
        return self.connections[-1 if number is None else number]

    async def listen(self, address: str, port: int) -> None:
        # aioquic makes the connections of a server itself.
        aioquic.asyncio.server.QuicConnection = partial(Quic, self._habits)  # type: ignore[misc, assignment]
        await aioquic.asyncio.server.serve(
            address, port, configuration=configure(self._habits, is_client=False), create_protocol=self._create,
            retry=self._habits.retry,
        )  # fmt: skip

    def habit(self, **changed: Any) -> None:
        """Other habits, for the connections to come and those that are there."""
        for name, value in changed.items():
            assert hasattr(self._habits, name), name
            setattr(self._habits, name, value)

    def _create(self, *arguments: Any, **more: Any) -> ServerConnection:
        made = ServerConnection(
            *arguments, number=len(self.connections), habits=self._habits, tell=self._tell, **more
        )  # fmt: skip
        self.connections.append(made)
        return made
