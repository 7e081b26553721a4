"""Statements compiled for asyncpg: once per shape, seen by the guard, served by indexes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from listing_samples import CREATE_ITEMS, ITEMS, NOW, items
from sqlalchemy import Column, MetaData, Table, Text, Uuid, select, true
from sqlalchemy.dialects import postgresql
from statement_rendering import Renderer

from taproot_listing.aggregate import build_aggregate
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_check import check_filter
from taproot_listing.filter_sql import filter_sql
from taproot_listing.lists import ListParameters, ListQuery
from taproot_listing.paging import PageTokens
from taproot_storage.dialect import UnscopedStatement
from taproot_storage.visibility import VisibilityClause, scope_rules, scope_table

lists = ListQuery(PageTokens(b"a key of the tests"))
FILTER = 'state = OPEN AND amount >= 1000.50 AND made > now() - 30d AND (name = "Zh*" OR tags:"vip")'


def statement(text: str, arms: Any = None, **request: Any) -> Any:
    parameters = ListParameters(text, **request)
    return lists.build(
        ITEMS, select(items), arms or [true()], parameters, principal_key="me", now=NOW
    ).statement


async def test_what_sqlalchemy_compiles_runs_on_asyncpg(connection: Any) -> None:
    dialect: Any = getattr(postgresql, "asyncpg").dialect()  # noqa: B009 # untyped in SQLAlchemy
    compiled: Any = (
        select(items.c.id).where(filter_sql(check_filter(ITEMS, FILTER), NOW)).compile(dialect=dialect)
    )
    arguments = [compiled.params[name] for name in compiled.positiontup]
    assert isinstance(await connection.fetch(compiled.string, *arguments), list)


async def test_in_lists_are_expanded(connection: Any) -> None:
    renderer = Renderer()
    for values in ([1], [1, 2, 3]):
        sql, args = renderer.render(statement("", [items.c.small.in_(values)]))
        assert args == values
        assert isinstance(await connection.fetch(sql, *args), list)


def test_other_values_are_the_same_statement() -> None:
    renderer = Renderer()
    first, args = renderer.render(statement('name = "a" AND amount > 1'))
    second, others = renderer.render(statement("name = b AND amount > 2.5"))
    assert first == second
    assert [str(arg) for arg in args + others] == ["a", "1", "b", "2.5"]
    assert len(renderer._cache) == 1


def test_a_known_filter_costs_little() -> None:
    """Far from the measured 0.2 ms, so that a busy machine does not matter; a compilation takes over 1 ms."""
    renderer = Renderer()
    renderer.render(statement(FILTER))
    check_filter(ITEMS, FILTER)
    rounds = []
    for _ in range(30):
        start = time.perf_counter()
        renderer.render(statement(FILTER))
        rounds.append(time.perf_counter() - start)
    assert min(rounds) < 0.001
    assert len(renderer._cache) == 1


@pytest.fixture
def scoped() -> Iterator[Table]:
    table = Table(
        "listing_scoped", MetaData(), Column("id", Uuid, primary_key=True), Column("branch_path", Text)
    )
    scope_table(table, "scoped.read", owner=None)
    yield table
    del scope_rules()[table]


class TestGuard:
    """The compiler refuses a list over a scoped table whose arms do not come from its visibility."""

    def build(self, table: Table, arms: Any) -> Any:
        resource = Resource("scoped", (Field("id", table.c.id, FieldType.ID),), "id", table.c.id)
        return lists.build(
            resource, select(table), arms, ListParameters(), principal_key="me", now=NOW
        ).statement

    def test_lists(self, scoped: Table) -> None:
        renderer = Renderer()
        arms = [VisibilityClause(scoped.name, scoped.c.branch_path == path) for path in ("/a/", "/b/")]
        assert renderer.render(self.build(scoped, arms))[1] == ["/a/", "/b/"]
        assert renderer.render(self.build(scoped, []))[1] == []
        with pytest.raises(UnscopedStatement):
            renderer.render(self.build(scoped, [true()]))

    def test_aggregates(self, scoped: Table) -> None:
        resource = Resource("scoped", (Field("id", scoped.c.id, FieldType.ID),), "id", scoped.c.id)
        for visible in (VisibilityClause(scoped.name, true()), true()):
            query = build_aggregate(
                resource, select(scoped), visible, filter_text="", group_by=["id"], measures=[], now=NOW
            )
            if isinstance(visible, VisibilityClause):
                assert "listing_scoped" in Renderer().render(query.statement)[0]
                continue
            with pytest.raises(UnscopedStatement):
                Renderer().render(query.statement)


@pytest.fixture(scope="module")
async def crowded(postgres_url: str) -> Any:
    import asyncpg as driver

    opened = await driver.connect(postgres_url)
    await opened.execute("CREATE SCHEMA crowded; SET search_path = crowded")
    await opened.execute(CREATE_ITEMS)
    await opened.execute(
        """INSERT INTO items (id, title, small, made, seen)
           SELECT md5(i::text)::uuid, 't' || i, i % 20, now() - i * interval '1 min',
                  CASE WHEN i % 3 > 0 THEN now() - i * interval '1 s' END
           FROM generate_series(1, 20000) AS i;
           CREATE INDEX ON items (small, made, id);
           CREATE INDEX ON items (small, seen DESC NULLS LAST, id DESC);
           ANALYZE items"""
    )
    yield opened
    await opened.close()


@pytest.mark.parametrize("order", ["made desc", "made", "seen desc"])
@pytest.mark.parametrize("branches", [1, 5])
async def test_each_arm_reads_its_index_in_order(crowded: Any, order: str, branches: int) -> None:
    arms = [items.c.small == value for value in range(branches)]
    request = ListParameters(order_by=order)
    for _ in range(3):
        query = lists.build(ITEMS, select(items), arms, request, principal_key="me", now=NOW)
        sql, args = Renderer().render(query.statement)
        plan = "\n".join([row[0] for row in await crowded.fetch("EXPLAIN " + sql, *args)])
        assert "Index Scan" in plan
        assert "Seq Scan" not in plan
        assert "Sort  (" not in plan, plan
        page = query.cut(await crowded.fetch(sql, *args))
        request = ListParameters(order_by=order, page_token=page.next_page_token)
