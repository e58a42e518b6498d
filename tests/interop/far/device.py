"""A TUN device in this process's namespace. Its addresses and routes are the test's business."""

from __future__ import annotations

import fcntl
import os
import struct

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000


class Device:
    def __init__(self, name: str) -> None:
        self.descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))

    def read(self) -> bytes | None:
        """None: nothing is there."""
        try:
            return os.read(self.descriptor, 65536)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        os.write(self.descriptor, packet)
