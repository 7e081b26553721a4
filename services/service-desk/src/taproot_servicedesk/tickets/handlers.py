"""Use cases of tickets: `verb_noun(command, work) -> ticket`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, NotFound
from taproot_chassis.jobs import run_each
from taproot_chassis.placement import Placer, still_sees
from taproot_records.mapping import Values
from taproot_records.writing import patched
from taproot_servicedesk.customer_refs.queries import check_customer, find_customer
from taproot_servicedesk.entitlements.handlers import coverage_of
from taproot_servicedesk.queues.handlers import find_queue, pick_agent
from taproot_servicedesk.sla.keeping import Timekeeper
from taproot_servicedesk.sla.queries import clocks_of, due_tickets
from taproot_servicedesk.tickets import queries
from taproot_servicedesk.tickets.entries import SYSTEM, Author
from taproot_servicedesk.tickets.model import WORKING, PartsOpen, Placement, Ticket
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.updates import check_etag
from taproot_storage.visibility import unscoped, visible

CLAIMED = frozenset({"customer_id", "product_id", "product_code", "device_serial", "kind"})


@dataclass(frozen=True)
class Reply:
    body: str
    internal: bool = False
    from_customer: bool = False
    channel: str = ""
    attachments: Sequence[str] = field(default_factory=tuple)


def author() -> Author:
    """Who is behind a change: the caller."""
    principal = current_call().principal
    if principal.kind == "portal":
        return Author("customer", str(principal.party_id))
    return Author("staff", principal.subject) if principal.kind == "user" else SYSTEM


class Desk:
    """Takes tickets in hand: locked to the end of the transaction, with their clocks settled."""

    def __init__(self, work: UnitOfWork) -> None:
        self.work = work
        self.keeper = Timekeeper(work)
        self.now = work.clock.now()

    async def take(self, key: uuid.UUID, etag: str = "") -> Ticket:
        statement = select(Ticket).where(Ticket.id == key, Ticket.delete_time.is_(None), visible(Ticket))
        ticket: Ticket | None = await self.work.scalar(statement.with_for_update(of=Ticket.__table__))
        if ticket is None:
            raise NotFound("ticket", key)
        check_etag(etag, ticket.version)
        return await self._settled(ticket)

    async def take_any(self, key: uuid.UUID, reason: str) -> Ticket | None:
        """For what the service does itself."""
        statement = select(Ticket).where(Ticket.id == key, unscoped(Ticket, reason))
        ticket: Ticket | None = await self.work.scalar(statement.with_for_update(of=Ticket.__table__))
        return None if ticket is None else await self._settled(ticket)

    async def _settled(self, ticket: Ticket) -> Ticket:
        if not ticket.clocks:
            ticket.clocks.extend(await clocks_of(self.work, [ticket.id]))
        await self.keeper.settle(ticket)
        return ticket

    async def keep(self, *tickets: Ticket) -> None:
        """Store the entries the change has written."""
        for ticket in tickets:
            await self.work.add(*ticket.entries)
            ticket.entries.clear()


async def update_ticket(
    key: uuid.UUID, etag: str, values: Values, default_zone: str, work: UnitOfWork
) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    parent = values.get("parent_id")
    if parent is not None:
        await _check_parent(ticket, parent, work)
    if values.get("customer_id") and values["customer_id"] != ticket.customer_id:
        values = await _with_customer(values, work)
    ticket.change(patched(ticket, values), author(), desk.now)
    if not CLAIMED.isdisjoint(values):
        ticket.set_coverage(await coverage_of(ticket.customer_id, ticket.claim, default_zone, work))
        ticket.place_clocks()
    await desk.keeper.reclassified(ticket)
    await desk.keep(ticket)
    return ticket


async def _check_parent(ticket: Ticket, parent: uuid.UUID, work: UnitOfWork) -> None:
    line = await queries.line_of(work, parent)
    if not line:
        raise InvalidArgument([("ticket.parent_id", "there is no such ticket")])
    if ticket.id in line:
        raise InvalidArgument([("ticket.parent_id", "a ticket is no part of itself or of its own parts")])


async def _with_customer(values: Values, work: UnitOfWork) -> Values:
    """The caller was identified: the class of the customer counts from now on."""
    await check_customer(values["customer_id"], "ticket.customer_id", work)
    customer = await find_customer(work, values["customer_id"])
    return values if customer is None else values | {"value_class": customer.value_class}


@dataclass(frozen=True)
class Assign:
    owner_id: uuid.UUID | None = None
    queue_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None
    reason: str = ""


async def assign_ticket(key: uuid.UUID, etag: str, target: Assign, work: UnitOfWork) -> tuple[Ticket, bool]:
    """The ticket, and whether the caller still sees it."""
    if not (target.owner_id or target.queue_id or target.branch_id or target.team_id):
        raise InvalidArgument([("owner_id", "say to whom: an owner, queue, branch or team")])
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    ticket.place(await _placement(ticket, target, work), author(), target.reason, desk.now)
    await desk.keep(ticket)
    return ticket, still_sees(ticket, "tickets.read")


async def _placement(ticket: Ticket, target: Assign, work: UnitOfWork) -> Placement:
    owner, branch, team = target.owner_id, target.branch_id, target.team_id
    if target.queue_id is not None:
        queue = await find_queue(target.queue_id, work)
        owner = owner or await pick_agent(queue, work)
        branch, team = branch or queue.branch_id, team or queue.team_id
    place = await Placer("tickets", work).place(owner, branch or ticket.branch_id, "assign")
    return Placement(owner, target.queue_id, place.branch_id, place.branch_path, team)


async def reply_ticket(key: uuid.UUID, etag: str, reply: Reply, work: UnitOfWork) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    before, who = ticket.state, author()
    by_customer = who.kind == "customer" or (reply.from_customer and not reply.internal)
    if by_customer and who.kind != "customer":
        who = Author("customer", str(ticket.customer_id or ""))
    ticket.comment(
        reply.body,
        who,
        desk.now,
        internal=reply.internal and not by_customer,
        channel=reply.channel,
        attachments=list(reply.attachments),
    )
    if by_customer:
        await desk.keeper.asked_again(ticket, before)
    elif who.kind == "staff" and not reply.internal:
        await desk.keeper.answered(ticket)
    await desk.keep(ticket)
    return ticket


async def wait_ticket(key: uuid.UUID, etag: str, question: str, work: UnitOfWork) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    if question:
        ticket.comment(question, author(), desk.now, internal=False, channel="", attachments=[])
        await desk.keeper.answered(ticket)
    ticket.wait(author(), desk.now)
    await desk.keeper.waiting(ticket)
    await desk.keep(ticket)
    return ticket


async def resolve_ticket(
    key: uuid.UUID, etag: str, resolution: str, root_cause: str, work: UnitOfWork
) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    ticket.root_cause = root_cause or ticket.root_cause
    ticket.recurrence_of_id = await queries.recurrence_of(work, ticket)
    ticket.resolve(resolution, root_cause, author(), desk.now)
    await desk.keeper.resolved(ticket)
    await desk.keep(ticket)
    return ticket


async def close_ticket(key: uuid.UUID, etag: str, work: UnitOfWork) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    if await queries.has_open_parts(work, key):
        raise PartsOpen
    ticket.close(author(), desk.now)
    await desk.keep(ticket)
    return ticket


async def reopen_ticket(key: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    ticket.reopen(reason, author(), desk.now)
    await desk.keeper.reopened(ticket)
    await desk.keep(ticket)
    return ticket


async def escalate_ticket(key: uuid.UUID, etag: str, reason: str, target: Assign, work: UnitOfWork) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    place = Placement()
    if target.owner_id or target.queue_id:
        place = await _placement(ticket, target, work)
    ticket.escalate(place, "", reason, author(), desk.now)
    await desk.keep(ticket)
    return ticket


async def merge_tickets(key: uuid.UUID, etag: str, sources: Sequence[uuid.UUID], work: UnitOfWork) -> Ticket:
    """All are locked in the order of their keys, so that crossing merges wait for each other."""
    locked = {found.id: found for found in await work.scalars(queries.visible_tickets([key, *sources]))}
    missing = next((wanted for wanted in (key, *sources) if wanted not in locked), None)
    if missing is not None:
        raise NotFound("ticket", missing)
    desk = Desk(work)
    survivor = await desk.take(key, etag)
    merged = [await desk.take(source) for source in sources]
    for source in merged:
        source.merge_into(survivor, author(), desk.now)
        await desk.keeper.cancelled(source)
    survivor.absorb(merged, author(), desk.now)
    await desk.keep(survivor, *merged)
    return survivor


async def delete_ticket(key: uuid.UUID, etag: str, work: UnitOfWork) -> Ticket:
    desk = Desk(work)
    ticket = await desk.take(key, etag)
    ticket.delete(desk.now)
    await desk.keeper.shelved(ticket)
    return ticket


async def undelete_ticket(key: uuid.UUID, work: UnitOfWork) -> Ticket:
    statement = select(Ticket).where(Ticket.id == key, visible(Ticket)).with_for_update(of=Ticket.__table__)
    ticket: Ticket | None = await work.scalar(statement)
    if ticket is None:
        raise NotFound("ticket", key)
    ticket.clocks.extend(await clocks_of(work, [key]))
    ticket.undelete(work.clock.now())
    if ticket.state in WORKING:
        await Timekeeper(work).unshelved(ticket)
    return ticket


async def settle_due_tickets(database: Database) -> int:
    """Job: announce what has come due. Each ticket is a transaction of its own."""
    async with database.reading() as reader:
        due = await due_tickets(reader, database.clock.now())
    return await run_each(database, due, _settle)


async def _settle(key: uuid.UUID, work: UnitOfWork) -> None:
    desk = Desk(work)
    ticket = await desk.take_any(key, "promises fall due in every branch")
    if ticket is not None:
        await desk.keep(ticket)
