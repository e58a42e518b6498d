"""Tests on Debian's own kernel, in an emulated machine (guest.py): what the kernel at hand need not have."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guest import Guest  # noqa: E402
from lab import programs  # noqa: E402


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    """With `mpquic` in it."""
    made = Guest(tmp_path)
    made.add_program(programs.mpquic())
    return made
