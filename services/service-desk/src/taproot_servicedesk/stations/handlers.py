"""Use cases of stations."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal

from taproot_records.mapping import Values
from taproot_records.writing import discard, find_any, load, moved, new_key, patched, placed
from taproot_servicedesk.stations import queries
from taproot_servicedesk.stations.model import Station, StationExists
from taproot_storage.database import UnitOfWork

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def create_station(chosen: str, values: Values, work: UnitOfWork) -> Station:
    if await queries.is_code_taken(work, values.get("code", "")):
        raise StationExists
    now = work.clock.now()
    station = Station(id=await new_key(work, Station, chosen), version=0, create_time=now)
    station.change(await placed(work, "stations", values), now)
    await work.add(station)
    return station


async def update_station(key: uuid.UUID, etag: str, values: Values, work: UnitOfWork) -> Station:
    station = await load(work, Station, key, etag)
    changed = patched(station, await moved(work, "stations", station, values))
    station.change(changed, work.clock.now())
    return station


async def delete_station(key: uuid.UUID, etag: str, work: UnitOfWork) -> Station:
    station = await load(work, Station, key, etag)
    station.delete(work.clock.now())
    await discard(work, station)
    return station


async def unflag_station(key: uuid.UUID, etag: str, work: UnitOfWork) -> Station:
    station = await load(work, Station, key, etag)
    station.unflag(work.clock.now())
    return station


async def rate_station(key: uuid.UUID, score: Decimal, work: UnitOfWork) -> None:
    """A survey has rated it."""
    station = await find_any(work, Station, key, "the customer rates whichever station did the work")
    if station is not None:
        station.rate(score, work.clock.now())
        await judge_station(station, work)


async def judge_station(station: Station, work: UnitOfWork) -> None:
    """Flag it when it fails by its scores or by the offers it let pass."""
    await work.flush()
    passed = await queries.recent_passed(work, station.id, station.unflag_time or LONG_AGO)
    station.judge(passed, work.clock.now())
