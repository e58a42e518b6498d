"""One CONNECT-IP request after its acceptance (RFC 9484): capsules, datagrams and packets."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import capsules, packets, sequenced
from .capsules import CapsuleReader, Violation
from .device import Device
from .http3 import greased_frame
from .wire import RESERVED_CAPSULE, Incomplete, Reader, frame, varint

if TYPE_CHECKING:
    from .connection import Connection

_IP = 0  # the context


class Tunnel:
    def __init__(self, connection: Connection, stream: int) -> None:
        self._connection = connection
        self._stream = stream
        self._reader = CapsuleReader()
        self._device: Device | None = None
        self._asked: set[int] = set()  # request ids of ours that are open
        self._asked_by_peer: set[int] = set()  # theirs, ever
        self._given: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []  # to the other end, ever
        self._echoes: dict[int, asyncio.Event] = {}
        self.in_session = False
        """It is a path of several: both ends have said so."""

    # Out

    def send_content(self, data: bytes) -> None:
        """As DATA frames."""
        habits = self._connection.habits
        size = habits.chop or len(data) or 1
        for at in range(0, len(data), size):
            if habits.grease:
                self._connection.send_raw(self._stream, greased_frame())
            self._connection.http.send_data(self._stream, data[at : at + size], end_stream=False)

    def send_capsule(self, capsule: bytes) -> None:
        if self._connection.habits.grease:
            capsule = frame(RESERVED_CAPSULE, b"means nothing") + capsule + frame(RESERVED_CAPSULE, b"")
        self.send_content(capsule)

    def assign(self, entries: list[Any]) -> None:
        """All that the other end may use from now on."""
        for entry in entries:
            self._given.append(ipaddress.ip_network(entry if isinstance(entry, str) else entry[0]))
        self.send_capsule(capsules.addresses(capsules.ADDRESS_ASSIGN, entries))

    def ask(self, entries: list[Any]) -> None:
        self._asked |= {request for _, request in entries}
        self.send_capsule(capsules.addresses(capsules.ADDRESS_REQUEST, entries))

    def advertise(self, ranges: list[list[Any]]) -> None:
        self.send_capsule(capsules.routes(ranges))

    def send_packet(self, packet: bytes) -> None:
        self._send_payload(varint(_IP) + packet)

    def send_sequenced(self, header: sequenced.Header, packet: bytes) -> None:
        self._send_payload(varint(sequenced.PACKET) + header.pack() + packet)

    def _send_payload(self, payload: bytes) -> None:
        http = self._connection.http
        if self._connection.habits.over_stream or not http.datagrams_agreed:
            self.send_content(frame(capsules.DATAGRAM, payload))
        else:
            http.send_datagram(self._stream, payload)

    async def echo(self, source: str, target: str, count: int, size: int, patience: float) -> int:
        """How many of so many pings `target` answers."""
        first = len(self._echoes)
        waiting = [asyncio.Event() for _ in range(count)]
        for number, event in enumerate(waiting, start=first):
            self._echoes[number] = event
            self.send_packet(packets.echo_request(source, target, number, size))
            self._connection.transmit()
            await asyncio.sleep(0.01)
        await asyncio.wait([asyncio.ensure_future(event.wait()) for event in waiting], timeout=patience)
        return sum(event.is_set() for event in waiting)

    def attach(self, name: str) -> None:
        """Packets are a TUN device's from now on."""
        self._device = Device(name)
        asyncio.get_running_loop().add_reader(self._device.descriptor, self._take_from_device)

    def _take_from_device(self) -> None:
        assert self._device is not None
        while packet := self._device.read():
            self.send_packet(packet)
        self._connection.transmit()

    # In

    def on_content(self, data: bytes, ended: bool) -> None:
        for kind, body in self._reader.read(data):
            self._strictly(lambda kind=kind, body=body: self._on_capsule(kind, body))
        if ended and self._reader.within:
            self._connection.violation("the stream ends within a capsule")

    def _on_capsule(self, kind: int, body: bytes) -> None:
        tell = self._connection.tell
        if kind == capsules.DATAGRAM:
            self._on_payload(body, "capsule")
        elif kind == capsules.ADDRESS_ASSIGN:
            entries = capsules.read_addresses(body, asks=False)
            self._check_answers({request for _, request in entries if request})
            tell("assigned", stream=self._stream, addresses=entries)
        elif kind == capsules.ADDRESS_REQUEST:
            entries = capsules.read_addresses(body, asks=True)
            new = [request for _, request in entries]
            if len(set(new)) < len(new) or self._asked_by_peer & set(new):
                raise Violation(f"request ids that have been there before: {new}")
            self._asked_by_peer |= set(new)
            tell("asked", stream=self._stream, addresses=entries)
            self._connection.on_address_request(self, entries)
        elif kind == capsules.ROUTE_ADVERTISEMENT:
            tell("advertised", stream=self._stream, routes=capsules.read_routes(body))
        else:
            tell("capsule", stream=self._stream, type=kind, value=body.hex())

    def _check_answers(self, answered: set[int]) -> None:
        if strange := answered - self._asked:
            raise Violation(f"answers to requests that are none of ours, or answered: {sorted(strange)}")
        # "For each Requested Address, the receiver SHALL respond with an Assigned Address with a matching Request ID."
        if answered and (left := self._asked - answered):
            raise Violation(f"requests {sorted(left)} are not answered with the others of their capsule")
        self._asked -= answered

    def on_datagram(self, payload: bytes) -> None:
        self._strictly(lambda: self._on_payload(payload, "datagram"))

    def _on_payload(self, payload: bytes, way: str) -> None:
        reader = Reader(payload)
        try:
            context = reader.varint()
        except Incomplete as error:
            raise Violation("a datagram ends within its context id") from error
        if self.in_session and context == sequenced.PROBE:
            return sequenced.check_probe(reader.rest())
        if self.in_session and context == sequenced.PACKET:
            return self._on_packet(sequenced.unpack(reader.rest())[1], way)
        if context != _IP:
            raise Violation(f"a datagram of context {context}, which nobody has registered")
        self._on_packet(reader.rest(), way)

    def _on_packet(self, data: bytes, way: str) -> None:
        packet = packets.parse(data)
        if self._connection.is_proxy:
            self._check_source(ipaddress.ip_address(packet.source))
        answer = packets.answered_echo(data)
        if answer and answer[1] in self._echoes:
            self._echoes[answer[1]].set()
        if self._device is not None:
            self._device.write(data)
            return
        self._connection.tell(
            "packet", stream=self._stream, way=way, source=packet.source, target=packet.target,
            protocol=packet.protocol, hops=packet.hops, bytes=len(data), data=data[:128].hex(),
        )  # fmt: skip
        if self._connection.habits.answer_pings and (reply := packets.echo_reply(data)):
            self.send_packet(reply)

    def _check_source(self, source: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        """A proxy forwards the client's from what it has assigned; what comes from the proxy may be anybody's."""
        is_own = source.is_link_local or source.is_unspecified
        if self._given and not is_own and not any(source in network for network in self._given):
            raise Violation(f"a packet from {source}, which was not assigned")

    def _strictly(self, read: Callable[[], None]) -> None:
        try:
            read()
        except Violation as violation:
            self._connection.violation(str(violation))
