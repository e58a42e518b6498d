"""Where the built programs are: below $MPQUIC_BUILD, or else below build/release."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build_directory() -> Path:
    return Path(os.environ.get("MPQUIC_BUILD", ROOT / "build" / "release")).resolve()


def _program(*parts: str) -> str:
    path = build_directory().joinpath(*parts)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not built (MPQUIC_BUILD names the build directory)")
    return str(path)


def mpquic() -> str:
    return _program("src", "cli", "mpquic")


def linkem() -> str:
    return _program("lab", "linkem", "linkem")
