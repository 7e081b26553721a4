"""The projection: customer events into rows, newer ones only."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import available_timezones

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2 as pb
from taproot_base.context import current_call
from taproot_base.wire import optional_uuid
from taproot_chassis.events import Event
from taproot_records.mapping import short_name
from taproot_records.shares import rows_of_shares
from taproot_servicedesk.calls.phone import normal_phone
from taproot_servicedesk.customer_refs.model import CUSTOMERS, SHARES
from taproot_storage.database import UnitOfWork

_COPIED = ("display_name", "value_class", "key_account", "language_code", "region")


class CustomerProjection:
    """`region`: where telephone numbers without a country code belong."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def apply(self, event: Event, work: UnitOfWork) -> None:
        """Handler of the subscription `customers`."""
        told = event.decode(CustomerEvent)
        if await CUSTOMERS.follow(work, self._row(told.customer, event)):
            await SHARES.put(work, event.aggregate_id, rows_of_shares(told.shares))

    def _row(self, customer: pb.Customer, event: Event) -> dict[str, Any]:
        branch = current_call().directory.branches.get(customer.branch_id)
        zone = customer.time_zone or (branch.time_zone if branch else "")
        return {name: getattr(customer, name) for name in _COPIED} | {
            "id": event.aggregate_id,
            "version": event.version,
            "member_ids": [uuid.UUID(member) for member in customer.merged_ids],
            "status": short_name(pb.CustomerStatus.DESCRIPTOR, customer.status),
            "time_zone": zone if zone in _zones else "",
            "email": _first(customer, pb.IDENTIFIER_KIND_EMAIL),
            "phones": self._phones(customer),
            "owner_id": optional_uuid(customer.owner_id),
            "branch_id": optional_uuid(customer.branch_id),
            "branch_path": branch.path if branch else "",
            "deleted": customer.HasField("delete_time"),
        }

    def _phones(self, customer: pb.Customer) -> list[str]:
        raw = [i.value for i in customer.identifiers if i.kind == pb.IDENTIFIER_KIND_PHONE]
        return sorted({normal_phone(number, self._region) for number in raw})


_zones = available_timezones()


def _first(customer: pb.Customer, kind: Any) -> str:
    """The primary identifier of a kind, else the first."""
    found = sorted((not i.primary, n, i.value) for n, i in enumerate(customer.identifiers) if i.kind == kind)
    return found[0][2] if found else ""
