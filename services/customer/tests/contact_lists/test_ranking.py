"""Reasons and their weight, without a database."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_customer.contact_lists import ranking
from taproot_customer.contact_lists.ranking import Days, Listed, Reason

TODAY = dt.date(2026, 3, 2)
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = dt.timedelta(days=1)
NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)  # noon in Shanghai


def days(first: int = 0, last: int = 0, zone: ZoneInfo = SHANGHAI) -> Days:
    return Days(TODAY + first * DAY, TODAY + last * DAY, TODAY, zone)


def buyer(every: float, ago: float, orders: int = 5) -> dict[str, object]:
    last = NOON - ago * DAY
    return {
        "order_count": orders,
        "last_order_time": last,
        "first_order_time": last - (orders - 1) * every * DAY,
    }


def kinds(row: dict[str, object], of: Days) -> list[tuple[str, int, int]]:
    return [(one.kind, (one.day - TODAY).days, one.points) for one in ranking.of_orders(row, of)]


@pytest.mark.parametrize(
    ("every", "ago", "found"),
    [
        (30, 29, []),
        (30, 30, [("reorder", 0, 35)]),
        (30, 45, [("reorder", -15, 40)]),
        (30, 89, [("reorder", -59, 45)]),
        (30, 90, [("win_back", 0, 20)]),
        (30, 180, [("win_back", -90, 20)]),
        (30, 181, []),
        (0.5, 1, []),
    ],
)
def test_the_rhythm_of_orders(every, ago, found):
    assert kinds(buyer(every, ago), days()) == found


def test_two_orders_are_no_rhythm():
    assert kinds(buyer(30, 30, orders=2), days()) == []


def test_what_is_overdue_stands_in_the_list_of_today_alone():
    row = buyer(30, 45)
    assert kinds(row, days(0, 6)) == [("reorder", -15, 40)]
    assert kinds(row, days(1, 30)) == []
    assert kinds(buyer(30, 20), days(1, 30)) == [("reorder", 10, 35)]


def test_a_task_of_last_night_is_late_by_the_callers_calendar():
    row = {"due_time": dt.datetime(2026, 3, 1, 15, 30, tzinfo=dt.UTC), "id": uuid.uuid4(), "display_name": ""}
    assert [one.points for one in ranking.of_task(row, days())] == [51]
    utc = days(zone=ZoneInfo("Etc/GMT-9"))
    assert [one.points for one in ranking.of_task(row, utc)] == [50]


def test_lateness_is_worth_twenty_points_at_most():
    row = {"due_time": NOON - 300 * DAY, "id": uuid.uuid4(), "display_name": ""}
    assert [one.points for one in ranking.of_task(row, days())] == [70]


def test_silence_counts_from_the_making_of_the_record():
    row = {"last_contact_time": None, "create_time": NOON - 90 * DAY}
    assert [(one.kind, one.day) for one in ranking.of_silence(row, days(), 90)] == [("silence", TODAY)]
    assert not list(ranking.of_silence(row, days(), 91))
    assert not list(ranking.of_silence(row | {"last_contact_time": NOON}, days(), 90))


revenues = st.none() | st.decimals(min_value=0, max_value=10**12, places=2)


def listed(revenue: Decimal | None) -> Listed:
    return Listed({"id": uuid.uuid4(), "revenue_365_days": revenue}, [Reason("silence", TODAY, 10)])


@settings(max_examples=60, deadline=None)
@given(st.lists(revenues, min_size=1, max_size=12))
def test_value_points_keep_the_order_of_revenue(found):
    entries = [listed(revenue) for revenue in found]
    ranking.give_value_points(entries)
    by_revenue = sorted(entries, key=lambda one: one.row["revenue_365_days"] or 0)
    points = [one.value_points for one in by_revenue]
    assert points == sorted(points)
    assert points[-1] == (30 if by_revenue[-1].row["revenue_365_days"] else 0)
    assert all(not one.value_points for one in entries if not one.row["revenue_365_days"])
    order = ranking.ranked(entries)
    assert [one.score for one in order] == sorted((one.score for one in entries), reverse=True)
