from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from listing_samples import ITEMS, NOW, items, store
from sqlalchemy import false, select, true
from statement_rendering import Renderer

from taproot_listing import aggregate
from taproot_listing.aggregate import AggregateRow, build_aggregate
from taproot_listing.errors import ListingError

renderer = Renderer()


def row(number: int, made: str, **values: Any) -> dict[str, Any]:
    names = dict.fromkeys([field.name for field in ITEMS.fields])
    return {
        **names,
        "id": uuid.UUID(int=number),
        "title": "t",
        "small": number,
        "made": datetime.fromisoformat(made),
        **values,
    }


@pytest.fixture
async def sample(connection: Any) -> None:
    await store(
        connection,
        [
            row(
                1,
                "2023-12-31T20:00:00Z",
                state="open",
                amount=Decimal("0.10"),
                custom={"score": "1.5"},
                active=True,
            ),
            row(2, "2024-01-01T00:00:00Z", state="open", amount=Decimal("0.20"), born=date(2024, 2, 29)),
            row(
                3,
                "2024-02-29T12:00:00Z",
                state="done",
                amount=Decimal("100000000000000000000.01"),
                active=False,
            ),
            row(4, "2024-12-30T12:00:00Z", amount=None, custom={"score": "2.5"}),
        ],
    )


async def answer(
    connection: Any,
    group_by: list[str],
    measures: list[str],
    text: str = "",
    visible: Any = None,
    **more: Any,
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    query = build_aggregate(
        ITEMS,
        select(items.c.id),
        true() if visible is None else visible,
        filter_text=text,
        group_by=group_by,
        measures=measures,
        now=NOW,
        **more,
    )
    sql, args = renderer.render(query.statement)
    found = query.rows(await connection.fetch(sql, *args))
    assert all(isinstance(one, AggregateRow) for one in found)
    return [(one.keys, one.values) for one in found]


@pytest.mark.usefixtures("sample")
class TestAnswers:
    async def test_count_is_the_default(self, connection: Any) -> None:
        assert await answer(connection, [], []) == [((), ("4",))]
        assert await answer(connection, [], [], visible=false()) == [((), ("0",))]

    async def test_measures_are_exact(self, connection: Any) -> None:
        measures = [
            "sum(amount)",
            "avg(amount)",
            "min(amount)",
            "max(made)",
            "distinct(state)",
            "avg(small)",
            "count()",
        ]
        (row,) = await answer(connection, [], measures)
        assert row[1] == (
            "100000000000000000000.31",
            "33333333333333333333.436667",
            "0.10",
            "2024-12-30T12:00:00Z",
            "2",
            "2.500000",
            "4",
        )

    async def test_no_rows_have_no_average(self, connection: Any) -> None:
        assert await answer(connection, [], ["avg(amount)", "sum(small)"], "small > 9") == [((), ("", ""))]

    async def test_groups_come_by_key_absent_last(self, connection: Any) -> None:
        found = await answer(connection, ["state", "active"], ["count()", "sum(amount)"])
        assert found == [
            (("done", "false"), ("1", "100000000000000000000.01")),
            (("open", "true"), ("1", "0.10")),
            (("open", ""), ("1", "0.20")),
            (("", ""), ("1", "")),
        ]

    @pytest.mark.parametrize(
        ("bucket", "keys"),
        [
            ("year(made)", ["2023", "2024"]),
            ("quarter(made)", ["2023-Q4", "2024-Q1", "2024-Q4"]),
            ("month(made)", ["2023-12", "2024-01", "2024-02", "2024-12"]),
            ("week(made)", ["2023-W52", "2024-W01", "2024-W09", "2025-W01"]),
            ("day( made )", ["2023-12-31", "2024-01-01", "2024-02-29", "2024-12-30"]),
            ('year(made, "Asia/Shanghai")', ["2024"]),
            ("day(made, America/New_York)", ["2023-12-31", "2024-02-29", "2024-12-30"]),
            ("month(born)", ["2024-02", ""]),
        ],
    )
    async def test_buckets(self, connection: Any, bucket: str, keys: list[str]) -> None:
        assert [key for (key,), _ in await answer(connection, [bucket], [])] == keys

    async def test_bucket_and_members_and_filter(self, connection: Any) -> None:
        found = await answer(
            connection, ["year(made)"], ["sum(custom.score)"], "made < now() + 5000d custom.score:*"
        )
        assert found == [(("2023",), ("1.5",)), (("2024",), ("2.5",))]

    async def test_only_what_is_visible_is_counted(self, connection: Any) -> None:
        assert await answer(connection, [], [], "small > 1", items.c.small < 4) == [((), ("2",))]

    async def test_too_many_groups_are_refused(
        self, connection: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(aggregate, "MAX_GROUPS", 3)
        with pytest.raises(ListingError, match="more than 3 groups"):
            await answer(connection, ["small"], [])
        assert len(await answer(connection, ["state"], [])) == 3

    async def test_extreme_instants(self, connection: Any) -> None:
        second = timedelta(seconds=1)
        extremes = [datetime.min.replace(tzinfo=UTC) + second, datetime.max.replace(tzinfo=UTC) - second]
        await store(connection, [row(n, at.isoformat()) for n, at in enumerate(extremes)])
        assert (
            len(await answer(connection, ['day(made, "America/New_York")', "week(made)"], ["max(made)"])) == 2
        )


class TestViolations:
    async def test_all_at_once(self, connection: Any) -> None:
        with pytest.raises(ListingError) as caught:
            await answer(
                connection,
                [
                    "amount",
                    "nope",
                    "decade(made)",
                    "month(name)",
                    'day(made, "Mars/Base")',
                    "day(born, Asia/Tokyo)",
                ],
                ["median(small)", "sum(title)", "min(state)", "count(small)", "sum()"],
                "gone=1",
                masked=frozenset({"financial"}),
            )
        assert [(v.field, v.description.split(";")[0]) for v in caught.value.violations] == [
            ("filter", "unknown field 'gone'"),
            ("group_by", "more than 5 terms"),
            ("group_by", "field 'amount' is masked for you"),
            ("group_by", "unknown field 'nope'"),
            ("group_by", "unknown bucket 'decade(made)'"),
            ("group_by", "field 'name' cannot be grouped by month"),
            ("group_by", "unknown time zone 'Mars/Base'"),
            ("group_by", "field 'born' is a date and has no time zone"),
            ("measures", "unknown measure 'median(small)'"),
            ("measures", "field 'title' cannot be measured by sum"),
            ("measures", "field 'state' cannot be measured by min"),
            ("measures", "unknown measure 'count(small)'"),
            ("measures", "unknown field ''"),
        ]

    @pytest.mark.parametrize("term", ["tags", "custom", "rank", "custom.marks"])
    async def test_lists_and_side_tables_are_no_groups(self, connection: Any, term: str) -> None:
        with pytest.raises(ListingError, match="grouped"):
            await answer(connection, [term], [])
