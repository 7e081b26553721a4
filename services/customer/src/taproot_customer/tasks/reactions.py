"""What other services' events do to tasks."""

from __future__ import annotations

import uuid

from taproot.marketing.events.v1.journey_event_pb2 import JourneyEvent
from taproot_base import wire
from taproot_base.errors import NotFound
from taproot_chassis.events import Event
from taproot_customer.parents import Parent, find_parent
from taproot_customer.tasks import queries
from taproot_customer.tasks.handlers import add_task
from taproot_storage.database import UnitOfWork


async def on_task_requested(event: Event, work: UnitOfWork) -> None:
    """A journey asks for a task: made once per business key, for the customer's owner unless it names somebody."""
    asked = event.decode(JourneyEvent).task
    if await work.fetch_row(queries.by_business_key(asked.business_key)):
        return
    try:
        parent: Parent | None = await find_parent(work, uuid.UUID(asked.customer_id))
    except NotFound:
        return  # the customer is in the recycle bin: nobody is to be sent after him
    assert parent is not None
    values = {
        "display_name": asked.title,
        "body": asked.note,
        "due_time": wire.optional_instant(asked, "due_time"),
        "customer_id": parent.id,
        "owner_id": wire.optional_uuid(asked.assignee_id) or parent.owner_id,
        "branch_id": parent.branch_id,
        "branch_path": parent.branch_path,
        "business_key": asked.business_key,
    }
    await add_task(values, work)
