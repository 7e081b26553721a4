"""Business time: exact, monotone, right over clock changes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_servicedesk.calendars.worktime import (
    AroundTheClock,
    BusinessCalendar,
    Hours,
    NeverOpenError,
    PublicHolidays,
    check_disjoint,
    instant_of,
)

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
OFFICE = (Hours(9 * 60, 17 * 60),)
SPLIT = (Hours(9 * 60, 12 * 60), Hours(13 * 60, 18 * 60))
NIGHT = (Hours(0, 150), Hours(150, 200), Hours(22 * 60, 24 * 60))


def hours_of_day() -> st.SearchStrategy[tuple[Hours, ...]]:
    edges = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(sorted)
    return edges.map(lambda marks: tuple(Hours(a, b) for a, b in zip(marks[::2], marks[1::2], strict=False)))


@st.composite
def calendars(draw: st.DrawFn) -> BusinessCalendar:
    days = [
        draw(st.one_of(st.just(()), st.sampled_from([OFFICE, SPLIT, NIGHT]), hours_of_day()))
        for _ in range(7)
    ]
    if sum(hours.end - hours.start for day in days for hours in day) < 60:  # minutes a week
        days[draw(st.integers(0, 6))] = OFFICE
    special = draw(
        st.dictionaries(
            st.dates(date(2024, 1, 1), date(2025, 12, 31)), st.sampled_from([(), OFFICE, NIGHT]), max_size=5
        )
    )
    return BusinessCalendar(ZoneInfo(draw(st.sampled_from(ZONES))), tuple(days), special)


# Hypothesis takes naive bounds and adds the zone itself.
FROM, UNTIL = datetime(2024, 1, 1), datetime(2025, 12, 31)  # noqa: DTZ001
instants = st.datetimes(FROM, UNTIL, timezones=st.just(UTC))
amounts = st.timedeltas(timedelta(), timedelta(hours=120))


UNHURRIED = settings(deadline=None)  # time on a busy machine says nothing about the rule


class TestProperties:
    @UNHURRIED
    @given(calendars(), instants, amounts)
    def test_measures_what_was_added(
        self, calendar: BusinessCalendar, start: datetime, amount: timedelta
    ) -> None:
        assert calendar.measure(start, calendar.add(start, amount)) == amount

    @UNHURRIED
    @given(calendars(), instants, amounts, amounts)
    def test_adding_in_two_steps_is_adding_once(
        self, calendar: BusinessCalendar, start: datetime, first: timedelta, second: timedelta
    ) -> None:
        assert calendar.add(calendar.add(start, first), second) == calendar.add(start, first + second)

    @UNHURRIED
    @given(calendars(), instants, instants, amounts)
    def test_later_start_is_never_due_sooner(
        self, calendar: BusinessCalendar, one: datetime, other: datetime, amount: timedelta
    ) -> None:
        early, late = min(one, other), max(one, other)
        assert calendar.add(early, amount) <= calendar.add(late, amount)

    @UNHURRIED
    @given(calendars(), st.lists(instants, min_size=3, max_size=3).map(sorted))
    def test_parts_add_up_and_never_exceed_real_time(
        self, calendar: BusinessCalendar, points: list[datetime]
    ) -> None:
        start, middle, end = points
        whole = calendar.measure(start, end)
        assert calendar.measure(start, middle) + calendar.measure(middle, end) == whole
        assert timedelta() <= whole <= end - start

    @UNHURRIED
    @given(calendars(), instants, instants)
    def test_backwards_is_zero(self, calendar: BusinessCalendar, one: datetime, other: datetime) -> None:
        assert calendar.measure(max(one, other), min(one, other)) == timedelta()

    @UNHURRIED
    @given(st.sampled_from(ZONES), st.dates(date(2024, 1, 1), date(2025, 12, 31)))
    def test_local_times_keep_their_order(self, zone: str, day: date) -> None:
        found = [instant_of(day, minute, ZoneInfo(zone)) for minute in range(0, 1441, 5)]
        assert found == sorted(found)
        assert found[-1] == instant_of(day + timedelta(days=1), 0, ZoneInfo(zone))


class TestClockChange:
    def test_spring_night_has_an_hour_less(self) -> None:
        berlin = BusinessCalendar(ZoneInfo("Europe/Berlin"), ((Hours(0, 1440),),) * 7)
        start = instant_of(date(2025, 3, 30), 0, berlin.zone)
        assert berlin.measure(start, instant_of(date(2025, 3, 31), 0, berlin.zone)) == timedelta(hours=23)

    def test_autumn_night_has_an_hour_more(self) -> None:
        berlin = BusinessCalendar(ZoneInfo("Europe/Berlin"), ((Hours(0, 1440),),) * 7)
        start = instant_of(date(2025, 10, 26), 0, berlin.zone)
        assert berlin.measure(start, instant_of(date(2025, 10, 27), 0, berlin.zone)) == timedelta(hours=25)

    def test_skipped_times_stand_for_the_moment_of_change(self) -> None:
        zone = ZoneInfo("Europe/Berlin")
        change = datetime(2025, 3, 30, 1, tzinfo=UTC)
        assert {instant_of(date(2025, 3, 30), minute, zone) for minute in (120, 130, 179, 180)} == {change}

    def test_office_hours_do_not_move_with_the_clock(self) -> None:
        calendar = BusinessCalendar(ZoneInfo("America/New_York"), (OFFICE,) * 7)
        due = calendar.add(datetime(2025, 3, 8, 21, tzinfo=UTC), timedelta(hours=2))
        assert due == datetime(2025, 3, 9, 14, tzinfo=UTC)


class TestDays:
    week = (OFFICE,) * 5 + ((), ())

    def test_skips_the_weekend(self) -> None:
        calendar = BusinessCalendar(ZoneInfo("UTC"), self.week)
        friday = datetime(2025, 1, 3, 16, tzinfo=UTC)
        assert calendar.add(friday, timedelta(hours=2)) == datetime(2025, 1, 6, 10, tzinfo=UTC)

    def test_skips_public_holidays(self) -> None:
        calendar = BusinessCalendar(
            ZoneInfo("Europe/Berlin"), self.week, public_holidays=PublicHolidays("DE", "BY")
        )
        assert calendar.hours_of(date(2025, 12, 25)) == ()
        assert calendar.hours_of(date(2025, 12, 24)) == OFFICE

    def test_works_on_a_moved_weekend(self) -> None:
        calendar = BusinessCalendar(
            ZoneInfo("Asia/Shanghai"), self.week, public_holidays=PublicHolidays("CN")
        )
        assert calendar.hours_of(date(2025, 10, 1)) == ()
        assert calendar.hours_of(date(2025, 9, 28)) == OFFICE
        assert calendar.hours_of(date(2025, 9, 27)) == ()

    def test_special_day_goes_before_the_holiday(self) -> None:
        calendar = BusinessCalendar(
            ZoneInfo("Asia/Shanghai"), self.week, {date(2025, 10, 1): SPLIT}, PublicHolidays("CN")
        )
        assert calendar.hours_of(date(2025, 10, 1)) == SPLIT

    def test_never_open_is_told(self) -> None:
        calendar = BusinessCalendar(ZoneInfo("UTC"), ((),) * 7)
        with pytest.raises(NeverOpenError):
            calendar.add(datetime(2025, 1, 1, tzinfo=UTC), timedelta(seconds=1))

    def test_overlapping_hours_are_refused(self) -> None:
        with pytest.raises(ValueError, match="overlap"):
            check_disjoint([Hours(60, 120), Hours(100, 140)])


def test_around_the_clock_is_plain_time() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    assert AroundTheClock().measure(start, AroundTheClock().add(start, timedelta(days=3))) == timedelta(
        days=3
    )
