"""The other end, of aioquic (far/), on a node of the lab: told what to do, and asked what it has seen.

    with Peer(net.client, chroot, "client", {"ca": ..., "grease": True}) as peer:
        peer.do("connect", address=net.server_v4, port=PORT)
        peer.expect("connected")
        assert peer.do("echo", stream=0, source=..., target=...) == 5
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import Node
from nodes import patience

_HERE = Path(__file__).resolve().parent
# What is mounted there goes with the process: `ip netns exec` gives it mounts of its own.
_ENTER = """
root=$1; shift
mount --rbind /dev "$root/dev"
mount --bind "$1" "$root/srv"; shift
for directory in tmp mnt; do mount --bind "$1" "$root/$directory"; shift; done
cd /
exec chroot "$root" /usr/bin/env PYTHONPATH=/srv PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m far "$@"
"""

Event = dict[str, Any]

# RFC 9114, 8.1; RFC 9297, 5.2
DATAGRAM_ERROR = 0x33
NO_ERROR, STREAM_CREATION_ERROR, CLOSED_CRITICAL_STREAM, FRAME_UNEXPECTED = 0x100, 0x103, 0x104, 0x105
SETTINGS_ERROR, MISSING_SETTINGS, REQUEST_CANCELLED, MESSAGE_ERROR, CONNECT_ERROR = 0x109, 0x10A, 0x10C, 0x10E, 0x10F

# Of either end: what the RFCs leave open.
HABITS: dict[str, dict[str, Any]] = {
    "none in particular": {},
    "grease everywhere": {"grease": True, "streams": ["grease", "control", "grease", "encoder", "decoder", "grease"]},
    "streams, settings backwards": {"streams": ["decoder", "encoder", "control"], "reverse_settings": True},
    "no QPACK streams at all": {"streams": ["control"], "table": 0, "dynamic": False},
    "no dynamic table of its own, ours in use": {"table": 0},
    "a dynamic table of its own, ours not in use": {"dynamic": False},
    "capsules byte by byte": {"chop": 1},
    "capsules in sevens, among grease": {"chop": 7, "grease": True},
    "packets in capsules, though datagrams would do": {"over_stream": True},
    "packets in capsules, byte by byte": {"over_stream": True, "chop": 1},
    "no HTTP datagrams": {"settings": {"0x33": None}},
    "no QUIC datagrams": {"settings": {"0x33": None}, "datagram_frames": False},
}


class Peer:
    """Stopped at the end of the block; fails there if the other end has done what no RFC allows, unless that was
    expected (`expect("violation", ...)`)."""

    def __init__(self, node: Node, root: Path, role: str, habits: dict[str, Any], files: Path) -> None:
        """`root` is its root directory, `files` what it sees as /mnt."""
        self.events: list[Event] = []
        self._answers: list[Event] = []
        self._changed = threading.Condition()
        self._log = (node.directory / f"peer-{time.monotonic_ns()}.log").open("w+")
        words = ["sh", "-ec", _ENTER, "sh", str(root), str(_HERE), str(node.directory), str(files), role]
        self._process = subprocess.Popen(
            node.command([*words, json.dumps(habits)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True, start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.expect("ready", seconds=20)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        if kind is None:
            self.check()

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(patience(5))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def check(self) -> None:
        violations = [event["what"] for event in self.events if event["event"] == "violation"]
        assert not violations, f"{violations}\n{self.account()}"
        assert "Traceback" not in self.errors(), self.errors()

    def do(self, command: str, **arguments: Any) -> Any:
        """Its answer, when it is done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        with self._changed:
            if not self._changed.wait_for(lambda: self._answers or self._ended(), patience(30)):
                raise TimeoutError(f"{command} is not answered\n{self.account()}")
            assert self._answers, f"it has ended\n{self.account()}"
            answer = self._answers.pop()
        assert "error" not in answer, f"{command}: {answer['error']}\n{self.account()}"
        return answer["answer"]

    def expect(self, event: str, seconds: float = 5.0, **fields: Any) -> Event:
        """The first event of this kind, with these fields, that nobody has expected before."""

        def find() -> int | None:
            for at, each in enumerate(self.events):
                if each["event"] == event and fields.items() <= each.items():
                    return at
            return None

        with self._changed:
            self._changed.wait_for(lambda: find() is not None or self._ended(), patience(seconds))
            at = find()
            assert at is not None, f"no event {event!r} with {fields}\n{self.account()}"
            return self.events.pop(at)

    def seen(self, event: str, **fields: Any) -> list[Event]:
        """So far, without those that were expected."""
        self.do("sync")
        return [each for each in self.events if each["event"] == event and fields.items() <= each.items()]

    def account(self) -> str:
        lines = [json.dumps(each) for each in self.events[-40:]]
        return "\n".join(["events that nobody has expected:", *lines, "standard error:", self.errors()[-3000:]])

    def errors(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def _ended(self) -> bool:
        return self._process.poll() is not None and not self._reader.is_alive()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            with self._changed:
                (self.events if "event" in message else self._answers).append(message)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


def headers(
    authority: str = "vps.example.net", path: str = "/.well-known/masque/ip/*/*/", **more: str
) -> list[list[str]]:
    """Of a request for an IP tunnel: RFC 9484, figure 5. An underscore in a name stands for a hyphen."""
    fields = {":method": "CONNECT", ":protocol": "connect-ip", ":scheme": "https", ":path": path}
    fields |= {":authority": authority, "capsule-protocol": "?1"}
    return [[name, value] for name, value in (fields | {k.replace("_", "-"): v for k, v in more.items()}).items()]


def capsule(kind: int, body: bytes | Sequence[int] = b"") -> str:
    """In hexadecimal; shorter than 64 bytes."""
    assert len(body) < 64
    return (bytes([kind, len(body)]) + bytes(body)).hex()
