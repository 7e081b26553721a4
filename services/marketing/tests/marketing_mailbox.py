"""A real SMTP server for tests: takes mails over a socket and misbehaves on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """Mails taken, and what to answer next: `rcpt` and `data` hold answers to give instead of 250."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    rcpt: deque[str] = field(default_factory=deque)
    data: deque[str] = field(default_factory=deque)
    conversations: int = 0
    port: int = 0
    gate: asyncio.Event | None = None
    """When set, mails are answered only after the event."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?starttls=off"

    def empty(self) -> None:
        self.mails.clear()
        self.recipients.clear()
        self.rcpt.clear()
        self.data.clear()
        self.gate = None

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.rcpt:
            return self.rcpt.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        self.conversations += 1
        if self.gate is not None:
            await self.gate.wait()
        answer = self.data.popleft() if self.data else "250 taken"
        if answer == "drop":
            server.transport.abort()
            return "250 never read"
        if answer.startswith("250"):
            self.mails.append(cast("EmailMessage", message_from_bytes(envelope.content, policy=default)))
            self.recipients += envelope.rcpt_tos
        return answer


async def serve(mailbox: Mailbox) -> asyncio.AbstractServer:
    """Listen on a free port of the loopback interface."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    return server
