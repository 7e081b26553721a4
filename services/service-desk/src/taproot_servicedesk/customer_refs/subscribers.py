"""The projection: customer events into rows, newer ones only."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Uuid, bindparam, func, or_, update
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2 as pb
from taproot_base.context import current_call
from taproot_base.wire import optional_uuid
from taproot_chassis.events import Event
from taproot_chassis.projections import put_newer
from taproot_records.mapping import short_name
from taproot_servicedesk.calls.phone import normal_phone
from taproot_servicedesk.customer_refs.model import CustomerRef
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

_c = CustomerRef.__table__.c
_COPIED = ("display_name", "value_class", "key_account", "language_code", "region")


_put = put_newer(CustomerRef, kept=("root_id", "team_id"))
_any = unscoped(CustomerRef, "the projection holds every customer")
_sources = func.any(bindparam("sources", type_=ARRAY(Uuid())))
_merge = Statement(
    lambda: (
        update(CustomerRef)
        .where(or_(_c.id == _sources, _c.root_id == _sources), _any)
        .values(root_id=bindparam("root"))
    )
)
_unmerge = Statement(lambda: update(CustomerRef).where(_c.id == _sources, _any).values(root_id=_c.id))


class CustomerProjection:
    """`region`: where telephone numbers without a country code belong."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def apply(self, event: Event, work: UnitOfWork) -> None:
        """Handler of the subscription `customers`."""
        change = event.decode(CustomerEvent)
        await work.execute(_put, **self._row(change.customer, event))
        sources = [uuid.UUID(source) for source in change.merge.source_ids]
        if event.name == "merged":
            await work.execute(_merge, sources=sources, root=uuid.UUID(change.customer.id))
        elif event.name == "unmerged":
            await work.execute(_unmerge, sources=sources)

    def _row(self, customer: pb.Customer, event: Event) -> dict[str, Any]:
        key, branch = uuid.UUID(customer.id), current_call().directory.branches.get(customer.branch_id)
        zone = customer.time_zone or (branch.time_zone if branch else "")
        return {name: getattr(customer, name) for name in _COPIED} | {
            "id": key,
            "root_id": key,
            "version": event.version,
            "status": short_name(pb.CustomerStatus.DESCRIPTOR, customer.status),
            "time_zone": zone if zone in _zones else "",
            "email": _first(customer, pb.IDENTIFIER_KIND_EMAIL),
            "phones": self._phones(customer),
            "owner_id": optional_uuid(customer.owner_id),
            "branch_id": optional_uuid(customer.branch_id),
            "branch_path": branch.path if branch else "",
            "team_id": None,
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
