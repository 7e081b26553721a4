"""Reads of stations."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from taproot.servicedesk.v1 import station_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.dispatches.model import OFFERED, Dispatch
from taproot_servicedesk.dispatches.scoring import Candidate
from taproot_servicedesk.stations.model import Station
from taproot_servicedesk.stations.rating import RECENT_OFFERS
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

RESOURCE = resource_of(
    "station",
    Station,
    pb.Station,
    "id display_name code active regions skills capacity open_dispatch_count rating rating_count flagged owner_id "
    "branch_id team_id create_time update_time custom",
)
SHELF = Shelf(RESOURCE, Station, pb.Station)
ANY_BRANCH = unscoped(Station, "the best station may belong to any branch")
_c = Station.__table__.c
_d = Dispatch.__table__.c
_NAMES = ("regions", "skills", "capacity", "open_dispatch_count", "rating", "flagged")
_candidates = Statement(
    lambda: select(_c.id, *(_c[name] for name in _NAMES)).where(
        _c.active, _c.open_dispatch_count < _c.capacity, ANY_BRANCH
    )
)
_reserve = Statement(
    lambda: (
        update(Station)
        .where(_c.id == bindparam("station_id"), _c.open_dispatch_count < _c.capacity, _c.active, ANY_BRANCH)
        .values(open_dispatch_count=_c.open_dispatch_count + 1)
    )
)
_taken = Statement(
    lambda: select(_c.id).where(_c.code == bindparam("code"), unscoped(Station, "codes are unique"))
)
_recent = Statement(
    lambda: (
        select(_d.state)
        .where(
            _d.station_id == bindparam("station_id"),
            _d.state != OFFERED,
            _d.offer_time > bindparam("since"),
            unscoped(Dispatch, "a station is judged by all its offers"),
        )
        .order_by(_d.offer_time.desc(), _d.id.desc())
        .limit(RECENT_OFFERS)
    )
)


async def candidates(reader: Reader) -> list[Candidate]:
    """Active stations with room."""
    return [_candidate(row) for row in await reader.fetch(_candidates)]


def _candidate(row: Any) -> Candidate:
    return Candidate(
        uuid.UUID(str(row["id"])),
        frozenset(row["regions"]),
        frozenset(row["skills"]),
        row["capacity"],
        row["open_dispatch_count"],
        row["rating"],
        row["flagged"],
    )


async def reserve(work: UnitOfWork, station_id: uuid.UUID) -> bool:
    """Take one of the station's places; False when it has none left, whoever was first."""
    return bool(await work.execute(_reserve, station_id=station_id))


async def is_code_taken(reader: Reader, code: str) -> bool:
    return await reader.fetch_value(_taken, code=code) is not None


async def recent_passed(reader: Reader, station_id: uuid.UUID, since: datetime) -> list[bool]:
    """Newest offers first; True where the station let one pass."""
    rows = await reader.fetch(_recent, station_id=station_id, since=since)
    return [row["state"] in ("refused", "timed_out") for row in rows]
