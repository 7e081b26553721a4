"""Rules over wall clocks, series with changes, and when they remind."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_customer.recurrence.rules import BadRule, Rule, ended_before, same_day_rule
from taproot_customer.recurrence.series import Change, Series

NEW_YORK = ZoneInfo("America/New_York")
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def at(*parts: int, zone: dt.tzinfo = NEW_YORK) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=zone).astimezone(dt.UTC)


def first(count: int, text: str, start: dt.datetime, zone: ZoneInfo = NEW_YORK) -> list[str]:
    rule = Rule(start, text, zone)
    rule.check()
    return [f"{each.astimezone(zone):%m-%d %H:%M}" for each in islice(rule.since(start), count)]


class TestRule:
    @pytest.mark.parametrize(
        ("text", "start", "expected"),
        [
            (
                "FREQ=DAILY",
                (2027, 3, 13, 9),
                ["03-13 09:00", "03-14 09:00", "03-15 09:00"],
            ),  # clocks go forward
            (
                "FREQ=DAILY",
                (2027, 3, 13, 2, 30),
                ["03-13 02:30", "03-14 03:30", "03-15 02:30"],
            ),  # an hour skipped
            ("FREQ=WEEKLY", (2027, 11, 1, 9), ["11-01 09:00", "11-08 09:00", "11-15 09:00"]),  # and back
            ("FREQ=MONTHLY", (2027, 1, 31, 9), ["01-31 09:00", "03-31 09:00", "05-31 09:00"]),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", (2027, 1, 31, 9), ["01-31 09:00", "02-28 09:00", "03-31 09:00"]),
            ("FREQ=MONTHLY;BYDAY=-1FR", (2027, 1, 29, 9), ["01-29 09:00", "02-26 09:00", "03-26 09:00"]),
            ("FREQ=DAILY;COUNT=2", (2027, 1, 1, 9), ["01-01 09:00", "01-02 09:00"]),
            ("FREQ=DAILY;UNTIL=20270102T140000Z", (2027, 1, 1, 9), ["01-01 09:00", "01-02 09:00"]),
            ("FREQ=DAILY;UNTIL=20270102T135959Z", (2027, 1, 1, 9), ["01-01 09:00"]),
        ],
    )
    def test_keeps_the_hour_of_the_clock(self, text: str, start: tuple[int, ...], expected: list[str]):
        assert first(3, text, at(*start)) == expected

    @pytest.mark.parametrize(
        ("recurrence", "start", "expected"),
        [
            ("monthly", (2027, 1, 31, 9), ["01-31", "02-28", "03-31", "04-30"]),
            ("monthly", (2028, 1, 30, 9), ["01-30", "02-29", "03-30", "04-30"]),
            ("yearly", (2028, 2, 29, 9), ["02-29", "02-28", "02-28", "02-28"]),
        ],
    )
    def test_the_same_day_comes_back(self, recurrence: str, start: tuple[int, ...], expected: list[str]):
        moment = at(*start)
        found = first(4, same_day_rule(recurrence, dt.date(*start[:3])), moment)
        assert [each[:5] for each in found] == expected

    @pytest.mark.parametrize(
        "text",
        [
            "FREQ=HOURLY", "FREQ=DAILY;COUNT=2;UNTIL=20280101T000000Z", "FREQ=DAILY;UNTIL=20280101", "COUNT=3",
            "FREQ=DAILY;COUNT=1001", "FREQ=WEEKLY;BYDAY=SU", "FREQ=DAILY;X=1", "FREQ=MONTHLY;BYMONTHDAY=x",
            "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;UNTIL=20200101T000000Z", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "",
            "RRULE:FREQ=DAILY", "FREQ=DAILY;FREQ=DAILY", "FREQ=MONTHLY;BYMONTHDAY=99",
        ],
    )  # fmt: skip
    def test_refuses(self, text: str):
        with pytest.raises(BadRule):
            Rule(at(2027, 1, 1, 9), text or ";", NEW_YORK).check()

    @settings(max_examples=60, deadline=None)
    @given(
        text=st.sampled_from(
            [
                "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR", "FREQ=MONTHLY;BYDAY=2WE",
                "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1,3", "FREQ=DAILY", "FREQ=YEARLY",
                "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,WE;WKST=SU",
            ]
        ),
        days=st.integers(0, 1500),
    )  # fmt: skip
    def test_a_late_window_is_the_tail_of_an_early_one(self, text: str, days: int):
        start = at(2026, 1, 7, 9)
        rule = Rule(start, text, NEW_YORK)
        since = start + dt.timedelta(days=days, hours=5)
        whole = [each for each in rule.between(start, since + 40 * DAY) if each >= since]
        assert list(rule.between(since, since + 40 * DAY)) == whole

    def test_ends(self):
        start = at(2027, 1, 1, 9)
        assert Rule(start, "FREQ=DAILY", NEW_YORK).last is None
        assert Rule(start, "FREQ=DAILY;COUNT=3", NEW_YORK).last == at(2027, 1, 3, 9)
        cut = ended_before("FREQ=DAILY;COUNT=9", at(2027, 1, 3, 9))
        assert list(Rule(start, cut, NEW_YORK).since(start)) == [start, at(2027, 1, 2, 9)]


class TestSeries:
    start = at(2027, 1, 4, 9)
    rule = Rule(start, "FREQ=DAILY;COUNT=5", NEW_YORK)

    def test_moved_and_cancelled(self):
        series = (
            Series(self.rule)
            .changed(Change(self.start + DAY, self.start + 9 * DAY))
            .changed(Change(self.start + 2 * DAY))
        )
        starts = [each.start for each in series.occurrences(self.start, self.start + 30 * DAY)]
        assert starts == [self.start, self.start + 3 * DAY, self.start + 4 * DAY, self.start + 9 * DAY]
        assert series.last == self.start + 9 * DAY
        assert series.occurrences(self.start + 9 * DAY, self.start + 9 * DAY) == []
        assert Series.of(self.start, series.stored()) == series

    def test_changes_move_along_with_the_start(self):
        series = Series(self.rule).changed(Change(self.start + DAY))
        later = series.revised(Rule(self.start + HOUR, self.rule.text, NEW_YORK))
        assert list(later.changes) == [self.start + DAY + HOUR]
        weekly = series.revised(Rule(self.start, "FREQ=WEEKLY", NEW_YORK))
        assert weekly.changes == {}

    @settings(max_examples=60, deadline=None)
    @given(
        ticks=st.lists(st.integers(1, 600), min_size=1, max_size=60),
        moves=st.lists(
            st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(-600, 3000))), max_size=4
        ),
    )
    def test_every_occurrence_reminds_once_whenever_the_job_runs(self, ticks, moves):
        """However the job's runs fall, each occurrence that takes place is told once, and none before its time."""
        series, lead = Series(self.rule), HOUR
        for day, minutes in moves:
            slot = self.start + day * DAY
            start = None if minutes is None else slot + dt.timedelta(minutes=minutes)
            series = series.changed(Change(slot, start))
        through = now = self.start - 2 * DAY
        told = []
        for tick in [*ticks, *[600] * 25]:
            now += dt.timedelta(minutes=tick)
            due = series.next_reminder(lead, through)
            found = series.reminders(lead, through, now)
            assert not found or (due is not None and due <= now)
            assert all(each.start - lead <= now for each in found)
            told += [each.slot for each in found]
            series, through = series.told(lead, now), now
        expected = {each.slot for each in series.occurrences(self.start - 2 * DAY, now)}
        assert sorted(told) == sorted(expected)
        assert series.next_reminder(lead, through) is None
