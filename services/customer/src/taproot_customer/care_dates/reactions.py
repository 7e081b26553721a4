"""Care dates that nobody writes: birthdays and the ends of entitlements follow what they come from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from taproot.customer.events.v1.contact_event_pb2 import ContactEvent
from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot.servicedesk.v1.entitlement_pb2 import (
    ENTITLEMENT_KIND_SERVICE_CONTRACT,
    ENTITLEMENT_KIND_WARRANTY,
    ENTITLEMENT_STATE_ACTIVE,
)
from taproot_base import wire
from taproot_base.ids import derived_id
from taproot_chassis.events import Event
from taproot_customer.care_dates import queries
from taproot_customer.care_dates.handlers import customers_today
from taproot_customer.care_dates.model import BIRTH_DATE, ENTITLEMENT, CareDate
from taproot_records.mapping import Values
from taproot_records.writing import find_any
from taproot_storage.database import UnitOfWork

_KINDS = {ENTITLEMENT_KIND_WARRANTY: "warranty_end", ENTITLEMENT_KIND_SERVICE_CONTRACT: "contract_end"}


@dataclass(frozen=True)
class Derived:
    """`values` is None when the source has no date to remember."""

    customer_id: uuid.UUID
    source: str
    values: Values | None


def _wanted(event: Event) -> Derived | None:
    """None where nothing can follow from the event."""
    wanted = _READERS[event.aggregate_type](event)
    return None if wanted is None or (wanted.values is None and event.name == "created") else wanted


def derived_key(source: str, record_id: uuid.UUID) -> uuid.UUID:
    return derived_id(record_id, "care_date", source)


@dataclass(frozen=True)
class Deriver:
    """Handler of the subscriptions `care-dates`."""

    default_zone: str

    async def __call__(self, event: Event, work: UnitOfWork) -> None:
        wanted = _wanted(event)
        if wanted is not None:
            await self._derive(wanted, event, work)

    async def together(self, events: Sequence[Event], work: UnitOfWork) -> None:
        """Most have no date and never had one: who has is asked once for all of them."""
        asked = [(event, wanted) for event in events if (wanted := _wanted(event)) is not None]
        stored = await queries.stored(work, [derived_key(one.source, e.aggregate_id) for e, one in asked])
        for event, wanted in asked:
            key = derived_key(wanted.source, event.aggregate_id)
            if wanted.values is not None or key in stored:
                await self._derive(wanted, event, work)
                await work.flush()  # the next event may be about the same date
                stored.add(key)

    async def _derive(self, wanted: Derived, event: Event, work: UnitOfWork) -> None:
        key = derived_key(wanted.source, event.aggregate_id)
        found = await find_any(work, CareDate, key, "it follows what it comes from")
        if found is None:
            await self._add(key, wanted, event, work)
        elif found.source_version < event.version:
            await self._follow(found, wanted, event, work)

    async def _add(self, key: uuid.UUID, wanted: Derived, event: Event, work: UnitOfWork) -> None:
        if wanted.values is None:
            return
        home = await queries.home(work, wanted.customer_id)
        if home is None:
            return
        now, origin = work.clock.now(), {"source": wanted.source, "source_version": event.version}
        values = home | {"customer_id": wanted.customer_id} | origin | wanted.values
        today = await customers_today(work, wanted.customer_id, now, self.default_zone)
        await work.add(CareDate.create(key, values, today, now))

    async def _follow(self, found: CareDate, wanted: Derived, event: Event, work: UnitOfWork) -> None:
        now = work.clock.now()
        if wanted.values is None:
            found.end(event.version, now)
            return
        today = await customers_today(work, found.customer_id, now, self.default_zone)
        found.follow_source(wanted.values, event.version, today, now)


def _of_customer(event: Event) -> Derived | None:
    customer = event.decode(CustomerEvent).customer
    gone = customer.HasField("delete_time")
    return Derived(event.aggregate_id, BIRTH_DATE, None if gone else _birthday(customer, "customers"))


def _of_contact(event: Event) -> Derived | None:
    """A contact who is a customer too has the birthday of that record, and is not congratulated twice."""
    contact = event.decode(ContactEvent).contact
    gone = contact.HasField("delete_time") or bool(contact.person_customer_id)
    values = None if gone else _birthday(contact, "contacts")
    if values is not None:
        values["contact_id"] = event.aggregate_id
    return Derived(uuid.UUID(contact.customer_id), BIRTH_DATE, values)


def _birthday(person: Any, resource: str) -> Values | None:
    born = wire.optional_date(person, "birth_date")
    return None if born is None else {"kind": "birthday", "date": born, **_about(person, resource)}


def _of_entitlement(event: Event) -> Derived | None:
    found = event.decode(EntitlementEvent).entitlement
    if not found.customer_id:
        return None
    ends = wire.optional_date(found, "end_date")
    gone = ends is None or found.state != ENTITLEMENT_STATE_ACTIVE
    kind = _KINDS.get(found.kind, "account_end")
    values = None if gone else {"kind": kind, "date": ends, **_about(found, "entitlements")}
    return Derived(uuid.UUID(found.customer_id), ENTITLEMENT, values)


def _about(record: Any, resource: str) -> Values:
    related = {"resource": resource, "id": record.id, "display_name": record.display_name[:200]}
    return {"display_name": record.display_name, "related": related}


_READERS = {"customer": _of_customer, "contact": _of_contact, "entitlement": _of_entitlement}
