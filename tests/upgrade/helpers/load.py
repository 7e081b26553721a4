"""Steady load that repeats nothing: each failure is counted, and so is each effect that must be there later."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fleet import ADMIN_PASSWORD, Fleet

VISITORS = 6
PAUSE_SECONDS = 0.03
READS = ("/v1/leads", "/v1/tickets", "/v1/campaigns", "/v1/users")  # one of each other service


@dataclass
class Load:
    """`customers`: id -> the version the last answer named."""

    fleet: Fleet
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    token: str = ""
    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    customers: dict[str, int] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """None when it failed."""
        client = self.clients.setdefault(url := self.fleet.url(), httpx.AsyncClient(base_url=url, timeout=20))
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": str(uuid.uuid4())}
        try:
            answer = await client.request(method, path, json=body, headers=headers if self.token else {})
        except httpx.HTTPError as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return None
        if answer.status_code >= 400:
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            return None
        self.answered[method] += 1
        return answer.json()

    async def sign_in(self) -> None:
        body = {"user_name": "admin", "password": ADMIN_PASSWORD}
        self.token = (await self.call("POST", "/v1/sessions", body))["token"]

    async def visit(self) -> None:
        """What one visitor does again and again."""
        name = uuid.uuid4().hex
        made = await self.call(
            "POST", "/v1/customers", {"kind": "CUSTOMER_KIND_PERSON", "display_name": name}
        )
        if made is not None:
            self.customers[made["id"]] = int(made["etag"])
            changed = await self.call("PATCH", f"/v1/customers/{made['id']}", {"display_name": f"{name} 2"})
            if changed is not None:
                self.customers[made["id"]] = int(changed["etag"])
            await self.call("GET", f"/v1/customers/{made['id']}")
        for path in READS:
            await self.call("GET", f"{path}?page_size=1")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ends after the last visits have come to their end."""
        ending = asyncio.Event()

        async def visitor() -> None:
            while not ending.is_set():
                await self.visit()
                await asyncio.sleep(PAUSE_SECONDS)

        visitors = [asyncio.ensure_future(visitor()) for _ in range(VISITORS)]
        try:
            yield
        finally:
            ending.set()
            await asyncio.gather(*visitors)

    async def close(self) -> None:
        for client in self.clients.values():
            await client.aclose()
