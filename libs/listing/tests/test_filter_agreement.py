"""SQL and predicate are one language: the same rows for every filter, on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listing_samples import ITEMS, NOW, filters, items, many_rows, rows, store, texts
from sqlalchemy import select
from statement_rendering import Renderer

from taproot_listing.filter_check import check_filter
from taproot_listing.filter_predicate import Predicate
from taproot_listing.filter_sql import filter_sql, prefix_end
from taproot_listing.filter_turns import next_turn_sql

renderer = Renderer()
on_database = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ZONES = [UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")]


async def found(connection: Any, text: str, now: datetime) -> set[Any]:
    statement = select(items.c.id).where(filter_sql(check_filter(ITEMS, text), now))
    sql, args = renderer.render(statement)
    return {record["id"] for record in await connection.fetch(sql, *args)}


@on_database
@given(records=many_rows, texts=st.lists(filters, min_size=1, max_size=6), zone=st.sampled_from(ZONES))
async def test_sql_and_predicate_agree(connection: Any, records: Any, texts: list[str], zone: Any) -> None:
    await store(connection, records)
    now = NOW.astimezone(zone)
    for text in texts:
        predicate = Predicate(check_filter(ITEMS, text))
        expected = {record["id"] for record in records if predicate(record, now)}
        assert await found(connection, text, now) == expected, text


@on_database
@given(records=many_rows, text=filters)
async def test_negation_is_the_complement(connection: Any, records: Any, text: str) -> None:
    await store(connection, records)
    inside, outside = await found(connection, text, NOW), await found(connection, f"NOT ({text})", NOW)
    assert inside | outside == {record["id"] for record in records}
    assert not inside & outside


moments = st.sampled_from(["now()", "now() - 1d", "now()+60s", "now() + 1w"])
moving = st.lists(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["seen", "made", "born", "NOT custom.at", "-custom.due"]),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        moments,
    )
    | st.just("active = true"),
    min_size=1,
    max_size=4,
).flatmap(lambda parts: st.sampled_from([" AND ", " OR "]).map(lambda glue: glue.join(parts)))


@settings(deadline=None, max_examples=150)
@given(record=rows, text=moving, zone=st.sampled_from(ZONES), waits=st.lists(st.floats(0, 1), max_size=5))
def test_next_change_is_the_first_change(record: Any, text: str, zone: Any, waits: list[float]) -> None:
    predicate = Predicate(check_filter(ITEMS, text))
    now = NOW.astimezone(zone)
    before, change = predicate(record, now), predicate.next_change_at(record, now)
    horizon = change or NOW + timedelta(days=60)
    tick = timedelta(microseconds=1)
    for at in [horizon - tick, *(NOW + (horizon - tick - NOW) * wait for wait in waits)]:
        assert predicate(record, at.astimezone(zone)) == before
    if change is not None:
        assert change > NOW
        assert predicate(record, change.astimezone(zone)) != before


@on_database
@given(records=many_rows, text=moving)
async def test_no_answer_turns_before_its_next_turn(connection: Any, records: Any, text: str) -> None:
    await store(connection, records)
    turn = next_turn_sql(check_filter(ITEMS, text), NOW)
    if turn is None:
        return
    sql, args = renderer.render(select(items.c.id, turn.label("turn")))
    turns = {record["id"]: record["turn"] for record in await connection.fetch(sql, *args)}
    predicate = Predicate(check_filter(ITEMS, text))
    for record in records:
        change, next_turn = predicate.next_change_at(record, NOW), turns[record["id"]]
        assert next_turn is None or next_turn > NOW
        assert change is None or (next_turn is not None and next_turn <= change), (change, next_turn)


def test_next_change_of_a_deadline() -> None:
    predicate = Predicate(check_filter(ITEMS, "seen < now() - 30d AND state = OPEN"))
    seen = datetime(2024, 3, 1, tzinfo=UTC)
    due = seen + timedelta(days=30, microseconds=1)
    assert predicate.next_change_at({"seen": seen, "state": "open"}, NOW) == due
    assert predicate.next_change_at({"seen": seen, "state": "done"}, NOW) is None
    assert predicate.next_change_at({"seen": seen, "state": "open"}, due) is None


def test_dates_turn_at_midnight_where_the_clock_stands() -> None:
    predicate = Predicate(check_filter(ITEMS, "born <= now()"))
    record = {"born": date(2024, 3, 11)}
    shanghai = NOW.astimezone(ZoneInfo("Asia/Shanghai"))
    assert predicate.next_change_at(record, NOW) == datetime(2024, 3, 11, tzinfo=UTC)
    assert predicate.next_change_at(record, shanghai) == datetime(2024, 3, 10, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name != x", True),  # absent: not equal
        ("name = x", False),
        ("NOT name < x", True),
        ("name < x", False),
        ("name:*", False),
        ("name = null", True),
        ("title = null OR small = 1 small = 2", False),  # OR binds tighter than AND
        ("title = t OR small = 1 small = 1", True),
        ("label = GROSS", True),  # folded
        ("label = gros", False),
        ("label = GROS*", True),
        ('label:"Groß*"', True),
        ("title = T*", False),
        ("label = GROẞ", True),
        ("title = T", False),  # not folded
        ("state = item_state_Open", True),
        ("amount = 0.1", True),
        ("amount = 0.1000000000000000000000001", False),
        ('tags:"b"', True),
        ('NOT tags:"c"', True),
        ("tags:*", True),
        ("owners:*", False),
        ("custom.score > 9", True),  # as numbers, not as texts
    ],
)
async def test_examples(connection: Any, text: str, expected: bool) -> None:
    record = {
        **dict.fromkeys([field.name for field in ITEMS.fields]),
        "id": UUID(int=7),
        "title": "t",
        "label": "Groß",
        "small": 1,
        "made": NOW,
        "state": "open",
        "tags": ["a", "b"],
        "owners": [],
        "amount": Decimal("0.1"),
        "custom": {"score": "10"},
    }
    await store(connection, [record])
    assert bool(await found(connection, text, NOW)) is expected
    assert Predicate(check_filter(ITEMS, text))(record, NOW) is expected


@given(texts, texts)
def test_prefix_end_bounds_the_prefix(prefix: str, rest: str) -> None:
    end = prefix_end(prefix)
    assert end is None or prefix + rest < end


async def test_infinity_compares_as_the_last_instant(connection: Any) -> None:
    endless = await connection.fetchval("SELECT 'infinity'::timestamptz")
    assert Predicate(check_filter(ITEMS, "seen > now()"))({"seen": endless}, NOW)
