"""What touches a claimed customer keeps it with its owner."""

from __future__ import annotations

import uuid

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.v1.activity_pb2 import ACTIVITY_KIND_NOTE, ACTIVITY_STATE_DONE
from taproot_base import wire
from taproot_chassis.events import Event
from taproot_customer.pools import queries
from taproot_storage.database import UnitOfWork


async def on_activity(event: Event, work: UnitOfWork) -> None:
    """A note is no contact; what was to happen counts once it has."""
    activity = event.decode(ActivityEvent).activity
    if activity.state == ACTIVITY_STATE_DONE and activity.kind != ACTIVITY_KIND_NOTE:
        at = min(wire.from_timestamp(activity.start_time), work.clock.now())
        await queries.touch(work, uuid.UUID(activity.customer_id), at)
