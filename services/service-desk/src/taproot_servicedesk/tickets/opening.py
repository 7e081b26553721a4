"""Use case: opening tickets, one or many, of today or of history."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, Violation
from taproot_chassis.placement import Placer, branch_path, caller_branch, caller_id
from taproot_records.checks import Checks
from taproot_records.mapping import Values
from taproot_records.writing import new_key
from taproot_servicedesk.customer_refs.queries import KnownCustomer, check_customer, find_customer
from taproot_servicedesk.entitlements.handlers import coverage_of
from taproot_servicedesk.queues.handlers import find_queue, pick_agent, route
from taproot_servicedesk.queues.model import Queue
from taproot_servicedesk.sla.keeping import Timekeeper
from taproot_servicedesk.tickets import queries
from taproot_servicedesk.tickets.model import HistoryNotAllowed, Ticket, TicketExists
from taproot_storage.database import UnitOfWork

HISTORY = ("state", "open_time", "first_response_time", "resolve_time", "close_time", "satisfaction_score")
TIMES = ("open_time", "first_response_time", "resolve_time", "close_time")


@dataclass(frozen=True)
class OpenTicket:
    """`values`: columns given by the caller. `path`: where its violations are told to be."""

    values: Values
    chosen_id: str = ""
    path: str = "ticket"
    origin: str | None = None


@dataclass
class Opener:
    """Opens tickets in one unit of work; what many of them need is read once."""

    work: UnitOfWork
    default_zone: str
    keeper: Timekeeper = field(init=False)
    placer: Placer = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Timekeeper(self.work)
        self.placer = Placer("tickets", self.work)

    async def open_all(self, commands: Sequence[OpenTicket]) -> list[Ticket]:
        """All or none. The caller holds the locks of the external ids."""
        await self._refuse_taken(commands)
        numbers = await queries.next_numbers(self.work, len(commands))
        return [await self._one(command, number) for command, number in zip(commands, numbers, strict=True)]

    async def _refuse_taken(self, commands: Sequence[OpenTicket]) -> None:
        given = external_ids(commands)
        if len(set(given)) < len(given) or await queries.taken_external_ids(self.work, given):
            raise TicketExists

    async def _one(self, command: OpenTicket, number: str) -> Ticket:
        try:
            return await self._opened(command, number)
        except InvalidArgument as error:
            named = [_under(command.path, violation) for violation in error.violations]
            raise InvalidArgument(named) from error

    async def _opened(self, command: OpenTicket, number: str) -> Ticket:
        now = self.work.clock.now()
        values = dict(command.values)
        checks, history = Checks(), None
        with checks:
            history = _history_of(values, now)
        customer_id = _customer_of(values)
        with checks:
            if command.origin is None:  # what follows of itself from a record has its customer from there
                await check_customer(customer_id, "ticket.customer_id", self.work)
        customer = await find_customer(self.work, customer_id)
        key = await new_key(self.work, Ticket, command.chosen_id)
        with checks:
            await self._check_parent(values.get("parent_id"))
        checks.done()
        queue = await self._queue(values, historic=history is not None)
        values |= _known_of(customer, values) | {"open_time": values.get("open_time") or now}
        values |= await self._place(values, queue, customer, historic=history is not None)
        ticket = Ticket(id=key, version=0, number=number, origin=command.origin, **values)
        ticket.set_coverage(await coverage_of(ticket.customer_id, ticket.claim, self.default_zone, self.work))
        await self.work.add(ticket)
        if history is None:
            ticket.open(now)
        else:
            ticket.load_history(history, now)
        await self.keeper.open(ticket)
        return ticket

    async def _check_parent(self, parent_id: uuid.UUID | None) -> None:
        if parent_id is not None and not await queries.line_of(self.work, parent_id):
            raise InvalidArgument([("ticket.parent_id", "there is no such ticket")])

    async def _queue(self, values: Values, *, historic: bool) -> Queue | None:
        if values.get("queue_id"):
            return await find_queue(values["queue_id"], self.work)
        if historic:
            return None
        categories = frozenset(values.get("categories", ()))
        return await route(
            values.get("kind") or "inquiry", categories, values.get("channel") or "web", self.work
        )

    async def _place(
        self, values: Values, queue: Queue | None, customer: KnownCustomer | None, *, historic: bool
    ) -> Values:
        """Queue, agent, team and branch. What a customer or service opens falls to the customer's branch."""
        owner = values.get("owner_id")
        if owner is None and not historic:
            owner = await pick_agent(queue, self.work) if queue is not None else caller_id()
        team = values.get("team_id") or (queue.team_id if queue else None)
        branch = values.get("branch_id") or (queue.branch_id if queue else None)
        home = customer.branch_id if customer else None
        found = {"queue_id": queue.id if queue else None, "team_id": team, "owner_id": owner}
        if current_call().principal.kind != "user":
            branch = branch or home
            return found | {"branch_id": branch, "branch_path": _path(branch)}
        place = await self.placer.place(owner, branch or caller_branch() or home)
        return found | {"branch_id": place.branch_id, "branch_path": place.branch_path}


def _path(branch: uuid.UUID | None) -> str:
    return branch_path(branch) if branch and str(branch) in current_call().directory.branches else ""


def _customer_of(values: Values) -> uuid.UUID | None:
    """A customer of the portal opens tickets of its own only."""
    principal = current_call().principal
    if principal.kind == "portal":
        values["customer_id"] = uuid.UUID(str(principal.party_id))
        for name in ("owner_id", "branch_id", "team_id", "queue_id", "parent_id", "external_id"):
            values.pop(name, None)
    found: uuid.UUID | None = values.get("customer_id")
    return found


def _known_of(customer: KnownCustomer | None, values: Values) -> Values:
    if customer is None:
        return {}
    return {"value_class": customer.value_class, "region": values.get("region") or customer.region}


def _history_of(values: Values, now: datetime) -> str | None:
    """The state of a ticket loaded as history; None for one of today. Checks the right to do so."""
    given = [name for name in HISTORY if values.get(name)]
    if not given:
        return None
    call = current_call()
    if call.directory.reach(call.principal, "tickets.import") is None:
        raise HistoryNotAllowed(given)
    state: str = values.pop("state", "") or "new"
    times = [values[name] for name in TIMES if values.get(name)]
    if any(time > now for time in times):
        raise InvalidArgument([("ticket.open_time", "history does not lie in the future")])
    values["open_time"] = values.get("open_time") or min(times, default=now)
    return state


def _under(path: str, violation: Violation) -> Violation:
    tail = violation.field.removeprefix("ticket.")
    return Violation(f"{path}.{tail}", violation.description)


async def open_ticket(command: OpenTicket, default_zone: str, work: UnitOfWork) -> Ticket:
    return (await Opener(work, default_zone).open_all([command]))[0]


def external_ids(commands: Sequence[OpenTicket]) -> list[str]:
    """What parallel creates must not take twice."""
    return [command.values["external_id"] for command in commands if command.values.get("external_id")]
