"""Customers as quotes, orders and accounts need them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from taproot.customer.v1.customer_service_pb2 import GetCustomerRequest
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.client import RemoteError
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, Kind, NotFound, Unavailable
from taproot_chassis.placement import Place, Placer, branch_path, caller_id
from taproot_chassis.service import Runtime
from taproot_records.admission import Admission
from taproot_records.checks import Checks
from taproot_sales.customer_refs.model import CUSTOMERS
from taproot_sales.customer_refs.queries import find_customer
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader

ADMISSION = Admission(CUSTOMERS, "customers.read")
PROJECTION_TRIES = 40
PROJECTION_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class CustomerRef:
    id: uuid.UUID
    display_name: str
    value_class: str
    owner_id: uuid.UUID | None
    branch_id: uuid.UUID | None


async def find_customers(ids: Iterable[uuid.UUID], reader: Reader) -> dict[uuid.UUID, CustomerRef]:
    """Those the caller may refer to, by the id asked for; a merged customer answers with its survivor."""
    found = {}
    for customer_id in ids:
        row = await find_customer(reader, customer_id)
        if row is not None and not await ADMISSION.hides(customer_id, reader):
            found[customer_id] = _ref(row)
    return found


def _ref(row: Any) -> CustomerRef:
    return CustomerRef(row["id"], row["display_name"], row["value_class"], row["owner_id"], row["branch_id"])


async def require_customer(customer_id: uuid.UUID, path: str, reader: Reader) -> CustomerRef:
    found = await find_customers([customer_id], reader)
    if customer_id not in found:
        raise InvalidArgument([(path, "does not exist or is not visible to you")])
    return found[customer_id]


async def names_of(ids: Iterable[uuid.UUID], reader: Reader) -> dict[uuid.UUID, str]:
    found = {customer_id: await find_customer(reader, customer_id) for customer_id in set(ids)}
    return {customer_id: row["display_name"] for customer_id, row in found.items() if row is not None}


async def customer_name(customer_id: uuid.UUID, reader: Reader) -> str:
    return (await names_of([customer_id], reader)).get(customer_id, "")


async def members_of(customer_id: uuid.UUID, reader: Reader) -> list[uuid.UUID]:
    """Every id under which the customer's records may stand."""
    return await CUSTOMERS.keys(reader, customer_id)


async def visible_account(customer_id: uuid.UUID, permission: str, reader: Reader) -> CustomerRef:
    """The customer, when the caller's reach for the permission covers the customer's own place.

    An account is one for all branches: part of it would be a wrong balance.
    """
    row = await find_customer(reader, customer_id)
    if row is None or not await _reaches(row, permission, reader):
        raise NotFound("customer", customer_id)
    return _ref(row)


async def _reaches(row: Any, permission: str, reader: Reader) -> bool:
    call = current_call()
    if call.principal.kind == "portal":
        return not await ADMISSION.hides(row["id"], reader)
    reach = call.directory.reach(call.principal, permission)
    if reach is None:
        return False
    return (
        reach.everything
        or str(row["owner_id"]) == reach.owner_id
        or reach.covers_path(_path(row["branch_id"]))
    )


def _path(branch_id: uuid.UUID | None) -> str:
    return branch_path(branch_id) if branch_id else ""


async def place_document(
    placer: Placer, customer: CustomerRef, owner_id: uuid.UUID | None, branch_id: uuid.UUID | None
) -> Place:
    """Where a document belongs; what a customer writes alone belongs where the customer does."""
    if current_call().principal.kind == "portal":
        return Place(customer.owner_id, customer.branch_id, _path(customer.branch_id))
    return await placer.place(owner_id or caller_id(), branch_id)


async def checked_place(record: str, command: Any, check: Callable[[], None], work: Reader) -> Place:
    """Where a record of the account belongs; its `check`, customer, owner and branch answer together."""
    checks, place = Checks(), None
    with checks:
        check()
    with checks:
        await require_customer(command.customer_id, f"{record}.customer_id", work)
    with checks:
        place = await Placer(f"{record}s", work).place(command.owner_id or caller_id(), command.branch_id)
    checks.done()
    assert place is not None
    return place


class CustomerDoor:
    """Asks the customer service what the projection cannot tell; call it before any transaction."""

    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        self._runtime = runtime
        self._reachable = "customer=" in runtime.settings.backends

    async def admit(self, ids: Iterable[str]) -> None:
        """May the caller refer to them although they belong to others: are they shared with the caller?"""
        if self._reachable:
            await ADMISSION.prepare(ids, self._runtime.database, self._ask)

    async def _ask(self, customer_id: uuid.UUID) -> None:
        stub: Any = CustomersServiceStub(self._runtime.peers.channel("customer"))
        await self._runtime.peers.call(stub.GetCustomer, GetCustomerRequest(id=str(customer_id)))

    async def ensure(self, ids: Iterable[str]) -> None:
        """Waits for those so new that their event has not arrived, then as `admit`.

        Ids that no service knows are left to the checks that follow. Raises Unavailable while nobody can say
        whether a customer exists who is not known here: a refusal would be for good.
        """
        if not self._reachable:
            return
        ids = list(ids)
        await self._await_new(ids)
        await self.admit(ids)

    async def _await_new(self, ids: Iterable[str]) -> None:
        wanted = [uuid.UUID(text) for text in set(ids) if text]
        missing = await self._missing(wanted)
        new = [customer_id for customer_id in missing if await self._exists(customer_id)]
        for _ in range(PROJECTION_TRIES if new else 0):
            if not await self._missing(new):
                return
            await asyncio.sleep(PROJECTION_PAUSE_SECONDS)
        if new:
            raise Unavailable(
                "the customer is so new that this service does not know it yet; repeat the request"
            )

    async def _missing(self, ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        async with self._runtime.database.reading() as reader:
            return [customer_id for customer_id in ids if await find_customer(reader, customer_id) is None]

    async def _exists(self, customer_id: uuid.UUID) -> bool:
        peers = self._runtime.peers
        stub: Any = CustomersServiceStub(peers.channel("customer"))
        try:
            await peers.call(stub.GetCustomer, GetCustomerRequest(id=str(customer_id)), as_service=True)
        except RemoteError as error:
            if error.kind is Kind.NOT_FOUND:
                return False
            raise
        return True
