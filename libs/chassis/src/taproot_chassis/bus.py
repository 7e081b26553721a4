"""The connection to NATS JetStream, and the stream each publisher owns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import nats
from nats.errors import Error as NatsError
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from taproot_base import telemetry
from taproot_chassis.events import stream_of

if TYPE_CHECKING:
    import ssl

RETENTION_SECONDS = 7 * 24 * 3600
DUPLICATE_WINDOW_SECONDS = 3600


class Bus:
    """One connection per process; it reconnects for ever."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.jetstream: Any = client.jetstream(publish_async_max_pending=1000)

    @classmethod
    async def connect(cls, url: str, name: str, tls: ssl.SSLContext | None = None) -> Bus:
        """`url`: several servers are separated by commas."""

        async def on_error(error: Exception) -> None:
            telemetry.logger.warning("nats_error", error=type(error).__name__)

        client = await nats.connect(
            url.split(","),
            tls=tls if url.startswith("tls:") else None,
            name=name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            connect_timeout=5,
            error_cb=on_error,
            allow_reconnect=True,
        )
        return cls(client)

    def require_connection(self) -> None:
        """Raises ConnectionError while there is none: the client would keep what is published, up to a limit."""
        if not self.client.is_connected:
            raise ConnectionError("NATS cannot be reached")

    async def ensure_stream(self, service: str, replicas: int = 1) -> None:
        config = StreamConfig(
            name=stream_of(service),
            subjects=[f"taproot.{service}.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            max_age=RETENTION_SECONDS,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            num_replicas=replicas,
        )
        try:
            await self.jetstream.stream_info(config.name)
        except NotFoundError:
            await self.jetstream.add_stream(config)

    async def wait_for_stream(self, service: str) -> None:
        """A publisher makes its own stream; its readers wait for it."""
        while True:
            try:
                await self.jetstream.stream_info(stream_of(service))
            except (NatsError, TimeoutError):
                await asyncio.sleep(0.5)
            else:
                return

    async def close(self) -> None:
        """At once: every publish was awaited, and what was fetched and not acknowledged comes again."""
        await self.client.close()
