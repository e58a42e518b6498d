"""Waiting for something that will be so before long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float, what: str = "") -> T:
    """Waits until the condition holds, and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline
        if value := condition():
            return value
        assert not late, f"not within {seconds} s: {what or condition}"
        time.sleep(0.03)
