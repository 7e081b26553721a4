"""Makes what a service takes for the time jump with the drill's file. Deadlines keep their monotonic clock, as they would."""

from __future__ import annotations

import mmap
import struct
import time
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

_read = struct.Struct("d").unpack_from


def follow(path: Path) -> None:
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def shifted() -> float:
        return time.time() + float(_read(shared)[0])

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(shifted(), tz)

    class Time:
        """The module `time`, but for the time of day."""

        def __getattr__(self, name: str) -> Any:
            return shifted if name == "time" else getattr(time, name)

    import jwt.api_jwt

    from taproot_base import auth, clock

    auth.time = Time()  # type: ignore[assignment]
    clock.datetime = Shifted  # type: ignore[misc]
    jwt.api_jwt.datetime = Shifted  # type: ignore[attr-defined]
