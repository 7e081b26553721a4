"""A mail server with moods. It remembers how each message ended, whichever way it answered."""

from __future__ import annotations

import asyncio
import email
import time
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP

SLOW_SECONDS = 4.0
TAKEN, DROPPED, DEFERRED, REFUSED = "taken", "dropped", "deferred", "refused"


@dataclass(frozen=True)
class Seen:
    """A message whose text the server has had."""

    message_id: str
    recipient: str
    end: str
    time: float


@dataclass
class MailServer:
    """`mood`: empty, `slow`, `defer` (450), `refuse` (554) or `drop` (holds the message and hangs up unanswered)."""

    mood: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0)

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._server.close()

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        mood = self.mood  # as it is when the text has come
        if mood == "defer":
            self._note(envelope, DEFERRED)
            return "450 4.3.2 come back later"
        if mood == "refuse":
            self._note(envelope, REFUSED)
            return "554 5.7.1 not this message"
        self._note(envelope, DROPPED if mood == "drop" else TAKEN)
        if mood == "slow":
            await asyncio.sleep(SLOW_SECONDS)  # it holds the message and takes its time to say so
        if mood == "drop":
            server.transport.abort()
        return "250 OK"

    def _note(self, envelope: Any, end: str) -> None:
        headers = email.message_from_bytes(envelope.original_content)
        who = ", ".join(envelope.rcpt_tos)
        self.seen.append(Seen(str(headers["Message-ID"]), who, end, time.time()))
