"""Order, page tokens and the walk through a list, on a real PostgreSQL."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listing_samples import ITEMS, NOW, items, rows, store
from sqlalchemy import and_, false, func, select, true
from statement_rendering import Renderer

from taproot_listing.errors import InvalidOrder, InvalidPageSize, InvalidPageToken, ListingError
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_check import check_filter
from taproot_listing.filter_predicate import Predicate
from taproot_listing.lists import ListParameters, ListQuery, Page
from taproot_listing.order import parse_order
from taproot_listing.paging import PageTokens

renderer = Renderer()
lists = ListQuery(PageTokens(b"a key of the tests"))
ROWS = select(items.c.id, items.c.name)
on_database = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def page(
    connection: Any,
    request: ListParameters,
    arms: Any = None,
    principal: str = "me",
    now: Any = NOW,
    **more: Any,
) -> Page[Any]:
    arms = [true()] if arms is None else arms
    query = lists.build(
        more.pop("resource", ITEMS), ROWS, arms, request, principal_key=principal, now=now, **more
    )
    sql, args = renderer.render(query.statement)
    return query.cut(await connection.fetch(sql, *args))


async def walk(connection: Any, request: ListParameters, arms: Any = None) -> list[UUID]:
    seen: list[UUID] = []
    while True:
        answer = await page(connection, request, arms)
        assert len(answer.rows) <= request.page_size
        seen += [row["id"] for row in answer.rows]
        if not answer.next_page_token:
            return seen
        assert len(answer.rows) == request.page_size
        request = replace(request, page_token=answer.next_page_token)


def compare(record: Any, other: Any, order: list[tuple[str, bool]]) -> int:
    for name, descending in order:
        a, b = record[name], other[name]
        if a == b:
            continue
        if a is None or b is None:
            return 1 if a is None else -1
        return (1 if a > b else -1) * (-1 if descending else 1)
    return 0


def expected(records: list[Any], order: list[tuple[str, bool]]) -> list[UUID]:
    ties = [("id", order[-1][1])]
    key = functools.cmp_to_key(lambda a, b: compare(a, b, order + ties))
    return [record["id"] for record in sorted(records, key=key)]


SORTABLE = ["name", "title", "amount", "quantity", "small", "active", "seen", "made", "born", "state"]
orders = st.lists(
    st.tuples(st.sampled_from(SORTABLE), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda term: term[0],
)
few = st.sampled_from([None, None, "a", "B", "张"])
alike = st.builds(
    lambda row, name, small, seen: {**row, "name": name, "small": small, "amount": None, "seen": seen},
    rows,
    few,
    st.integers(0, 1),
    st.sampled_from([None, NOW]),
)
populations = st.lists(rows | alike | alike, min_size=1, max_size=14, unique_by=lambda row: row["id"])


def order_text(order: list[tuple[str, bool]]) -> str:
    return ", ".join(f"{name} desc" if descending else name for name, descending in order)


class TestWalk:
    @on_database
    @given(records=populations, order=orders, size=st.integers(1, 5), overlapping=st.booleans())
    async def test_pages_of_any_size_are_the_ordered_list(
        self, connection: Any, records: Any, order: Any, size: int, overlapping: bool
    ) -> None:
        await store(connection, records)
        arms = [items.c.small < 1, items.c.small >= 0, items.c.name.is_(None)] if overlapping else None
        visible = [
            r for r in records if not overlapping or r["small"] < 1 or r["small"] >= 0 or r["name"] is None
        ]
        request = ListParameters(order_by=order_text(order), page_size=size)
        assert await walk(connection, request, arms) == expected(visible, order)

    @on_database
    @given(records=populations, later=populations, order=orders, size=st.integers(1, 3))
    async def test_rows_inserted_meanwhile_disturb_nothing(
        self, connection: Any, records: Any, later: Any, order: Any, size: int
    ) -> None:
        known = {record["id"] for record in records}
        waiting = [row for row in later if row["id"] not in known]
        present = list(records)
        await store(connection, present)
        request, seen = ListParameters(order_by=order_text(order), page_size=size), []
        while True:
            answer = await page(connection, request)
            seen += [row["id"] for row in answer.rows]
            if not answer.next_page_token:
                break
            request = replace(request, page_token=answer.next_page_token)
            if waiting:
                present.append(waiting.pop())
                await store(connection, present)
        assert len(seen) == len(set(seen))
        assert [one for one in seen if one in known] == expected(records, order)
        full = expected(present, order)
        assert seen == [one for one in full if one in set(seen)]

    @on_database
    @given(records=populations, size=st.integers(1, 4))
    async def test_filter_and_members(self, connection: Any, records: Any, size: int) -> None:
        await store(connection, records)
        text = "small >= 0 AND NOT state = OPEN"
        request = ListParameters(text, "custom.score desc, custom.note", size)
        keep = Predicate(check_filter(ITEMS, text))
        wanted = {record["id"] for record in records if keep(record, NOW)}
        walked = await walk(connection, request)
        assert set(walked) == wanted
        assert len(walked) == len(wanted)

    async def test_a_sort_column_replaces_the_column(self, connection: Any) -> None:
        field = Field(
            "title", items.c.title, FieldType.TEXT, sort_column=func.reverse(items.c.title), nullable=False
        )
        resource = Resource("items", (field,), "title", items.c.id)
        await connection.execute("TRUNCATE items")
        for title in ("az", "by", "cx", "dy"):
            await connection.execute(
                "INSERT INTO items (id, title, small, made) VALUES ($1, $2, 0, now())", uuid4(), title
            )
        request, titles = ListParameters(order_by="title desc", page_size=1), []
        while True:
            query = lists.build(
                resource, select(items.c.title), [true()], request, principal_key="me", now=NOW
            )
            sql, args = renderer.render(query.statement)
            answer = query.cut(await connection.fetch(sql, *args))
            titles += [row["title"] for row in answer.rows]
            if not answer.next_page_token:
                break
            request = replace(request, page_token=answer.next_page_token)
        assert titles == ["az", "dy", "by", "cx"]


def row(number: int, **values: Any) -> dict[str, Any]:
    names = dict.fromkeys([field.name for field in ITEMS.fields])
    return {**names, "id": UUID(int=number), "title": "t", "small": number, "made": NOW, **values}


@pytest.fixture
async def five(connection: Any) -> list[UUID]:
    records = [row(number) for number in range(1, 6)]
    await store(connection, records)
    return [record["id"] for record in records]


class TestArms:
    async def test_no_arm_sees_nothing_and_reads_nothing(self, connection: Any, five: Any) -> None:
        answer = await page(connection, ListParameters("small > 0"), arms=[])
        assert (list(answer.rows), answer.next_page_token) == ([], "")
        query = lists.build(ITEMS, ROWS, [], ListParameters(), principal_key="me", now=NOW)
        assert "items" not in renderer.render(query.statement)[0]

    async def test_a_row_of_several_arms_comes_once(self, connection: Any, five: Any) -> None:
        arms = [
            items.c.small <= 3,
            items.c.small >= 2,
            and_(items.c.small == 2, items.c.title == "t"),
            false(),
        ]
        request = ListParameters(order_by="small", page_size=2)
        assert await walk(connection, request, arms) == five

    async def test_one_arm_is_a_plain_select(self) -> None:
        query = lists.build(ITEMS, ROWS, [true()], ListParameters(), principal_key="me", now=NOW)
        sql = renderer.render(query.statement)[0]
        assert "UNION" not in sql
        assert "DISTINCT" not in sql
        assert sql.rstrip().endswith("LIMIT 51")


class TestTokens:
    async def token(self, connection: Any, **changes: Any) -> ListParameters:
        request = replace(ListParameters("small > 0", "small", 2), **changes)
        return replace(request, page_token=(await page(connection, request)).next_page_token)

    async def test_continues_with_another_page_size(self, connection: Any, five: Any) -> None:
        request = await self.token(connection)
        answer = await page(connection, replace(request, page_size=10))
        assert [r["id"] for r in answer.rows] == five[2:]

    @pytest.mark.parametrize(
        "change",
        [
            {"request": {"filter": "small > 1"}},
            {"request": {"order_by": "small desc"}},
            {"request": {"order_by": ""}},
            {"principal": "another"},
            {"resource": replace(ITEMS, name="others")},
        ],
    )
    async def test_bound_to_the_request(self, connection: Any, five: Any, change: dict[str, Any]) -> None:
        request = replace(await self.token(connection), **change.pop("request", {}))
        with pytest.raises(InvalidPageToken, match="not a token of this list"):
            await page(connection, request, **change)

    async def test_damaged(self, connection: Any, five: Any) -> None:
        request = await self.token(connection)
        token = request.page_token
        wrong = [
            "x",
            "é",
            "=",
            "!!!!",
            token[:-1],
            token[:10],
            token[1:],
            "A" + token[1:],
            token + "AAAA",
            "A" * 20000,
        ]
        wrong += [
            token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token) - 1)
        ]
        for text in wrong:
            with pytest.raises(InvalidPageToken):
                await page(connection, replace(request, page_token=text))

    async def test_url_safe(self, connection: Any, five: Any) -> None:
        token = (await self.token(connection)).page_token
        assert token
        assert all(c.isascii() and (c.isalnum() or c in "-_") for c in token)

    async def test_expires(self, connection: Any, five: Any) -> None:
        request = await self.token(connection)
        await page(connection, request, now=NOW + timedelta(days=2))
        with pytest.raises(InvalidPageToken, match="expired"):
            await page(connection, request, now=NOW + timedelta(days=4))

    async def test_later_pages_keep_the_first_now(self, connection: Any) -> None:
        records = [row(n, seen=NOW - timedelta(hours=n)) for n in range(1, 6)]
        await store(connection, records)
        request = ListParameters("seen > now() - 5h", "seen desc", 2)
        answer = await page(connection, request)
        request = replace(request, page_token=answer.next_page_token, page_size=10)
        answer = await page(connection, request, now=NOW + timedelta(hours=2))
        assert [r["id"].int for r in answer.rows] == [3, 4]

    def test_keys_can_be_changed(self) -> None:
        old, both = PageTokens(b"old"), PageTokens(b"new", b"old")
        position = PageTokens(b"old").decode(["x"], old.encode(["x"], _position()), NOW)
        assert both.decode(["x"], old.encode(["x"], _position()), NOW) == position == _position()
        with pytest.raises(InvalidPageToken):
            old.decode(["x"], both.encode(["x"], _position()), NOW)
        with pytest.raises(ValueError, match="key"):
            PageTokens()


def _position() -> Any:
    from taproot_listing.paging import Position

    return Position((None, True, 2**62, "张", UUID(int=1)), NOW)


class TestRequest:
    def test_all_violations_at_once(self) -> None:
        request = ListParameters("nope=1 small=x", "tags, nope desc, name down", -1)
        with pytest.raises(ListingError) as caught:
            lists.build(ITEMS, ROWS, [true()], request, principal_key="me", now=NOW)
        assert [(v.field, v.description) for v in caught.value.violations] == [
            ("filter", "unknown field 'nope'"),
            ("filter", "field 'small' wants a whole number of 64 bits, not 'x'"),
            ("order_by", "field 'tags' cannot be ordered by"),
            ("order_by", "unknown field 'nope'"),
            ("order_by", "expected `field [asc|desc]`, not 'name down'"),
            ("page_size", "must not be negative"),
        ]

    @pytest.mark.parametrize(("requested", "size"), [(0, 50), (1, 1), (1000, 1000), (5000, 1000)])
    def test_page_size(self, requested: int, size: int) -> None:
        request = ListParameters(page_size=requested)
        query = lists.build(ITEMS, ROWS, [true()], request, principal_key="me", now=NOW)
        assert query.page_size == size
        assert int(renderer.render(query.statement)[0].split()[-1]) > size

    def test_a_negative_page_size_is_refused(self) -> None:
        with pytest.raises(InvalidPageSize):
            lists.build(ITEMS, ROWS, [], ListParameters(page_size=-1), principal_key="me", now=NOW)


class TestOrder:
    @pytest.mark.parametrize(
        ("text", "terms"),
        [
            ("", ["made desc", "id desc"]),
            ("name", ["name asc", "id asc"]),
            (" name  DESC ,small", ["name desc", "small asc", "id asc"]),
            ("small, id desc, name", ["small asc", "id desc"]),
            ("custom.score desc", ["custom.score desc", "id desc"]),
        ],
    )
    def test_always_ends_with_the_id(self, text: str, terms: list[str]) -> None:
        assert [term.text for term in parse_order(ITEMS, text)] == terms

    @pytest.mark.parametrize(
        "text",
        ["owner", "custom", "rank", "custom.marks", "nope", "name,,small", "name, name desc", "name asc x"],
    )
    def test_refused(self, text: str) -> None:
        with pytest.raises(InvalidOrder):
            parse_order(ITEMS, text)

    def test_too_many(self) -> None:
        with pytest.raises(InvalidOrder, match="more than 8"):
            parse_order(ITEMS, ",".join(SORTABLE[:9]))

    def test_masked_fields_are_refused_and_left_out_of_the_default(self) -> None:
        with pytest.raises(InvalidOrder, match="masked"):
            parse_order(ITEMS, "name", frozenset({"personal"}))
        assert [term.text for term in parse_order(ITEMS, "", frozenset({"made"}))] == ["id asc"]
