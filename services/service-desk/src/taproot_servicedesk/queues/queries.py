"""Reads of queues."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Uuid, bindparam, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.servicedesk.v1 import queue_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.queues.model import Queue
from taproot_servicedesk.tickets.model import WORKING, Ticket
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

RESOURCE = resource_of(
    "queue",
    Queue,
    pb.Queue,
    "id display_name active rank kinds categories channels assignment member_ids branch_id team_id "
    "create_time update_time custom",
)
SHELF = Shelf(RESOURCE, Queue, pb.Queue)
_t = Ticket.__table__.c
_open = (_t.state.in_(WORKING), _t.delete_time.is_(None))
_waiting = Statement(
    lambda: select(
        exists().where(
            _t.queue_id == bindparam("queue_id"),
            *_open,
            unscoped(Ticket, "a queue may hold tickets of any branch"),
        )
    )
)
_load = Statement(
    lambda: (
        select(_t.owner_id, func.count().label("load"))
        .where(
            _t.owner_id == func.any(bindparam("members", type_=ARRAY(Uuid()))),
            *_open,
            unscoped(Ticket, "the load of an agent counts tickets of any branch"),
        )
        .group_by(_t.owner_id)
    )
)


async def has_open_tickets(reader: Reader, queue_id: uuid.UUID) -> bool:
    return bool(await reader.fetch_value(_waiting, queue_id=queue_id))


async def load_of(reader: Reader, members: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Open tickets by agent; agents without any are left out."""
    rows = await reader.fetch(_load, members=list(members))
    return {uuid.UUID(str(row["owner_id"])): row["load"] for row in rows}
