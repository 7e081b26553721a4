"""Work that goes on meanwhile, all of it through the public API, and a journal of what was acknowledged."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from taproot_local.api import ApiError, Client, Json, Unreachable, eventually

CURRENCY = "CNY"
PRICE, QUANTITY = 50, 2
AMOUNT_PER_POINT = 10
RESPONSE_SECONDS = 6
IMPORT_ROWS = 40
BURST_WIDTH = 40
IMPORT_SECONDS = 4.0
Act = Callable[[int], Awaitable[None]]


@dataclass
class Journal:
    """What callers were told. `refusals`: answers no caller should get for a correct request."""

    customers: dict[str, str] = field(default_factory=dict)
    """Id -> the name acknowledged last."""
    attempted: dict[str, set[str]] = field(default_factory=dict)
    """Id -> names that were sent and may have arrived."""
    orders: dict[str, str] = field(default_factory=dict)
    payments: dict[str, str] = field(default_factory=dict)
    """Id -> customer."""
    tickets: dict[str, str] = field(default_factory=dict)
    """Id -> `answered`, `open`."""
    imports: dict[str, list[str]] = field(default_factory=dict)
    """Id -> external keys of its rows."""
    club: list[str] = field(default_factory=list)
    campaigns: set[str] = field(default_factory=set)
    """Those started; each writes to everybody in the club."""
    refusals: list[str] = field(default_factory=list)
    requests: int = 0
    lives: int = 0
    burst: int = 0


class Traffic:
    """`admin` repeats what is refused for the moment, as every client should; everything carries a key."""

    def __init__(self, admin: Client, seed: int, journal: Journal) -> None:
        self.admin = admin
        self._random = Random(seed * 7919 + 1)
        self._seed = seed
        self.journal = journal
        self._stop = False
        self._bursting = 0.0

    # ------------------------------------------------------------ setting up

    async def set_up(self, webhook_url: str) -> None:
        """A promise of seconds, a club, a mail for each payment, somebody who listens."""
        await self._make("/v1/slaPolicies", self._policy())
        await self._make("/v1/loyaltyPrograms", self._club())
        template = await self._make("/v1/templates", self._template())
        journey = await self._make("/v1/journeys", self._journey(template["id"]))
        await self.admin.post(f"/v1/journeys/{journey['id']}:activate", key=f"activate:{self._seed}")
        hook = {"display_name": "drill", "url": webhook_url, "event_types": ["customer.created"]}
        await self.admin.post("/v1/webhooks", hook, key=f"hook:{self._seed}")

    async def _make(self, path: str, body: Json) -> Json:
        return await self.admin.made(path, {"id": self.id(path)} | body)

    def id(self, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chaos:{self._seed}:{name}"))

    def _policy(self) -> Json:
        target = {"metric": "SLA_METRIC_FIRST_RESPONSE", "target_seconds": str(RESPONSE_SECONDS)}
        return {
            "display_name": "Seconds",
            "rank": 1,
            "kinds": ["TICKET_KIND_REPAIR"],
            "targets": [target | {"warning_percent": 50}],
        }

    def _club(self) -> Json:
        return {
            "display_name": "Club",
            "amount_per_point": str(AMOUNT_PER_POINT),
            "currency_code": CURRENCY,
            "auto_join": True,
        }

    def _template(self) -> Json:
        text = {"language_code": "en", "subject": "Thank you", "text": "We have received your payment."}
        chinese = text | {"language_code": "zh-CN"}
        return {
            "key": "chaos_receipt",
            "display_name": "Receipt",
            "message_class": "MESSAGE_CLASS_TRANSACTIONAL",
            "contents": [text, chinese],
        }

    def _journey(self, template_id: str) -> Json:
        return {
            "key": "chaos_receipt",
            "display_name": "Receipt",
            "trigger": {"event": {"event_type": "payment.received"}},
            "steps": [{"key": "mail", "display_name": "Mail", "send": {"template_id": template_id}}],
        }

    # ------------------------------------------------------------ running

    async def run(self, seconds: float, width: int, *others: tuple[Act, float]) -> None:
        """Lives one after the other in `width` lanes; an import and `others`, with their pauses, now and then."""
        until = time.monotonic() + seconds
        lanes = [self._lane(number, until) for number in range(width)]
        regular = ((self._import, IMPORT_SECONDS), *others)
        await asyncio.gather(*lanes, *(self._regularly(*one, until) for one in regular))

    async def burst(self) -> None:
        """Ten times as many at once; over when all are served."""
        await asyncio.gather(*(self._guarded(self._visit) for _ in range(BURST_WIDTH)))

    async def _lane(self, lane: int, until: float) -> None:
        number = 0
        while time.monotonic() < until:
            name = f"{lane}-{number}"
            await self._guarded(lambda: self._life(name))  # noqa: B023  # awaited at once
            number += 1

    async def _regularly(self, act: Act, pause: float, until: float) -> None:
        number = 0
        while time.monotonic() < until:
            await self._guarded(lambda: act(number))  # noqa: B023  # awaited at once
            number += 1
            await asyncio.sleep(pause)

    async def _guarded(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except (ApiError, Unreachable) as error:
            self.journal.refusals.append(str(error))

    async def post(self, path: str, body: Json | None = None, *, key: str) -> Json:
        self.journal.requests += 1
        return await self.admin.post(path, body, key=f"chaos:{self._seed}:{key}")

    async def _life(self, name: str) -> None:
        customer = await self.customer(name)
        await self._rename(customer, f"Renamed {name}")
        await self._sell(customer, name)
        await self._ticket(customer, name)
        await self._rename(customer, f"Settled {name}")
        self.journal.lives += 1

    async def customer(self, name: str, domain: str = "lives.example") -> str:
        key = self.id(f"customer:{name}")
        digits = f"{uuid.UUID(key).int % 10**8:08d}"
        first = f"Born {name}"
        body = {
            "id": key,
            "kind": "CUSTOMER_KIND_PERSON",
            "display_name": first,
            "language_code": "en",
            "identifiers": [
                {"kind": "IDENTIFIER_KIND_EMAIL", "value": f"c{key[:13]}@{domain}"},
                {"kind": "IDENTIFIER_KIND_PHONE", "value": f"+86139{digits}"},
            ],
        }
        self.journal.attempted.setdefault(key, set()).add(first)
        await self.post("/v1/customers", body, key=f"create:{key}")
        self.journal.customers[key] = first
        return key

    async def _visit(self) -> None:
        self.journal.burst += 1
        await self.customer(f"burst-{self.journal.burst}")

    async def _rename(self, customer: str, to: str) -> None:
        self.journal.requests += 1
        self.journal.attempted[customer].add(to)
        await self.admin.patch(
            f"/v1/customers/{customer}", {"display_name": to}, key=f"chaos:{self._seed}:{customer}:{to}"
        )
        self.journal.customers[customer] = to

    async def _sell(self, customer: str, name: str) -> None:
        line = {
            "display_name": "Consulting",
            "quantity": str(QUANTITY),
            "unit_price": {"currency_code": CURRENCY, "amount": str(PRICE)},
        }
        order = {"id": self.id(f"order:{name}"), "customer_id": customer, "lines": [line]}
        made = await self.post("/v1/orders", order, key=f"order:{name}")
        self.journal.orders[made["id"]] = customer
        for verb in ("submit", "confirm", "fulfil"):
            await self.post(f"/v1/orders/{made['id']}:{verb}", key=f"{verb}:{name}")
        total = made["totals"]["total"]
        payment = {"id": self.id(f"payment:{name}"), "customer_id": customer, "amount": total}
        paid = await self.post("/v1/payments", {"payment": payment, "auto_allocate": True}, key=f"pay:{name}")
        self.journal.payments[paid["id"]] = customer

    async def _ticket(self, customer: str, name: str) -> None:
        ticket = {
            "id": self.id(f"ticket:{name}"),
            "display_name": "It does not work",
            "kind": "TICKET_KIND_REPAIR",
            "customer_id": customer,
        }
        made = await self.post("/v1/tickets", ticket, key=f"ticket:{name}")
        self.journal.tickets[made["id"]] = "open"
        if int(name.rpartition("-")[2]) % 2 == 0:
            answer = {"body": "We are on it."}
            await self.post(f"/v1/tickets/{made['id']}:reply", answer, key=f"reply:{name}")
            self.journal.tickets[made["id"]] = "answered"

    async def _import(self, number: int) -> None:
        keys = [f"K{self._seed}-{number}-{row}" for row in range(IMPORT_ROWS)]
        rows = [f"{one},Loaded {one},l{one.lower()}@loads.example" for one in keys]
        text = "Id,Name,E-mail\n" + "\n".join(rows) + "\n"
        body = {
            "id": self.id(f"import:{number}"),
            "file_name": "drill.csv",
            "content": base64.b64encode(text.encode()).decode(),
            "columns": [
                {"index": 0, "field": "external"},
                {"index": 1, "field": "display_name"},
                {"index": 2, "field": "email"},
            ],
            "options": {"external_system": "chaos", "match_policy": "IMPORT_MATCH_POLICY_SKIP"},
        }
        made = await self.post("/v1/imports", body, key=f"import:{number}")
        await self.post(f"/v1/imports/{made['id']}:start", key=f"start:{number}")
        self.journal.imports[made["id"]] = keys


class Listener:
    """A webhook's other end: takes most events, is rude to some."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.taken: list[str] = []
        self.rude: list[str] = []

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            fields = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
            await reader.readexactly(int(fields.get("content-length", 0)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        rude = self._random.random() < 0.1
        (self.rude if rude else self.taken).append(fields["webhook-id"])
        status = "503 Busy" if rude else "204 OK"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()


@dataclass(frozen=True)
class Gap:
    """A time in which callers of a service were not served."""

    service: str
    start: float
    end: float


WATCHED = {"customer": "/v1/segments", "sales": "/v1/pipelines", "servicedesk": "/v1/slaPolicies", "marketing": "/v1/templates"}  # fmt: skip


class Watch:
    """Asks each service for one small list, again and again, without patience."""

    def __init__(self, admin: Client) -> None:
        self._http = admin.http
        self._headers = {"Authorization": f"Bearer {admin.token}"}
        self.gaps: list[Gap] = []

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self._look(name, path) for name, path in WATCHED.items()))

    async def _look(self, service: str, path: str) -> None:
        since: float | None = None
        while True:
            begun = time.time()
            served = await self._served(path)
            if not served and since is None:
                since = begun
            elif served and since is not None:
                self.gaps.append(Gap(service, since, time.time()))
                since = None
            await asyncio.sleep(0.5)

    async def _served(self, path: str) -> bool:
        try:
            answer = await self._http.get(path, params={"page_size": 1}, headers=self._headers, timeout=2.0)
        except Exception:  # noqa: BLE001  # whatever it was, nobody was served
            return False
        return bool(answer.status_code == 200)


async def until(look: Callable[[], Awaitable[Any]], seconds: float, what: str) -> Any:
    return await eventually(look, seconds, what, pause=0.2, longest=1.0)
