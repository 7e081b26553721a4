"""The projection of customers follows the customer service's events, newer ones only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2 as pb
from taproot_base.wire import enum_name, optional_uuid
from taproot_chassis.events import Event
from taproot_chassis.projections import put_newer
from taproot_sales.customer_refs.model import CustomerRef
from taproot_storage.database import UnitOfWork
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement

TABLES = (CustomerRef.__table__, redirects)

_put = put_newer(CustomerRef)
_redirect = put_newer(redirects, keys=("member_id",))
_release = Statement(
    lambda: delete(redirects).where(
        redirects.c.member_id == bindparam("member_id"), redirects.c.version < bindparam("as_of")
    )
)


async def apply_customer(event: Event, work: UnitOfWork) -> None:
    """Handler of the subscription `customer-refs`."""
    message = event.decode(CustomerEvent)
    await work.execute(_put, **_values(message.customer, event))
    members = [UUID(source) for source in message.merge.source_ids]
    if event.name == "merged":
        shared = {
            "root_id": event.aggregate_id,
            "merge_id": UUID(message.merge.merge_id),
            "version": event.version,
        }
        await work.execute_many(_redirect, [{"member_id": member} | shared for member in members])
    elif event.name == "unmerged":
        await work.execute_many(
            _release, [{"member_id": member, "as_of": event.version} for member in members]
        )


def _values(customer: pb.Customer, event: Event) -> dict[str, Any]:
    return {
        "id": event.aggregate_id,
        "version": event.version,
        "kind": enum_name(pb.CustomerKind, customer.kind, "CUSTOMER_KIND_"),
        "status": enum_name(pb.CustomerStatus, customer.status, "CUSTOMER_STATUS_"),
        "display_name": customer.display_name,
        "value_class": customer.value_class,
        "region": customer.region,
        "language_code": customer.language_code,
        "email": _first(customer, pb.IDENTIFIER_KIND_EMAIL),
        "phone": _first(customer, pb.IDENTIFIER_KIND_PHONE),
        "owner_id": optional_uuid(customer.owner_id),
        "branch_id": optional_uuid(customer.branch_id),
        "deleted": event.name == "deleted" or customer.HasField("delete_time"),
    }


def _first(customer: pb.Customer, kind: int) -> str:
    """The identifier to use first among its kind."""
    found = sorted((i for i in customer.identifiers if i.kind == kind), key=lambda i: not i.primary)
    return found[0].value if found else ""
