"""One QUIC connection of either role, with HTTP/3 and CONNECT-IP tunnels over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.events import DatagramReceived, DataReceived, H3Event, HeadersReceived
from aioquic.quic import events as quic_events

from .habits import Habits
from .http3 import Http3
from .tunnel import Tunnel

Tell = Callable[..., None]
Headers = dict[str, str]


class Connection(QuicConnectionProtocol):
    """`number` says in events and commands which it is."""

    http: Http3
    is_proxy = False

    def __init__(self, *arguments: Any, number: int, habits: Habits, tell: Tell, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.number = number
        self.habits = habits
        self.tunnels: dict[int, Tunnel] = {}
        self._tell = tell
        self._settings_told = False

    def tell(self, event: str, **fields: Any) -> None:
        self._tell(event, connection=self.number, **fields)

    def violation(self, what: str) -> None:
        self.tell("violation", what=what)

    def send_raw(self, stream: int, data: bytes) -> None:
        self._quic.send_stream_data(stream, data)

    @property
    def quic(self) -> Any:
        return self._quic

    # For the roles

    def on_headers(self, stream: int, headers: Headers, ended: bool) -> None:
        raise NotImplementedError

    def on_address_request(self, tunnel: Tunnel, entries: list[Any]) -> None:
        """The client's end gives nobody an address by itself."""

    # From aioquic

    def quic_event_received(self, event: quic_events.QuicEvent) -> None:
        match event:
            case quic_events.ProtocolNegotiated():
                self.http = Http3(self._quic, self.habits, self.violation)
            case quic_events.HandshakeCompleted():
                self.tell("connected", alpn=event.alpn_protocol, peer=self._peer_name())
            case quic_events.ConnectionTerminated():
                self.tell("closed", code=event.error_code, frame=event.frame_type, reason=event.reason_phrase)
            case quic_events.StreamReset():
                self.tell("reset", stream=event.stream_id, code=event.error_code)
            case quic_events.StopSendingReceived():
                self.tell("stopped", stream=event.stream_id, code=event.error_code)
            case quic_events.StreamDataReceived() | quic_events.DatagramFrameReceived():
                for each in self.http.handle_event(event):
                    self._on_http(each)
                self._tell_settings()

    def _peer_name(self) -> str | None:
        certificate = self._quic.tls._peer_certificate
        return certificate.subject.rfc4514_string() if certificate else None

    def _tell_settings(self) -> None:
        settings = self.http.received_settings
        if settings is not None and not self._settings_told:
            self._settings_told = True
            self.tell("settings", values={f"{number:#x}": value for number, value in settings.items()})

    def _on_http(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            self.on_headers(event.stream_id, headers, event.stream_ended)
        elif isinstance(event, DataReceived):
            if tunnel := self.tunnels.get(event.stream_id):
                tunnel.on_content(event.data, event.stream_ended)
            elif event.data:
                self.tell("content", stream=event.stream_id, data=event.data.hex())
        elif isinstance(event, DatagramReceived):
            self._on_datagram(event)
        if getattr(event, "stream_ended", False):
            self.tell("ended", stream=event.stream_id)

    def _on_datagram(self, event: DatagramReceived) -> None:
        if not self.http.datagrams_agreed:
            self.violation("a DATAGRAM frame before both ends' SETTINGS have agreed on it (RFC 9297, 2.1.1)")
        if tunnel := self.tunnels.get(event.stream_id):
            tunnel.on_datagram(event.data)
        else:
            self.tell("stray_datagram", stream=event.stream_id, data=event.data[:64].hex())
