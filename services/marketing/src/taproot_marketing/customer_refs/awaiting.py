"""Customers whose own event may still be on its way: it travels on another stream than what happens to them."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from typing import Any

from taproot_base.errors import Unavailable
from taproot_marketing.customer_refs.queries import find_customer
from taproot_storage.database import UnitOfWork

PATIENCE_SECONDS = 30.0
"""How long this process waits for a customer. Not by the event's age: what an outage has delayed is old at once."""
_KEPT = 10_000
_missed: OrderedDict[uuid.UUID, float] = OrderedDict()
"""When a customer was first asked for in vain: nobody is waited for twice."""


async def awaited_customer(customer_id: uuid.UUID, work: UnitOfWork) -> Any:
    """The customer's row; None for one that never came.

    Raises Unavailable, which pauses the consumer, while it may still come.
    """
    customer = await find_customer(work, customer_id)
    if customer is None and may_come(customer_id):
        raise Unavailable("the customer is not known here yet")
    return customer


def may_come(customer_id: uuid.UUID) -> bool:
    """Whether a customer who is not known may still be on its way; patience begins with the first question."""
    now = time.monotonic()
    since = _missed.setdefault(customer_id, now)
    if len(_missed) > _KEPT:
        _missed.popitem(last=False)
    return now - since < PATIENCE_SECONDS
