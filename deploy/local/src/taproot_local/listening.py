"""A short look at NATS: who cannot be reached at once is told so, instead of being waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nats
from nats.errors import Error as NatsError

from taproot_local.certificates import context

SECONDS = 10.0
UNREACHABLE = (OSError, NatsError, TimeoutError)


async def connected(url: str, tls: Path | None = None) -> Any:
    """Raises one of UNREACHABLE. `url`: several servers are separated by commas; `tls`: folder of our certificate."""

    async def quiet(_error: Exception) -> None:
        """What matters is raised to the caller."""

    async with asyncio.timeout(SECONDS):
        return await nats.connect(
            url.split(","),
            tls=context(tls) if tls is not None and url.startswith("tls:") else None,
            connect_timeout=5,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            error_cb=quiet,
        )
