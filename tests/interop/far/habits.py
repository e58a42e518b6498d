"""How an end behaves where the RFCs leave it a choice, and where it shall break them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Habits:
    """All of it may be given on the command line, in JSON."""

    # TLS and QUIC
    alpn: list[str] = field(default_factory=lambda: ["h3"])
    certificate: str = ""  # PEM files, for `key` as well; a client without shows none
    key: str = ""
    ca: str = ""  # who must have signed the server's certificate; empty: anybody
    server_name: str = "vps.example.net"
    ask_for_certificate: bool = False  # server
    retry: bool = False  # server: validates addresses first
    datagram_frames: bool = True  # the transport parameter of RFC 9221
    large_hello: bool = False  # client: a ClientHello of two packets
    first_id_byte: int | None = None  # client: of the id that it gives the server in its first packets; null: any

    # HTTP/3
    streams: list[str] = field(default_factory=lambda: ["control", "encoder", "decoder"])  # own, in this order
    settings: dict[str, int | None] = field(default_factory=dict)  # by number in hexadecimal; null: not said
    reverse_settings: bool = False
    hold_settings: bool = False  # until the command `settle`
    table: int = 4096  # bytes of dynamic table that the other end may use; 0: none
    dynamic: bool = True  # uses what the other end offers of its own
    hold_encoder: bool = False  # its encoder stream until `release_encoder`: header sections have to wait
    grease: bool = False  # reserved settings, frames, streams, capsules and transport parameters

    # CONNECT-IP
    chop: int = 0  # bytes of content in each DATA frame; 0: a capsule in each
    over_stream: bool = False  # packets as DATAGRAM capsules, though datagrams would do
    answer_pings: bool = True  # to whatever address

    # Server
    manual: bool = False  # does nothing until it is told
    path: str = "/.well-known/masque/ip/*/*/"  # where there is a tunnel; 404 elsewhere
    token: str = ""  # who has not got it gets 401
    interim: bool = False  # an informational response comes first
    assign: list[str] = field(default_factory=list)  # prefixes, with the response
    routes: list[list[Any]] = field(default_factory=list)  # [FIRST, LAST, PROTOCOL], with the response
    answer_requests: bool = True  # of addresses, from `assign`; the others with "none"

    @staticmethod
    def of(given: dict[str, Any]) -> Habits:
        unknown = given.keys() - {each.name for each in fields(Habits)}
        if unknown:
            raise ValueError(f"no such habits: {sorted(unknown)}")
        return Habits(**given)
