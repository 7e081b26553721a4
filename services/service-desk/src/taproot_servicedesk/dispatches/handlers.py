"""Use cases of dispatches: offering a repair to the best station, and what the station answers.

A place at a station is taken by one conditional statement, so parallel dispatches never overload it;
the ticket's row lock and the unique index see to one open dispatch per ticket.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select

from taproot_base.errors import InvalidArgument, WrongState
from taproot_base.ids import new_id
from taproot_chassis.jobs import run_each
from taproot_records.writing import find_any, load
from taproot_servicedesk.dispatches import queries
from taproot_servicedesk.dispatches.model import OFFERED, Dispatch, DispatchOpen, NoStation
from taproot_servicedesk.dispatches.scoring import Job, Score, rank
from taproot_servicedesk.stations.handlers import judge_station
from taproot_servicedesk.stations.model import Station
from taproot_servicedesk.stations.queries import candidates, reserve
from taproot_servicedesk.tickets.entries import SYSTEM, Author
from taproot_servicedesk.tickets.handlers import Desk, author
from taproot_servicedesk.tickets.model import WORKING, Placement, Ticket
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.visibility import visible

ANY_STATION = "the station may belong to any branch"


async def dispatch_ticket(
    key: uuid.UUID, etag: str, station_id: uuid.UUID | None, work: UnitOfWork
) -> Dispatch:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    ticket.require(*WORKING)
    if ticket.kind != "repair":
        raise WrongState("the ticket", ticket.kind.upper(), ["REPAIR"])
    attempts = await queries.attempts_of(work, key)
    if attempts.open:
        raise DispatchOpen
    if station_id is None:
        dispatch = await _offer_best(ticket, attempts, author(), work)
    else:
        dispatch = await _offer_named(ticket, attempts, station_id, work)
    if dispatch is None:
        raise NoStation
    await desk.keep(ticket)
    return dispatch


async def _offer_best(
    ticket: Ticket, attempts: queries.Attempts, who: Author, work: UnitOfWork
) -> Dispatch | None:
    """The best station that still has a place when its turn comes; None when there is none."""
    job = Job(ticket.region, ticket.product_code, attempts.stations)
    for score in rank(await candidates(work), job):
        if await reserve(work, score.station_id):
            return await _offer(ticket, attempts.next_number, score.station_id, score, who, work)
    return None


async def _offer_named(
    ticket: Ticket, attempts: queries.Attempts, station_id: uuid.UUID, work: UnitOfWork
) -> Dispatch:
    if await work.scalar(select(Station).where(Station.id == station_id, visible(Station))) is None:
        raise InvalidArgument([("station_id", "there is no such station")])
    if not await reserve(work, station_id):
        raise NoStation
    return await _offer(ticket, attempts.next_number, station_id, None, author(), work)


async def _offer(
    ticket: Ticket, attempt: int, station_id: uuid.UUID, score: Score | None, who: Author, work: UnitOfWork
) -> Dispatch:
    now = work.clock.now()
    station = await _station(station_id, work)
    dispatch = Dispatch(
        id=new_id(),
        version=0,
        ticket_id=ticket.id,
        display_name=f"{ticket.number} {ticket.display_name}",
        station_id=station_id,
        attempt=attempt,
        expire_time=now + timedelta(minutes=station.offer_minutes),
        customer_id=ticket.customer_id,
        owner_id=ticket.owner_id,
        branch_id=ticket.branch_id,
        branch_path=ticket.branch_path,
        team_id=ticket.team_id,
    )
    dispatch.offer(score, station, now)
    await work.add(dispatch)
    ticket.write(who, now, "dispatch", body=f"offered to {station.display_name}", value=OFFERED)
    return dispatch


async def _station(station_id: uuid.UUID, work: UnitOfWork) -> Station:
    station = await find_any(work, Station, station_id, ANY_STATION)
    assert station is not None, "a station with open dispatches cannot be deleted"
    return station


# What becomes of an offer.


async def accept_dispatch(key: uuid.UUID, etag: str, work: UnitOfWork) -> Dispatch:
    case = await _Case.take(key, etag, work)
    case.dispatch.accept(case.station, work.clock.now())
    await case.keep("accepted")
    return case.dispatch


async def refuse_dispatch(key: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Dispatch:
    case = await _Case.take(key, etag, work)
    case.dispatch.refuse(reason, case.station, work.clock.now())
    await case.passed("refused", author())
    return case.dispatch


async def complete_dispatch(key: uuid.UUID, etag: str, result: str, work: UnitOfWork) -> Dispatch:
    case = await _Case.take(key, etag, work)
    case.dispatch.complete(result, case.station, work.clock.now())
    case.free()
    await case.keep("done")
    return case.dispatch


async def cancel_dispatch(key: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Dispatch:
    case = await _Case.take(key, etag, work)
    case.dispatch.cancel(reason, case.station, work.clock.now())
    case.free()
    await case.keep("cancelled")
    return case.dispatch


async def time_out_dispatches(database: Database) -> int:
    """Job: offers nobody answered go to the next station. Each is a transaction of its own."""
    async with database.reading() as reader:
        due = await queries.lapsed(reader, database.clock.now())
    return await run_each(database, due, _time_out)


async def _time_out(key: uuid.UUID, work: UnitOfWork) -> None:
    dispatch = await find_any(work, Dispatch, key, "offers lapse in every branch")
    now = work.clock.now()
    if dispatch is None or dispatch.state != OFFERED or dispatch.expire_time > now:
        return
    case = await _Case.of(dispatch, work)
    dispatch.time_out(case.station, now)
    await case.passed("timed_out", SYSTEM)


class _Case:
    """A dispatch in hand with its ticket and station, all locked."""

    def __init__(self, dispatch: Dispatch, ticket: Ticket, station: Station, desk: Desk) -> None:
        self.dispatch = dispatch
        self.station = station
        self._ticket = ticket
        self._desk = desk
        self._work = desk.work

    @classmethod
    async def take(cls, key: uuid.UUID, etag: str, work: UnitOfWork) -> _Case:
        return await cls.of(await load(work, Dispatch, key, etag), work)

    @classmethod
    async def of(cls, dispatch: Dispatch, work: UnitOfWork) -> _Case:
        desk = Desk(work)
        ticket = await desk.take_any(dispatch.ticket_id, "the ticket of a dispatch the caller may change")
        assert ticket is not None, "tickets are never deleted for good"
        return cls(dispatch, ticket, await _station(dispatch.station_id, work), desk)

    def free(self) -> None:
        """The station, whose row is locked, has one place more."""
        self.station.open_dispatch_count = max(self.station.open_dispatch_count - 1, 0)

    async def keep(self, value: str, who: Author | None = None) -> None:
        note = self.dispatch.note
        body = f"{self.station.display_name}: {note}" if note else self.station.display_name
        self._ticket.write(who or author(), self._desk.now, "dispatch", body=body, value=value)
        await self._desk.keep(self._ticket)

    async def passed(self, value: str, who: Author) -> None:
        """The station let the offer pass: it is judged, and the next best is asked."""
        self.free()
        await self.keep(value, who)
        await judge_station(self.station, self._work)
        if self._ticket.state in WORKING:
            attempts = await queries.attempts_of(self._work, self._ticket.id)
            if await _offer_best(self._ticket, attempts, SYSTEM, self._work) is None:
                reason = "no station is left to take the repair"
                self._ticket.escalate(Placement(), "", reason, SYSTEM, self._desk.now)
        await self._desk.keep(self._ticket)
