"""Takes messages from a durable consumer as soon as they arrive.

The client library's own `fetch` waits until its batch is full or its request expires: a message that comes by an
older request that is still open is held back for seconds. Here what has arrived is handed over at once.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from typing import Any

from nats.errors import Error as NatsError

from taproot_base import telemetry

# NATS status of a message that carries none: a request has ended, or nobody answers yet.
# https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-37.md
_STATUS = "Status"
_EXPIRED = "408"
_PAUSE = 0.5
_RESET_SECONDS = 2.0
# Where messages come this close on each other, a moment's waiting makes one batch of several: one transaction, and
# one commit on disk. What comes alone is never kept waiting.
_DENSE_SECONDS = 0.05
_GATHER_SECONDS = 0.02
# The server says when a request ends; only one that was lost with its server ends by our own clock.
_GRACE = 1.0


class _Arrivals:
    """What one subscription was sent. The library's own way to wait for a message makes two tasks for each."""

    def __init__(self) -> None:
        self.messages: deque[Any] = deque()
        self._news = asyncio.Event()

    async def put(self, message: Any) -> None:
        self.messages.append(message)
        self._news.set()

    async def wait(self, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not self.messages:
                self._news.clear()
                await self._news.wait()


class Pull:
    """One subscription to what the server sends for our requests. Raises TimeoutError when nothing came in time."""

    def __init__(self, client: Any, stream: str, durable: str) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._reset = f"$JS.API.CONSUMER.RESET.{stream}.{durable}"
        self._inbox = client.new_inbox()
        self._subscription: Any = None
        self._arrivals = _Arrivals()
        self._left = 0
        self._expires = 0.0
        self._handed = 0.0
        self._connections = self._reconnects

    @property
    def _reconnects(self) -> int:
        return int(self._client.stats["reconnects"])

    async def rewind(self) -> None:
        """Have what was handed out and never acknowledged delivered again, at once and before anything newer.

        A runner that was killed leaves such messages behind, and so does a connection that broke: what was on
        its way then would come after all that is newer. Servers before 2.14 do not know the request:
        there they come back when their time to be acknowledged is over, and later ones may be first.
        """
        try:
            await self._rewind()
        except (TimeoutError, NatsError) as error:
            telemetry.logger.warning("consumer_not_rewound", error=type(error).__name__)

    async def _rewind(self) -> None:
        answer = await self._client.request(self._reset, b"", timeout=_RESET_SECONDS)
        if refused := json.loads(answer.data).get("error"):
            telemetry.logger.warning("consumer_not_rewound", error=refused.get("description", ""))

    async def close(self) -> None:
        """End the subscription, so that the server hands nothing more to it."""
        if self._subscription is not None and not self._client.is_closed:
            with suppress(NatsError):
                await self._subscription.unsubscribe()

    async def fetch(self, batch: int, timeout: float) -> list[Any]:  # noqa: ASYNC109  # how long the server waits
        while True:
            await self._connect()
            messages = await self._take(batch, timeout)
            if self._connections == self._reconnects:
                return messages
            # They came after a gap: what was lost in it comes first.

    async def _connect(self) -> None:
        """After a broken connection: at a fresh address, so that nothing newer waits there already."""
        if self._connections != (connections := self._reconnects):
            await self.close()
            self._subscription, self._left = None, 0
            await self._rewind()
            self._inbox, self._connections = self._client.new_inbox(), connections
        if self._subscription is None:
            self._arrivals = _Arrivals()
            self._subscription = await self._client.subscribe(self._inbox, cb=self._arrivals.put)

    async def _take(self, batch: int, seconds: float) -> list[Any]:
        if self._left <= 0 or time.monotonic() >= self._expires:
            await self._ask(batch, seconds)
        messages: list[Any] = []
        arrived = self._arrivals.messages
        dense = time.monotonic() - self._handed < _DENSE_SECONDS
        while len(messages) < batch:
            if not arrived and messages:
                if not dense:
                    break
                dense = False
                await asyncio.sleep(_GATHER_SECONDS)
                continue
            if not arrived:
                await self._arrivals.wait(max(self._expires - time.monotonic(), 0.001))
            message = arrived.popleft()
            status = (message.headers or {}).get(_STATUS) if not message.data else None
            if status is None:
                messages.append(message)
                self._left -= 1
            elif not messages and not self._older(status):
                await asyncio.sleep(0 if status == _EXPIRED else _PAUSE)
                await self._ask(batch, seconds)
        self._handed = time.monotonic()
        return messages

    async def _ask(self, batch: int, seconds: float) -> None:
        request = {"batch": batch, "expires": int(seconds * 1_000_000_000)}
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)
        self._left, self._expires = batch, time.monotonic() + seconds + _GRACE

    def _older(self, status: str) -> bool:
        """Whether a request before the present one has ended: asking anew for it would add up."""
        return status == _EXPIRED and time.monotonic() < self._expires - 2 * _GRACE
