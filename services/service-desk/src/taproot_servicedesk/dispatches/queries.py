"""Reads of dispatches."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import bindparam, select

from taproot.servicedesk.v1 import dispatch_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.dispatches.model import ACCEPTED, DONE, OFFERED, Dispatch
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

RESOURCE = resource_of(
    "dispatch",
    Dispatch,
    pb.Dispatch,
    "id ticket_id station_id state attempt score offer_time expire_time answer_time done_time customer_id owner_id "
    "branch_id team_id create_time update_time",
    references=("customer_id",),
)
SHELF = Shelf(RESOURCE, Dispatch, pb.Dispatch)
ANY_BRANCH = unscoped(Dispatch, "offers of a ticket count whoever made them")
_c = Dispatch.__table__.c
_of_ticket = Statement(
    lambda: (
        select(_c.station_id, _c.state, _c.attempt)
        .where(_c.ticket_id == bindparam("ticket_id"), ANY_BRANCH)
        .order_by(_c.attempt)
    )
)
_lapsed = Statement(
    lambda: (
        select(_c.id)
        .where(_c.state == OFFERED, _c.expire_time <= bindparam("now"), ANY_BRANCH)
        .order_by(_c.expire_time)
        .limit(100)
    )
)


class Attempts:
    """What stations have been asked for a ticket."""

    def __init__(self, rows: list[tuple[uuid.UUID, str, int]]) -> None:
        self._rows = rows

    @property
    def stations(self) -> frozenset[uuid.UUID]:
        return frozenset(uuid.UUID(str(station)) for station, _, _ in self._rows)

    @property
    def open(self) -> bool:
        return any(state in (OFFERED, ACCEPTED) for _, state, _ in self._rows)

    @property
    def next_number(self) -> int:
        return max((attempt for _, _, attempt in self._rows), default=0) + 1

    @property
    def worked(self) -> uuid.UUID | None:
        """The station that did or does the work."""
        done = [station for station, state, _ in self._rows if state in (DONE, ACCEPTED)]
        return done[-1] if done else None


async def attempts_of(reader: Reader, ticket_id: uuid.UUID) -> Attempts:
    rows = await reader.fetch(_of_ticket, ticket_id=ticket_id)
    return Attempts([(row["station_id"], row["state"], row["attempt"]) for row in rows])


async def lapsed(reader: Reader, now: datetime) -> list[uuid.UUID]:
    return [row["id"] for row in await reader.fetch(_lapsed, now=now)]
