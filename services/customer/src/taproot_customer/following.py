"""What hangs on a customer follows it into another branch."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam, select, update

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_base import wire
from taproot_chassis.events import Event
from taproot_chassis.placement import branch_path
from taproot_customer.activities.model import Activity
from taproot_customer.attachments.model import Attachment
from taproot_customer.care_dates.model import CareDate
from taproot_customer.consents.model import Consent
from taproot_customer.contacts.model import Contact
from taproot_customer.relationships.model import Relationship
from taproot_customer.tasks.model import Task
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

_REASON = "records follow their customer, whoever sees them"


def _move(model: Any) -> Statement:
    table = model.__table__.c
    return Statement(
        lambda: (
            update(model)
            .where(table.customer_id == bindparam("customer"), unscoped(model, _REASON))
            .values(branch_id=bindparam("branch"), branch_path=bindparam("path"))
        )
    )


_hand_over = Statement(
    lambda: (
        update(CareDate)
        .where(CareDate.customer_id == bindparam("customer"), unscoped(CareDate, _REASON))
        .values(owner_id=bindparam("owner"), branch_id=bindparam("branch"), branch_path=bindparam("path"))
    )
)
_moves = [_move(model) for model in (Activity, Attachment, Consent, Relationship, Task)]


async def on_customer_assigned(event: Event, work: UnitOfWork) -> None:
    """Projection of the customer's place onto its records; contacts also change hands and tell so."""
    changed = event.decode(CustomerEvent)
    branch = wire.optional_uuid(changed.customer.branch_id)
    path = branch_path(branch)
    for statement in _moves:
        await work.execute(statement, customer=event.aggregate_id, branch=branch, path=path)
    owner, before = (
        wire.optional_uuid(changed.customer.owner_id),
        wire.optional_uuid(changed.previous_owner_id),
    )
    await work.execute(_hand_over, customer=event.aggregate_id, owner=owner, branch=branch, path=path)
    for contact in await work.scalars(_contacts(event.aggregate_id)):
        kept = contact.owner_id if contact.owner_id != before else owner
        contact.follow(kept, branch, path, work.clock.now())


def _contacts(customer_id: uuid.UUID) -> Any:
    return (
        select(Contact)
        .where(Contact.customer_id == customer_id, unscoped(Contact, _REASON))
        .with_for_update()
    )
