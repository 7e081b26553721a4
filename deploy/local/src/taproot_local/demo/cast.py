"""Who plays: each person of the demo enterprise, signed in when first needed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from taproot_local.api import Client, Json, read_mail
from taproot_local.demo.company import BY_NAME, PASSWORD, STAFF

_NAME_OF = {person.id: person.user_name for person in STAFF}


class Mailbox:
    """The local mail sink, read at most every `pause` seconds however many ask."""

    def __init__(self, client: Client, url: str, pause: float = 0.2) -> None:
        self._http = client.http
        self._url = url
        self._pause = pause
        self._read_at = 0.0
        self._messages: list[Json] = []
        self._lock = asyncio.Lock()

    async def to(self, address: str) -> list[Json]:
        """Messages to that address, oldest first."""
        return [mail for mail in await self.messages() if address in mail["envelope_to"]]

    async def messages(self) -> list[Json]:
        async with self._lock:
            if time.monotonic() - self._read_at > self._pause:
                self._messages = (await read_mail(self._http, self._url))[::-1]
                self._read_at = time.monotonic()
        return self._messages


class Cast:
    """Clients of the demo people, by user name or id. All use the connections of `admin`."""

    def __init__(self, admin: Client, mailbox: Mailbox) -> None:
        self.admin = admin
        self.mailbox = mailbox
        self._clients: dict[str, Client] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def by_name(self, user_name: str) -> Client:
        lock = self._locks.setdefault(user_name, asyncio.Lock())
        async with lock:
            if user_name not in self._clients:
                self._clients[user_name] = await self.admin.signed_in(user_name, PASSWORD)
            return self._clients[user_name]

    async def by_id(self, user_id: str) -> Client:
        return await self.by_name(_NAME_OF[user_id])


def name_of(user_id: str) -> str:
    """Name of a demo person, for people to read."""
    return BY_NAME[_NAME_OF[user_id]].name if user_id in _NAME_OF else user_id


def money(amount: dict[str, Any]) -> str:
    return f"{float(amount.get('amount', 0)):,.2f} {amount.get('currency_code', '')}"
