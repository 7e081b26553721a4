"""Customers whose own event may still be on its way: it travels on another stream than what happens to them."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from typing import Any

from taproot_base.errors import Unavailable
from taproot_chassis.events import Event
from taproot_marketing.customer_refs.queries import find_customer
from taproot_storage.database import UnitOfWork

PATIENCE_SECONDS = 30.0
"""How long this process waits for a customer. Not by the event's age: what an outage has delayed is old at once."""
_KEPT = 10_000
_missed: OrderedDict[uuid.UUID, float] = OrderedDict()
"""When a customer was first asked for in vain: nobody is waited for twice."""


async def awaited_customer(event: Event, work: UnitOfWork) -> Any:
    """Row of the event's customer; None for one that never came.

    Raises Unavailable, which pauses the consumer, while it may still come.
    """
    assert event.party_id is not None
    customer = await find_customer(work, event.party_id)
    if customer is None and _may_come(event.party_id):
        raise Unavailable("the customer of this event is not known here yet")
    return customer


def _may_come(customer_id: uuid.UUID) -> bool:
    now = time.monotonic()
    since = _missed.setdefault(customer_id, now)
    if len(_missed) > _KEPT:
        _missed.popitem(last=False)
    return now - since < PATIENCE_SECONDS
