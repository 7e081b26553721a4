"""Keeping the promises of tickets: the one place where clocks start, pause, stop and fall due.

A ticket is loaded with a row lock and `settle` runs first, so whatever has come due is announced once,
by the job or by whoever touches the ticket before it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from taproot_base.ids import new_id
from taproot_servicedesk.calendars.queries import Calendars
from taproot_servicedesk.calendars.worktime import WorkTime
from taproot_servicedesk.sla import clock as rules
from taproot_servicedesk.sla.clock import Alarm, Clock, ClockState
from taproot_servicedesk.sla.matching import PolicyRule, Target, promises_for
from taproot_servicedesk.sla.model import SlaClock, step_of
from taproot_servicedesk.sla.queries import active_rules
from taproot_servicedesk.tickets.entries import SYSTEM
from taproot_servicedesk.tickets.model import WAITING, WORKING, Placement, Ticket
from taproot_storage.database import UnitOfWork

FIRST, NEXT, RESOLUTION = "first_response", "next_response", "resolution"
ACTIVE = (ClockState.RUNNING, ClockState.PAUSED)
Change = Callable[[Clock, WorkTime], Clock]


class Timekeeper:
    """For one unit of work; policies and calendars are read once."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._calendars = Calendars(work)
        self._rules: list[PolicyRule] | None = None

    @property
    def now(self) -> datetime:
        return self._work.clock.now()

    async def open(self, ticket: Ticket) -> None:
        """Start what is promised on a new ticket; of one loaded as history, measure what was done."""
        done = {FIRST: ticket.first_response_time, RESOLUTION: ticket.resolve_time or ticket.close_time}
        for metric in (FIRST, RESOLUTION):
            if ticket.historic and done[metric] is None:
                continue
            stored = await self._start(ticket, metric, ticket.open_time)
            if stored is not None and done[metric] is not None:
                await self._stop_at(stored, done[metric] or ticket.open_time)

    async def settle(self, ticket: Ticket) -> None:
        """Announce what has come due, and take the steps of the escalation chain."""
        for stored in list(ticket.clocks):
            if stored.next_time is None or stored.next_time > self.now:
                continue
            calendar = await self._calendars.get(stored.calendar_id)
            taken = stored.steps_taken
            clock, alarms = rules.raise_due(stored.clock, self.now, calendar)
            stored.keep(clock, calendar, self.now)
            for alarm in alarms:
                if alarm is Alarm.ESCALATION:
                    self._escalate(ticket, stored, taken)
                    taken += 1
                else:
                    stored.announce(alarm, self.now, ticket)

    def _escalate(self, ticket: Ticket, stored: SlaClock, number: int) -> None:
        step = step_of(stored.steps[number])
        place = Placement(owner_id=step.owner_id, queue_id=step.queue_id)
        reason = f"{stored.metric} overdue, step {number + 1}"
        ticket.escalate(place, step.priority, reason, SYSTEM, self.now, str(stored.id))

    async def answered(self, ticket: Ticket) -> None:
        """Staff has answered the customer."""
        await self._each(ticket, (FIRST, NEXT), lambda clock, calendar: rules.stop(clock, self.now, calendar))

    async def asked_again(self, ticket: Ticket, before: str) -> None:
        """The customer has written; `before` is the state the ticket was in."""
        await self._each(ticket, None, lambda clock, _: rules.resume(clock, self.now))
        if before not in WORKING:
            await self.reopened(ticket)
        waits = any(clock.metric in (FIRST, NEXT) and clock.state in ACTIVE for clock in ticket.clocks)
        if not waits and not ticket.historic:
            await self._start(ticket, NEXT, self.now)

    async def waiting(self, ticket: Ticket) -> None:
        for stored in ticket.clocks:
            if not stored.runs_while_waiting:
                await self._apply(stored, lambda clock, calendar: rules.pause(clock, self.now, calendar))

    async def resolved(self, ticket: Ticket) -> None:
        await self._each(ticket, None, lambda clock, calendar: rules.stop(clock, self.now, calendar))

    async def reopened(self, ticket: Ticket) -> None:
        """The promise to resolve goes on with the time already used."""
        stopped = [c for c in ticket.clocks if c.metric == RESOLUTION and c.state == ClockState.STOPPED]
        if stopped and not ticket.historic:
            await self._apply(stopped[-1], lambda clock, _: rules.restart(clock, self.now))

    async def cancelled(self, ticket: Ticket) -> None:
        await self._each(ticket, None, lambda clock, calendar: rules.cancel(clock, self.now, calendar))

    async def shelved(self, ticket: Ticket) -> None:
        """In the recycle bin nothing falls due."""
        await self._each(ticket, None, lambda clock, calendar: rules.pause(clock, self.now, calendar))

    async def unshelved(self, ticket: Ticket) -> None:
        for stored in ticket.clocks:
            if ticket.state != WAITING or stored.runs_while_waiting:
                await self._apply(stored, lambda clock, _: rules.resume(clock, self.now))

    async def reclassified(self, ticket: Ticket) -> None:
        """Promises anew for another kind, priority or category, with the time already used."""
        if ticket.historic or ticket.state not in WORKING:
            return
        promised = promises_for(ticket.facts, await self._known_rules())
        for stored in ticket.clocks:
            if stored.state in ACTIVE:
                await self._promise_anew(stored, promised.get(stored.metric))
        have = {stored.metric for stored in ticket.clocks}
        wanted = (FIRST, RESOLUTION) if ticket.first_response_time is None else (RESOLUTION,)
        for metric in wanted:
            if metric not in have:
                await self._start(ticket, metric, ticket.open_time)

    async def _promise_anew(self, stored: SlaClock, found: tuple[PolicyRule, Target] | None) -> None:
        before = await self._calendars.get(stored.calendar_id)
        if found is None:
            stored.keep(rules.cancel(stored.clock, self.now, before), before, self.now)
            return
        rule, target = found
        clock = rules.retarget(stored.clock, target.promise, self.now, before)
        stored.promise_anew(target, rule)
        stored.keep(clock, await self._calendars.get(rule.calendar_id), self.now)

    async def _start(self, ticket: Ticket, metric: str, at: datetime) -> SlaClock | None:
        found = promises_for(ticket.facts, await self._known_rules()).get(metric)
        if found is None:
            return None
        rule, target = found
        stored = SlaClock(
            id=new_id(),
            version=0,
            create_time=self.now,
            ticket_id=ticket.id,
            metric=metric,
            start_time=at,
            ticket_kind=ticket.kind,
            ticket_priority=ticket.priority,
            queue_id=ticket.queue_id,
        )
        stored.promise_anew(target, rule)
        clock = rules.start_clock(target.promise, at)
        stored.keep(clock, await self._calendars.get(rule.calendar_id), self.now)
        ticket.clocks.append(stored)
        ticket.place_clocks()
        await self._work.add(stored)
        return stored

    async def _stop_at(self, stored: SlaClock, at: datetime) -> None:
        """For history: what was late is marked so, and nothing is announced."""
        await self._apply(stored, lambda clock, calendar: rules.stop(clock, at, calendar))

    async def _each(self, ticket: Ticket, metrics: tuple[str, ...] | None, change: Change) -> None:
        for stored in ticket.clocks:
            if metrics is None or stored.metric in metrics:
                await self._apply(stored, change)

    async def _apply(self, stored: SlaClock, change: Change) -> None:
        calendar = await self._calendars.get(stored.calendar_id)
        clock = change(stored.clock, calendar)
        if clock != stored.clock:
            stored.keep(clock, calendar, self.now)

    async def _known_rules(self) -> list[PolicyRule]:
        if self._rules is None:
            self._rules = await active_rules(self._work)
        return self._rules
