"""Promises of time: never negative, each alarm once, independent of when anybody looks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_servicedesk.calendars.worktime import AroundTheClock, BusinessCalendar, Hours, WorkTime
from taproot_servicedesk.sla.clock import (
    Alarm,
    Clock,
    ClockState,
    Promise,
    cancel,
    pause,
    raise_due,
    restart,
    resume,
    retarget,
    start_clock,
    stop,
)

START = datetime(2025, 3, 28, 8, tzinfo=UTC)
PLAIN = AroundTheClock()
OFFICE = BusinessCalendar(ZoneInfo("Europe/Berlin"), ((Hours(540, 1020),),) * 5 + ((), ()))
HOUR = timedelta(hours=1)
DAY = Promise(24 * HOUR, 80, (timedelta(), 2 * HOUR))

calendars = st.sampled_from([PLAIN, OFFICE])
gaps = st.timedeltas(timedelta(), timedelta(hours=30))
verbs = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "look", "stop", "restart"]), gaps), max_size=12
)


def play(
    clock: Clock, calendar: WorkTime, actions: list[tuple[str, timedelta]], look: bool
) -> tuple[Clock, list[Alarm]]:
    """Runs the actions as a handler does: what is due is raised first. `look` adds looks of a job."""
    now, raised = START, list[Alarm]()
    for verb, gap in actions:
        for part in (gap / 2, gap) if look else (gap,):
            clock, more = raise_due(clock, now + part, calendar)
            raised += more
        now += gap
        if verb == "pause":
            clock = pause(clock, now, calendar)
        elif verb == "resume":
            clock = resume(clock, now)
        elif verb == "stop":
            clock = stop(clock, now, calendar)
        elif verb == "restart":
            clock = restart(clock, now)
    clock, more = raise_due(clock, now + timedelta(days=60), calendar)
    return clock, raised + more


UNHURRIED = settings(deadline=None)  # time on a busy machine says nothing about the rule


class TestProperties:
    @UNHURRIED
    @given(calendars, verbs)
    def test_looking_more_often_changes_nothing(
        self, calendar: WorkTime, actions: list[tuple[str, timedelta]]
    ) -> None:
        seldom = play(start_clock(DAY, START), calendar, actions, look=False)
        often = play(start_clock(DAY, START), calendar, actions, look=True)
        assert seldom == often

    @UNHURRIED
    @given(calendars, verbs)
    def test_each_alarm_is_raised_at_most_once_and_in_order(
        self, calendar: WorkTime, actions: list[tuple[str, timedelta]]
    ) -> None:
        clock, raised = play(start_clock(DAY, START), calendar, actions, look=True)
        assert raised == [Alarm.WARNING, Alarm.BREACH, Alarm.ESCALATION, Alarm.ESCALATION][: len(raised)]
        assert clock.breached == (Alarm.BREACH in raised)

    @UNHURRIED
    @given(calendars, gaps, gaps, gaps)
    def test_a_pause_moves_the_due_time_by_business_time_only(
        self, calendar: WorkTime, before: timedelta, during: timedelta, after: timedelta
    ) -> None:
        paused = pause(start_clock(DAY, START), START + before, calendar)
        assert paused.due_time(calendar) is None
        running = resume(paused, START + before + during)
        stopped = stop(running, START + before + during + after, calendar)
        whole = calendar.measure(START, START + before + during + after)
        pausing = calendar.measure(START + before, START + before + during)
        assert stopped.used == whole - pausing

    @UNHURRIED
    @given(calendars, st.timedeltas(timedelta(days=-30), timedelta(days=30)))
    def test_elapsed_is_never_negative(self, calendar: WorkTime, offset: timedelta) -> None:
        stopped = stop(start_clock(DAY, START), START + offset, calendar)
        assert stopped.used >= timedelta()
        assert stopped.stop_time is not None
        assert stopped.stop_time >= stopped.start_time

    @UNHURRIED
    @given(calendars, gaps)
    def test_breached_is_what_due_time_says(self, calendar: WorkTime, gap: timedelta) -> None:
        clock = start_clock(DAY, START)
        due = clock.due_time(calendar)
        assert due is not None
        assert stop(clock, START + gap, calendar).breached == (due <= START + gap)


class TestRaiseDue:
    def test_warns_then_breaches_then_escalates(self) -> None:
        clock, raised = raise_due(start_clock(DAY, START), START + 20 * HOUR, PLAIN)
        assert raised == [Alarm.WARNING]
        clock, raised = raise_due(clock, START + 24 * HOUR, PLAIN)
        assert raised == [Alarm.BREACH, Alarm.ESCALATION]
        assert clock.next_alarm(PLAIN) == (Alarm.ESCALATION, START + 26 * HOUR)
        clock, raised = raise_due(clock, START + 90 * HOUR, PLAIN)
        assert raised == [Alarm.ESCALATION]
        assert clock.next_alarm(PLAIN) is None

    def test_nothing_comes_due_while_paused(self) -> None:
        clock = pause(start_clock(DAY, START), START + HOUR, PLAIN)
        assert raise_due(clock, START + 900 * HOUR, PLAIN) == (clock, [])


class TestVerbs:
    def test_restart_goes_on_with_the_time_used(self) -> None:
        clock = restart(stop(start_clock(DAY, START), START + 5 * HOUR, PLAIN), START + 10 * HOUR)
        assert clock.due_time(PLAIN) == START + 29 * HOUR

    def test_retarget_keeps_the_time_used(self) -> None:
        clock = retarget(start_clock(DAY, START), Promise(4 * HOUR), START + 3 * HOUR, PLAIN)
        assert clock.due_time(PLAIN) == START + 4 * HOUR
        late = retarget(start_clock(DAY, START), Promise(2 * HOUR), START + 3 * HOUR, PLAIN)
        assert late.due_time(PLAIN) == START + 3 * HOUR

    def test_verbs_out_of_turn_change_nothing(self) -> None:
        clock = cancel(start_clock(DAY, START), START + HOUR, PLAIN)
        assert clock.state is ClockState.CANCELLED
        assert pause(clock, START, PLAIN) == resume(clock, START) == stop(clock, START, PLAIN) == clock
        assert (
            restart(clock, START)
            == retarget(clock, DAY, START, PLAIN)
            == cancel(clock, START, PLAIN)
            == clock
        )
