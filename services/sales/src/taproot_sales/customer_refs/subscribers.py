"""The projection of customers follows the customer service's events, newer ones only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2 as pb
from taproot_base.wire import enum_name, optional_uuid
from taproot_chassis.events import Event
from taproot_sales.customer_refs.model import CUSTOMERS
from taproot_sales.invoices.credit import follow_customer
from taproot_storage.database import UnitOfWork


async def apply_customer(event: Event, work: UnitOfWork) -> None:
    """Handler of the subscription `customer-refs`."""
    values = _values(event.decode(CustomerEvent).customer, event)
    if await CUSTOMERS.follow(work, values):
        await follow_customer(values, work)


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
        "member_ids": [UUID(member) for member in customer.merged_ids],
        "deleted": event.name == "deleted" or customer.HasField("delete_time"),
    }


def _first(customer: pb.Customer, kind: int) -> str:
    """The identifier to use first among its kind."""
    found = sorted((i for i in customer.identifiers if i.kind == kind), key=lambda i: not i.primary)
    return found[0].value if found else ""
