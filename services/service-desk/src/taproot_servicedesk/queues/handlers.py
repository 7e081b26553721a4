"""Use cases of queues, and which queue and agent a ticket goes to."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from taproot_base.errors import InvalidArgument
from taproot_records.keeping import erase_record
from taproot_servicedesk.queues import queries
from taproot_servicedesk.queues.model import Queue, QueueInUse
from taproot_storage.database import UnitOfWork


async def delete_queue(key: uuid.UUID, etag: str, work: UnitOfWork) -> Queue:
    async def waits_nobody() -> None:
        if await queries.has_open_tickets(work, key):
            raise QueueInUse

    return await erase_record(Queue, key, etag, work, waits_nobody)


async def find_queue(key: uuid.UUID, work: UnitOfWork) -> Queue:
    """An active queue named by a caller."""
    queue: Queue | None = await work.scalar(select(Queue).where(Queue.id == key, Queue.active))
    if queue is None:
        raise InvalidArgument([("queue_id", "there is no such active queue")])
    return queue


async def route(kind: str, categories: frozenset[str], channel: str, work: UnitOfWork) -> Queue | None:
    """The first active queue by rank whose rule fits; None when none does."""
    found: list[Queue] = await work.scalars(select(Queue).where(Queue.active).order_by(Queue.rank, Queue.id))
    return next((queue for queue in found if queue.takes(kind, categories, channel)), None)


async def pick_agent(queue: Queue, work: UnitOfWork) -> uuid.UUID | None:
    """The agent whose turn it is. The queue stays locked, so that parallel tickets see each other's choice."""
    if queue.assignment != "least_loaded" or not queue.member_ids:
        return None
    await work.scalars(select(Queue).where(Queue.id == queue.id).with_for_update())
    await work.flush()
    return queue.pick_member(await queries.load_of(work, queue.member_ids))
