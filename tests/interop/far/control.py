"""What this end is told, and what it tells: JSON, an object a line.

    {"do": "echo", "stream": 0, ...}     ->  {"answer": 5}, or {"error": "..."}
                                             {"event": "assigned", "connection": 0, "stream": 0, ...}
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from typing import Any

from .client import Client, ClientConnection
from .habits import Habits
from .sequenced import Header
from .server import Server, ServerConnection
from .wire import frame


def tell(event: str, **fields: Any) -> None:
    _print({"event": event, **fields})


def _print(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


class Commands:
    """A method for each. `connection` is the latest, unless it says otherwise; `hex` are bytes."""

    def __init__(self, role: str, habits: Habits) -> None:
        self._end: Client | Server = Client(habits, tell) if role == "client" else Server(habits, tell)

    async def obey(self, line: str) -> None:
        command = json.loads(line)
        try:
            result = getattr(self, command.pop("do"))(**command)
            if inspect.isawaitable(result):
                result = await result
            _print({"answer": result})
        except Exception as error:  # noqa: BLE001: the test is told, and fails
            _print({"error": f"{type(error).__name__}: {error}"})

    def leave(self) -> None:
        """Says goodbye."""
        for connection in self._end.connections:
            connection.close()

    def _connection(self, number: int | None) -> Any:
        return self._end.connection(number)

    def sync(self) -> None:
        """What was told before is read when this is answered."""

    # Connections

    async def connect(self, **arguments: Any) -> int:
        assert isinstance(self._end, Client)
        return await self._end.connect(**arguments)

    async def listen(self, **arguments: Any) -> None:
        assert isinstance(self._end, Server)
        await self._end.listen(**arguments)

    def habit(self, **changed: Any) -> None:
        assert isinstance(self._end, Server)
        self._end.habit(**changed)

    def settle(self, connection: int | None = None) -> None:
        self._connection(connection).http.settle()
        self._connection(connection).transmit()

    def release_encoder(self, connection: int | None = None) -> int:
        released = self._connection(connection).http.release_encoder()
        self._connection(connection).transmit()
        return released

    def table(self, connection: int | None = None) -> dict[str, int]:
        return self._connection(connection).http.table_used

    def close(self, code: int = 0x100, connection: int | None = None) -> None:
        self._connection(connection).quic.close(error_code=code)
        self._connection(connection).transmit()

    def update_keys(self, connection: int | None = None) -> None:
        self._connection(connection).request_key_update()

    def change_id(self, connection: int | None = None) -> None:
        self._connection(connection).change_connection_id()

    def control_frame(self, type: int, hex: str, connection: int | None = None) -> None:  # noqa: A002
        self._connection(connection).http.send_control(type, bytes.fromhex(hex))
        self._connection(connection).transmit()

    def one_way(self, hex: str, end: bool = False, connection: int | None = None) -> int:  # noqa: A002
        """A stream of our own in one direction, with whatever in it."""
        quic = self._connection(connection).quic
        stream = quic.get_next_available_stream_id(is_unidirectional=True)
        quic.send_stream_data(stream, bytes.fromhex(hex), end)
        self._connection(connection).transmit()
        return stream

    def raw_datagram(self, hex: str, connection: int | None = None) -> None:  # noqa: A002
        self._connection(connection).quic.send_datagram_frame(bytes.fromhex(hex))
        self._connection(connection).transmit()

    # Requests

    def request(self, headers: list[list[str]], connection: int | None = None) -> int:
        made = self._connection(connection)
        assert isinstance(made, ClientConnection)
        stream = made.request(headers)
        made.transmit()
        return stream

    def respond(
        self, stream: int, status: int, headers: dict[str, str] | None = None, end: bool = False,
        connection: int | None = None,
    ) -> None:  # fmt: skip
        made = self._connection(connection)
        assert isinstance(made, ServerConnection)
        made.respond(stream, status, headers or {}, end)
        made.transmit()

    def frame(self, stream: int, type: int, hex: str, connection: int | None = None) -> None:  # noqa: A002
        """Any frame of HTTP/3."""
        self._connection(connection).send_raw(stream, frame(type, bytes.fromhex(hex)))
        self._connection(connection).transmit()

    def finish(self, stream: int, connection: int | None = None) -> None:
        self._connection(connection).quic.send_stream_data(stream, b"", end_stream=True)
        self._connection(connection).transmit()

    def reset(self, stream: int, code: int = 0x10C, connection: int | None = None) -> None:
        self._connection(connection).quic.reset_stream(stream, code)
        self._connection(connection).transmit()

    def stop(self, stream: int, code: int = 0x10C, connection: int | None = None) -> None:
        self._connection(connection).quic.stop_stream(stream, code)
        self._connection(connection).transmit()

    # Tunnels

    def assign(self, stream: int, addresses: list[Any], connection: int | None = None) -> None:
        self._with(stream, connection, "assign", addresses)

    def ask(self, stream: int, addresses: list[Any], connection: int | None = None) -> None:
        self._with(stream, connection, "ask", addresses)

    def advertise(self, stream: int, routes: list[list[Any]], connection: int | None = None) -> None:
        self._with(stream, connection, "advertise", routes)

    def content(self, stream: int, hex: str, connection: int | None = None) -> None:  # noqa: A002
        """Anything, in DATA frames."""
        self._with(stream, connection, "send_content", bytes.fromhex(hex))

    def packet(self, stream: int, hex: str, connection: int | None = None) -> None:  # noqa: A002
        self._with(stream, connection, "send_packet", bytes.fromhex(hex))

    def sequenced(self, stream: int, hex: str, connection: int | None = None, **header: Any) -> None:  # noqa: A002
        """A packet, behind the header of a session's."""
        self._tunnel(stream, connection).send_sequenced(Header(**header), bytes.fromhex(hex))
        self._connection(connection).transmit()

    async def echo(
        self, stream: int, source: str, target: str, count: int = 5, size: int = 56, patience: float = 3.0,
        connection: int | None = None,
    ) -> int:  # fmt: skip
        return await self._tunnel(stream, connection).echo(source, target, count, size, patience)

    def attach(self, stream: int, device: str, connection: int | None = None) -> None:
        self._tunnel(stream, connection).attach(device)

    def _tunnel(self, stream: int, connection: int | None) -> Any:
        return self._connection(connection).tunnels[stream]

    def _with(self, stream: int, connection: int | None, method: str, argument: Any) -> None:
        getattr(self._tunnel(stream, connection), method)(argument)
        self._connection(connection).transmit()


async def obey_all(role: str, habits: Habits) -> None:
    """Until standard input ends."""
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    commands = Commands(role, habits)
    tell("ready")
    while line := await reader.readline():
        await commands.obey(line.decode())
    commands.leave()
