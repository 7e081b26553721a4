"""Merges of customers, for what is kept per customer here and must follow them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_base.errors import Unavailable
from taproot_chassis.events import Event
from taproot_marketing.customer_refs.model import CUSTOMERS
from taproot_storage.database import UnitOfWork


@dataclass(frozen=True)
class Merge:
    """`id` is the same for a merge and its undoing; `sources` were merged into `root`, or set free again."""

    id: str
    root: uuid.UUID
    sources: tuple[uuid.UUID, ...]
    undone: bool


async def awaited_merge(event: Event, work: UnitOfWork) -> Merge:
    """The merge of an event, once the projection has it: what comes later finds the survivor.

    Raises Unavailable, which pauses the consumer, until then.
    """
    known = await CUSTOMERS.version(work, event.aggregate_id)
    if known is None or known < event.version:
        raise Unavailable("the projection of customers is behind this event")
    merge = event.decode(CustomerEvent).merge
    sources = tuple(uuid.UUID(source) for source in merge.source_ids)
    return Merge(merge.merge_id, event.aggregate_id, sources, event.name == "unmerged")
