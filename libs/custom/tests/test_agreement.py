"""Filters on custom fields: side tables, JSON and predicate give the same rows, on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listing_samples import (
    NOW,
    _is,
    _joined,
    dates,
    ids,
    instant_text,
    instants,
    integers,
    items,
    numbers,
    plain,
    quoted,
)
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from statement_rendering import Renderer

from taproot_custom.catalogue import Catalogue
from taproot_custom.fields import side_table
from taproot_custom.keeping import SIDES, Kept, rows_of
from taproot_custom.specs import Option, Spec
from taproot_custom.values import stored_value
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_check import check_filter
from taproot_listing.filter_predicate import Predicate
from taproot_listing.filter_sql import filter_sql

EQUALITY, ORDERING = ["=", "!=", ":"], ["=", "!=", ":", "<", "<=", ">", ">="]
OPTIONS = tuple(Option(key) for key in ("low", "high", "top"))
words = st.text('aAz张\\"* ', min_size=1, max_size=3).filter(str.strip)
SPECS = [
    Spec("items", key, kind, options=OPTIONS, scale=3, reference_type="items", filterable=True)
    for key, kind in {
        "note": "text", "steps": "integer", "score": "decimal", "price": "money", "flag": "boolean", "due": "date",
        "at": "instant", "grade": "enum", "marks": "multi_enum", "whose": "reference",
    }.items()
]  # fmt: skip
RESOURCE = Resource(
    "items",
    [Field("id", items.c.id, FieldType.ID), Field("custom", items.c.custom, FieldType.JSON)],
    "id",
    items.c.id,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "note": words,
    "steps": integers.map(str),
    "score": numbers.map(plain),
    "price": st.fixed_dictionaries({"amount": numbers.map(plain), "currency_code": st.just("CNY")}),
    "flag": st.booleans(),
    "due": dates.map(str),
    "at": instants.map(instant_text),
    "grade": st.sampled_from(["low", "high"]),
    "marks": st.lists(st.sampled_from(["low", "high", "top"]), min_size=1, unique=True),
    "whose": ids.map(str),
}
comparisons = st.one_of(
    _is("custom.note", ORDERING, words.map(quoted)),
    _is("custom.steps", ORDERING, integers.map(str)),
    *(_is(f"custom.{key}", ORDERING, numbers.map(plain)) for key in ("score", "price")),
    _is("custom.flag", EQUALITY, st.sampled_from(["true", "false"])),
    _is("custom.due", ORDERING, dates.map(str) | st.just("now()")),
    _is("custom.at", ORDERING, instants.map(instant_text) | st.just("now() - 1d")),
    _is("custom.grade", EQUALITY, st.sampled_from(["low", "HIGH", "top"])),
    _is("custom.marks", [":"], st.sampled_from(["low", "HIGH", "top"])),
    _is("custom.whose", EQUALITY, ids.map(lambda key: quoted(str(key).upper()))),
)
filters = st.recursive(comparisons, _joined, max_leaves=4)
records = st.lists(
    st.fixed_dictionaries({"id": ids, "custom": st.fixed_dictionaries({}, optional=VALUES)}),
    min_size=1, max_size=6, unique_by=lambda record: record["id"],
)  # fmt: skip


@pytest.fixture(scope="session")
async def sides(connection: Any) -> Any:
    for table in SIDES:
        await connection.execute(str(CreateTable(table).compile(dialect=postgresql.dialect())))
    return connection


def canonical(custom: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for one in SPECS:
        try:
            found[one.key] = stored_value(one, custom[one.key])
        except (KeyError, ValueError):
            continue
    return found


async def store(connection: Any, stored: list[dict[str, Any]]) -> None:
    await connection.execute("TRUNCATE items, custom_texts, custom_numbers, custom_dates, custom_instants")
    for record in stored:
        await connection.execute(
            "INSERT INTO items (id, title, small, made, custom) VALUES ($1, '', 0, now(), $2)",
            record["id"],
            orjson.dumps(record["custom"]).decode(),
        )
        for one in SPECS:
            for row in rows_of(one, Kept("items", record["id"], record["custom"])):
                await connection.execute(
                    f"INSERT INTO {side_table(one).name} (field, value, record_id) VALUES ($1, $2, $3)", *row
                )


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(given_records=records, texts=st.lists(filters, min_size=1, max_size=6))
async def test_side_tables_json_and_predicate_agree(sides: Any, given_records: Any, texts: list[str]) -> None:
    stored = [{"id": one["id"], "custom": canonical(one["custom"])} for one in given_records]
    await store(sides, stored)
    beside = Catalogue(replace(one, indexed=True) for one in SPECS).listed(RESOURCE)
    within = Catalogue(SPECS).listed(RESOURCE)
    for text in texts:
        expected = {one["id"] for one in stored if Predicate(check_filter(beside, text))(one, NOW)}
        for resource in (beside, within):
            statement = select(items.c.id).where(filter_sql(check_filter(resource, text), NOW))
            sql, args = Renderer().render(statement)
            assert {row["id"] for row in await sides.fetch(sql, *args)} == expected, text
