"""Loads the history in phases. Each phase asks first what is there, so a cut-off run goes on where it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from taproot_local.api import ApiError, Client, Json, in_parallel
from taproot_local.demo import people
from taproot_local.demo.company import BY_NAME
from taproot_local.demo.history import History
from taproot_local.demo.keys import key
from taproot_local.demo.people import SYSTEM
from taproot_local.errors import LocalError

WIDTH = 4
PART = 25
SETTLE_SECONDS = 60.0
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Volume:
    """How much of everything."""

    customers: int = 5000
    opportunities: int = 3000
    orders: int = 2000
    tickets: int = 2500
    activities: int = 1500
    contacts: int = 500
    leads: int = 150
    invoices: int = 250

    def scaled(self, factor: float) -> Volume:
        return Volume(*(max(int(getattr(self, name) * factor), 1) for name in self.__dataclass_fields__))


@dataclass
class Loader:
    admin: Client
    volume: Volume
    today: date
    progress: Progress
    gentle: bool = False
    """Beside somebody who is looking around: small steps, and a rest after each as long as it took."""
    history: History = field(init=False)

    async def run(self) -> None:
        await self._customers(0.0, 0.25)
        self.history = History(self.today, await self._ids())
        make = self.history
        await self._batches("opportunities", make.opportunity, self.volume.opportunities, 200, (0.25, 0.4))
        await self._batches("orders", make.order, self.volume.orders, 100, (0.4, 0.52))
        await self._batches("tickets", make.ticket, self.volume.tickets, 100, (0.52, 0.66))
        await self._singles("activities", make.activity, self.volume.activities, (0.66, 0.84))
        await self._contacts((0.84, 0.9))
        await self._singles("leads", make.lead, self.volume.leads, (0.9, 0.94))
        await self._invoices((0.94, 1.0))
        self.progress(1.0)

    async def _customers(self, begin: float, end: float) -> None:
        """By the import API: one file for each seller, who becomes the owner."""
        files = sorted(people.by_seller(self.volume.customers).items())
        for number, (seller, numbers) in enumerate(files):
            async with self._step():
                await self._import(seller, numbers)
            self.progress(begin + (end - begin) * (number + 1) / len(files))

    async def _import(self, seller: str, numbers: list[int]) -> None:
        owner = BY_NAME[seller]
        made = await self.admin.made(
            "/v1/imports",
            {
                "id": key("import", seller, self.volume.customers),
                "display_name": f"客户档案 {owner.name}",
                "file_name": f"{seller}.csv",
                "content": people.csv_of(numbers),
                "columns": people.mapping(),
                "options": {"match_policy": "IMPORT_MATCH_POLICY_SKIP", "external_system": SYSTEM},
                "owner_id": owner.id,
                "branch_id": key("branch", owner.office),
            },
        )
        if made["state"] == "IMPORT_STATE_DRAFT":
            await self.admin.post(f"/v1/imports/{made['id']}:start", key=f"start:{made['id']}")
        await self._imported(str(made["id"]))

    async def _imported(self, import_id: str) -> None:
        while True:
            found = await self.admin.get(f"/v1/imports/{import_id}")
            if found["state"] == "IMPORT_STATE_SUCCEEDED":
                return
            if found["state"] in {"IMPORT_STATE_FAILED", "IMPORT_STATE_CANCELLED"}:
                raise LocalError(f"The import of customers failed: {found.get('error', found['state'])}")
            await asyncio.sleep(0.1)

    async def _ids(self) -> dict[int, str]:
        found: dict[int, str] = {}
        prefix = f"{SYSTEM}:"
        async for customer in self.admin.pages("/v1/customers"):
            for one in customer.get("identifiers", []):
                if one["kind"] == "IDENTIFIER_KIND_EXTERNAL" and one["value"].startswith(prefix):
                    found[int(one["value"].removeprefix(prefix))] = customer["id"]
        wanted = set(range(self.volume.customers))
        if not wanted <= found.keys():
            raise LocalError(
                f"{len(wanted - found.keys())} of the demo customers are missing after the import."
            )
        return {number: found[number] for number in sorted(wanted)}

    async def _batches(
        self, name: str, make: Callable[[int], Json], count: int, size: int, share: tuple[float, float]
    ) -> None:
        there = {
            one["external_id"]
            async for one in self.admin.pages(f"/v1/{name}", filter=f'external_id = "{SYSTEM}:*"')
        }
        missing = [number for number in range(count) if f"{SYSTEM}:{number}" not in there]
        single = {"opportunities": "opportunity"}.get(name, name.removesuffix("s"))
        size = PART if self.gentle else size
        parts = [missing[start : start + size] for start in range(0, len(missing), size)]
        for number, part in enumerate(parts):
            requests = [{single: make(one)} for one in part]
            async with self._step():
                await settling(lambda: self.admin.post(f"/v1/{name}:batchCreate", {"requests": requests}))  # noqa: B023  # awaited at once
            self.progress(share[0] + (share[1] - share[0]) * (number + 1) / len(parts))

    async def _singles(
        self, name: str, make: Callable[[int], Json], count: int, share: tuple[float, float]
    ) -> None:
        await self._make(name, [make(number) for number in range(count)], share)

    async def _make(self, name: str, records: Sequence[Json], share: tuple[float, float]) -> None:
        for start in range(0, len(records), PART):
            part = records[start : start + PART]
            async with self._step():
                await in_parallel([self._job(name, record) for record in part], WIDTH)
            self.progress(share[0] + (share[1] - share[0]) * (start + len(part)) / len(records))

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        yield
        if self.gentle:
            await asyncio.sleep(loop.time() - began)

    def _job(self, name: str, record: Json) -> Callable[[], Any]:
        return lambda: settling(lambda: self.admin.made(f"/v1/{name}", record))

    async def _contacts(self, share: tuple[float, float]) -> None:
        companies = [who for number in self.history.ids if (who := people.someone(number)).organisation]
        some = companies[: self.volume.contacts]
        await self._make("contacts", [self.history.contact(n, who) for n, who in enumerate(some)], share)

    async def _invoices(self, share: tuple[float, float]) -> None:
        """Of the youngest delivered orders; four of five are paid."""
        query = f'external_id = "{SYSTEM}:*" AND state = FULFILLED'
        page = await self.admin.get(
            "/v1/orders", filter=query, order_by="order_date desc", page_size=self.volume.invoices
        )
        orders = sorted(page.get("orders", []), key=lambda order: str(order["external_id"]))
        invoices = [
            self.history.invoice(order, int(order["external_id"].partition(":")[2])) for order in orders
        ]
        await self._make("invoices", invoices, (share[0], sum(share) / 2))
        paid = [
            (invoice, order)
            for number, (invoice, order) in enumerate(zip(invoices, orders, strict=True))
            if number % 5
        ]
        await in_parallel([self._pay(invoice, order) for invoice, order in paid], WIDTH)

    def _pay(self, invoice: Json, order: Json) -> Callable[[], Any]:
        payment = {
            "id": key("payment", invoice["external_id"]),
            "external_id": invoice["external_id"],
            "customer_id": invoice["customer_id"],
            "amount": order["totals"]["total"],
            "payment_date": order["fulfil_date"],
            "method": "transfer",
            "allocations": [{"invoice_id": invoice["id"], "amount": order["totals"]["total"]}],
        }

        async def pay() -> None:
            try:
                await self.admin.post("/v1/payments", {"payment": payment}, key=f"make:{payment['id']}")
            except ApiError as error:
                if error.status != 409:
                    raise

        return pay


async def settling(act: Callable[[], Any]) -> Any:
    """Services learn of customers by events: a record of a fresh one may be refused for a moment."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLE_SECONDS
    while True:
        try:
            return await act()
        except ApiError as error:
            unknown = error.status == 404 or any(one.field.endswith("_id") for one in error.violations)
            if not unknown or loop.time() > deadline:
                raise
        await asyncio.sleep(0.3)
