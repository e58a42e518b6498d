"""aioquic's QUIC and HTTP/3 with habits. What is private in aioquic and overridden here is that of the version in
Debian 13 (1.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pylsqpack
from aioquic.h3.connection import FrameType, H3Connection, Setting, StreamType, encode_settings
from aioquic.h3.events import H3Event, Headers
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent

from .habits import Habits
from .wire import RESERVED_HTTP3, RESERVED_PARAMETER, frame, varint

_BLOCKED_STREAMS = 16


class Quic(QuicConnection):
    def __init__(self, habits: Habits, **arguments: Any) -> None:
        self._habits = habits
        super().__init__(**arguments)
        if self._is_client and habits.first_id_byte is not None:
            first = bytes([habits.first_id_byte]) + self._peer_cid.cid[1:]
            self._peer_cid.cid = self._original_destination_connection_id = first

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._request_client_certificate = self._habits.ask_for_certificate

    def _serialize_transport_parameters(self) -> bytes:
        greased = frame(RESERVED_PARAMETER, b"means nothing") if self._habits.grease else b""
        return greased + super()._serialize_transport_parameters()

    def send_stream_data(self, stream_id: int | None, data: bytes, end_stream: bool = False) -> None:
        if stream_id is None:  # HTTP/3 has nothing to say on a stream that this end has not opened
            assert not data
            return
        super().send_stream_data(stream_id, data, end_stream)


class Http3(H3Connection):
    def __init__(self, quic: Quic, habits: Habits, on_violation: Callable[[str], None]) -> None:
        self._habits = habits
        self._on_violation = on_violation
        self._held: list[bytes] = []
        self.settled = False  # our SETTINGS are out
        super().__init__(quic)

    # What this end opens and says

    def _init_connection(self) -> None:
        self._max_table_capacity = self._habits.table
        self._blocked_streams = _BLOCKED_STREAMS if self._habits.table else 0
        self._decoder = pylsqpack.Decoder(self._max_table_capacity, self._blocked_streams)
        for kind in self._habits.streams:
            if kind == "control" and not self._habits.hold_settings:
                self.settle()
            elif kind == "encoder":
                self._local_encoder_stream_id = self._create_uni_stream(StreamType.QPACK_ENCODER)
            elif kind == "decoder":
                self._local_decoder_stream_id = self._create_uni_stream(StreamType.QPACK_DECODER)
            elif kind == "grease":
                stream = self._create_uni_stream(RESERVED_HTTP3)  # type: ignore[arg-type]
                self._quic.send_stream_data(stream, b"means nothing")

    def settle(self) -> None:
        """Opens the control stream, with SETTINGS."""
        self._local_control_stream_id = self._create_uni_stream(StreamType.CONTROL)
        self._sent_settings = self._get_local_settings()
        self.send_control(FrameType.SETTINGS, encode_settings(self._sent_settings))
        if self._habits.grease:
            self.send_control(RESERVED_HTTP3, b"means nothing")
            self.send_control(RESERVED_HTTP3, b"")
        self.settled = True

    def send_control(self, kind: int, payload: bytes) -> None:
        self._quic.send_stream_data(self._local_control_stream_id, frame(kind, payload))

    def _get_local_settings(self) -> dict[int, int]:
        settings: dict[int, int | None] = {
            Setting.QPACK_MAX_TABLE_CAPACITY: self._max_table_capacity,
            Setting.QPACK_BLOCKED_STREAMS: self._blocked_streams,
            Setting.H3_DATAGRAM: 1,
        }
        if not self._is_client:
            settings[Setting.ENABLE_CONNECT_PROTOCOL] = 1
        if self._habits.grease:
            settings = {RESERVED_HTTP3: (1 << 62) - 1, **settings, RESERVED_HTTP3 + 0x1F: 0}
        settings |= {int(number, 16): value for number, value in self._habits.settings.items()}
        said = [(number, value) for number, value in settings.items() if value is not None]
        return dict(reversed(said) if self._habits.reverse_settings else said)

    def _encode_headers(self, stream_id: int, headers: Headers) -> bytes:
        instructions, section = self._encoder.encode(stream_id, headers)
        self._encoder_bytes_sent += len(instructions)
        self._held.append(instructions)
        if not self._habits.hold_encoder:
            self.release_encoder()
        return section

    def release_encoder(self) -> int:
        """Sends what the encoder stream was to carry; returns how much that was."""
        held = b"".join(self._held)
        self._held.clear()
        self._quic.send_stream_data(self._local_encoder_stream_id, held)
        return len(held)

    # What the other end says

    def handle_event(self, event: QuicEvent) -> list[H3Event]:
        was_done = self._is_done
        events = super().handle_event(event)
        if self._is_done and not was_done:
            why = self._quic._close_event
            self._on_violation(f"HTTP/3: {why.reason_phrase if why else ''} ({why.error_code if why else 0:#x})")
        return events

    def _handle_control_frame(self, frame_type: int, frame_data: bytes) -> None:
        offered = self._encoder
        if not self._habits.dynamic:
            self._encoder = _Deaf()  # type: ignore[assignment]
        super()._handle_control_frame(frame_type, frame_data)
        self._encoder = offered

    @property
    def datagrams_agreed(self) -> bool:
        """RFC 9297, 2.1.1: DATAGRAM frames may be sent when both ends have said so."""
        theirs, ours = self.received_settings or {}, self.sent_settings or {}
        return theirs.get(Setting.H3_DATAGRAM) == 1 and ours.get(Setting.H3_DATAGRAM) == 1

    @property
    def table_used(self) -> dict[str, int]:
        """Bytes of the encoder streams, either way: more than a few are entries of the dynamic tables."""
        return {"sent": self._encoder_bytes_sent, "received": self._encoder_bytes_received}


class _Deaf:
    """In the encoder's place while SETTINGS are read: an end that uses no dynamic table."""

    def apply_settings(self, **_: int) -> bytes:
        return b""


def greased_frame() -> bytes:
    return frame(RESERVED_HTTP3 + 2 * 0x1F, b"means nothing") + varint(RESERVED_HTTP3) + varint(0)
