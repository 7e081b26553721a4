"""The clock of one promise. Pure: the state holds instants and used business time, so nothing depends on
how long a process lives; what is due at a given moment follows from the state alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from taproot_servicedesk.calendars.worktime import ZERO, WorkTime


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Alarm(StrEnum):
    """What becomes due on a clock."""

    WARNING = "warning"
    BREACH = "breach"
    ESCALATION = "escalation"


@dataclass(frozen=True)
class Promise:
    """How much business time is promised, when to warn, and when to escalate after the breach."""

    target: timedelta
    warning_percent: int = 80
    escalate_after: tuple[timedelta, ...] = ()

    @property
    def warning(self) -> timedelta:
        return self.target * self.warning_percent / 100


@dataclass(frozen=True)
class Clock:
    """`used` is the business time used up to `running_since`, or in all when the clock stands still."""

    promise: Promise
    start_time: datetime
    state: ClockState = ClockState.RUNNING
    used: timedelta = ZERO
    running_since: datetime | None = None
    stop_time: datetime | None = None
    warned: bool = False
    breached: bool = False
    steps_taken: int = 0

    @property
    def remaining(self) -> timedelta:
        """What is left of the promise for a clock that stands still; never negative."""
        return max(self.promise.target - self.used, ZERO)

    def instant_at(self, used: timedelta, calendar: WorkTime) -> datetime | None:
        """When the clock will have used so much; None while it stands still."""
        if self.running_since is None:
            return None
        return calendar.add(self.running_since, used - self.used)

    def due_time(self, calendar: WorkTime) -> datetime | None:
        return self.instant_at(self.promise.target, calendar)

    def warning_time(self, calendar: WorkTime) -> datetime | None:
        return self.instant_at(self.promise.warning, calendar)

    def elapsed(self, now: datetime, calendar: WorkTime) -> timedelta:
        if self.running_since is None:
            return self.used
        return self.used + calendar.measure(self.running_since, now)

    def next_alarm(self, calendar: WorkTime) -> tuple[Alarm, datetime] | None:
        """The next alarm not yet raised and when it is due; None when none will come by itself."""
        alarm, used = self._next_threshold()
        instant = None if used is None else self.instant_at(used, calendar)
        return None if instant is None else (alarm, instant)

    def _next_threshold(self) -> tuple[Alarm, timedelta | None]:
        if not (self.warned or self.breached):
            return Alarm.WARNING, min(self.promise.warning, self.promise.target)
        if not self.breached:
            return Alarm.BREACH, self.promise.target
        if self.steps_taken < len(self.promise.escalate_after):
            return Alarm.ESCALATION, self.promise.target + self.promise.escalate_after[self.steps_taken]
        return Alarm.ESCALATION, None


def start_clock(promise: Promise, at: datetime) -> Clock:
    return Clock(promise=promise, start_time=at, running_since=at)


def raise_due(clock: Clock, now: datetime, calendar: WorkTime) -> tuple[Clock, list[Alarm]]:
    """Marks and returns, in order, every alarm whose time has come. A repeat returns none of them again."""
    raised: list[Alarm] = []
    following = clock.next_alarm(calendar)
    while following is not None and following[1] <= now:
        raised.append(following[0])
        clock = _mark(clock, following[0])
        following = clock.next_alarm(calendar)
    return clock, raised


def _mark(clock: Clock, alarm: Alarm) -> Clock:
    if alarm is Alarm.WARNING:
        return replace(clock, warned=True)
    if alarm is Alarm.BREACH:
        return replace(clock, breached=True)
    return replace(clock, steps_taken=clock.steps_taken + 1)


def pause(clock: Clock, at: datetime, calendar: WorkTime) -> Clock:
    if clock.state is not ClockState.RUNNING:
        return clock
    return _halt(clock, ClockState.PAUSED, at, calendar)


def resume(clock: Clock, at: datetime) -> Clock:
    if clock.state is not ClockState.PAUSED:
        return clock
    return replace(clock, state=ClockState.RUNNING, running_since=at)


def stop(clock: Clock, at: datetime, calendar: WorkTime) -> Clock:
    """What was promised is done. A moment before the start counts as the start: elapsed is never negative."""
    if clock.state in (ClockState.STOPPED, ClockState.CANCELLED):
        return clock
    return replace(_halt(clock, ClockState.STOPPED, at, calendar), stop_time=max(at, clock.start_time))


def cancel(clock: Clock, at: datetime, calendar: WorkTime) -> Clock:
    if clock.state in (ClockState.STOPPED, ClockState.CANCELLED):
        return clock
    return replace(_halt(clock, ClockState.CANCELLED, at, calendar), stop_time=max(at, clock.start_time))


def restart(clock: Clock, at: datetime) -> Clock:
    """A stopped clock goes on with the time already used, as when a ticket is reopened."""
    if clock.state is not ClockState.STOPPED:
        return clock
    return replace(clock, state=ClockState.RUNNING, running_since=at, stop_time=None)


def retarget(clock: Clock, promise: Promise, at: datetime, calendar: WorkTime) -> Clock:
    """Another promise for a clock not yet stopped; the time used stays used, alarms raised stay raised.

    `calendar` is the one used so far.
    """
    if clock.state in (ClockState.STOPPED, ClockState.CANCELLED):
        return clock
    since = None if clock.running_since is None else max(at, clock.running_since)
    return replace(clock, promise=promise, used=clock.elapsed(at, calendar), running_since=since)


def _halt(clock: Clock, state: ClockState, at: datetime, calendar: WorkTime) -> Clock:
    used = clock.elapsed(at, calendar)
    late = used >= clock.promise.target
    return replace(clock, state=state, used=used, running_since=None, breached=clock.breached or late)
