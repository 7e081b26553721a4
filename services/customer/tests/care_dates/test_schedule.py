"""On which days a care date is told of: properties over any date, any list of days ahead and any runs of the job."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_base.ids import new_id
from taproot_customer.care_dates.model import CareDate
from taproot_customer.care_dates.schedule import (
    Notice,
    day_reached,
    first_notice,
    notices_between,
    occurrence_in,
    zone_of,
)

DAY = dt.timedelta(days=1)
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
dates = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)) | st.sampled_from(
    [dt.date(1904, 2, 29), dt.date(2000, 2, 29), dt.date(2024, 2, 29), dt.date(2023, 12, 31)]
)
ahead = st.lists(st.integers(0, 366), min_size=1, max_size=10, unique=True)
now = st.dates(dt.date(2020, 1, 1), dt.date(2040, 12, 31))


def told(start: dt.date, days: list[int], since: dt.date, until: dt.date, *, yearly: bool) -> set[Notice]:
    """By trying every day: the oracle."""
    found = set()
    for offset in range((until - since).days + 1):
        for number in days:
            day = since + offset * DAY
            occurrence = day + number * DAY
            own = occurrence_in(start, occurrence.year) if yearly else start
            if occurrence == own and occurrence >= start:
                found.add(Notice(day, occurrence, number))
    return found


class TestNotices:
    @given(start=dates, days=ahead, since=now, length=st.integers(0, 800), yearly=st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_are_those_of_every_day_tried(self, start, days, since, length, yearly):
        until = since + length * DAY
        found = notices_between(start, days, since, until, yearly=yearly)
        assert found == sorted(told(start, days, since, until, yearly=yearly))

    @given(start=dates, days=ahead, since=now, yearly=st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_the_first_is_the_earliest_of_them(self, start, days, since, yearly):
        first = first_notice(start, days, since, yearly=yearly)
        later = max(since, start) + 800 * DAY
        assert first == next(iter(notices_between(start, days, since, later, yearly=yearly)), None)
        assert first is not None or not yearly

    @given(
        start=dates,
        days=ahead,
        since=now,
        runs=st.lists(st.integers(0, 500), min_size=1, max_size=12),
        yearly=st.booleans(),
    )
    @settings(max_examples=100, deadline=None)
    def test_each_is_taken_once_however_the_runs_fall(self, start, days, since, runs, yearly):
        """Runs that skip days, as after an outage, and runs that repeat a day take the same notices."""
        instant = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        values = {"kind": "other", "date": start, "recurrence": "yearly" if yearly else "once"}
        found = CareDate.create(new_id(), {**values, "days_before": days}, since, instant)
        reached = [since + step * DAY for step in itertools.accumulate(runs)]
        taken = [notice for day in reached for notice in found.take_due(day)]
        assert taken == notices_between(start, days, since, reached[-1], yearly=yearly)

    @pytest.mark.parametrize(
        ("year", "day"),
        [(2023, (2, 28)), (2024, (2, 29)), (2100, (2, 28)), (2000, (2, 29))],
    )
    def test_leap_day(self, year: int, day: tuple[int, int]):
        assert occurrence_in(dt.date(1996, 2, 29), year) == dt.date(year, *day)

    def test_the_last_day_there_is_can_be_told_of(self):
        end = dt.date(9999, 12, 31)
        assert first_notice(end, [30], dt.date(2026, 1, 1), yearly=False) == Notice(end - 30 * DAY, end, 30)
        assert first_notice(end, [0], dt.date(9999, 1, 1), yearly=True) == Notice(end, end, 0)


class TestDayReached:
    @pytest.mark.parametrize("name", ZONES)
    @given(start=st.datetimes(dt.datetime(2005, 1, 1), dt.datetime(2030, 1, 1)), hour=st.integers(0, 23))  # noqa: DTZ001  # hypothesis wants them so
    @settings(max_examples=25, deadline=None)
    def test_never_goes_back_and_comes_every_day(self, name, start, hour):
        """Ten days in half hours, over whatever the clocks do: 2011-12-30 did not exist in Apia."""
        zone, first = ZoneInfo(name), start.replace(tzinfo=dt.UTC)
        reached = [day_reached(first + n * dt.timedelta(minutes=30), zone, hour) for n in range(480)]
        steps = {(b - a).days for a, b in itertools.pairwise(reached)}
        assert steps <= {0, 1, 2}
        assert 2 not in steps or name == "Pacific/Apia"
        assert 9 <= (reached[-1] - reached[0]).days <= 11

    def test_an_hour_the_clocks_skip_comes_at_the_next(self):
        berlin = ZoneInfo("Europe/Berlin")
        before = dt.datetime(2026, 3, 29, 0, 59, tzinfo=dt.UTC)
        assert day_reached(before, berlin, 2) == dt.date(2026, 3, 28)
        assert day_reached(before + dt.timedelta(minutes=1), berlin, 2) == dt.date(2026, 3, 29)

    def test_the_first_zone_there_is(self):
        assert zone_of("Mars/Olympus", "", None, "../etc", "Asia/Tokyo", "UTC").key == "Asia/Tokyo"
        assert zone_of().key == "UTC"
