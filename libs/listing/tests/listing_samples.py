"""A resource with every kind of field, its table, and generators of rows and filters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from taproot_listing.fields import Field, FieldType, Member, Resource, fold_text
from taproot_listing.json_members import member_field

T = FieldType
NOW = datetime(2024, 3, 10, 12, 0, tzinfo=UTC)
STATES = {"ITEM_STATE_UNSPECIFIED": 0, "ITEM_STATE_OPEN": 1, "ITEM_STATE_DONE": 2, "ITEM_STATE_ON_HOLD": 3}

# The driver takes the very first and last instants of Python for minus and plus infinity.
EARLIEST = datetime.min + timedelta(seconds=1)  # noqa: DTZ901  # bounds are naive
LATEST = datetime.max - timedelta(seconds=1)  # noqa: DTZ901  # bounds are naive


class States:
    """As a generated enum."""

    @staticmethod
    def keys() -> list[str]:
        return list(STATES)


items = Table(
    "items",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("title", Text, nullable=False),
    Column("label", Text),
    Column("label_folded", Text),
    Column("amount", Numeric),
    Column("quantity", BigInteger),
    Column("small", Integer, nullable=False),
    Column("active", Boolean),
    Column("seen", DateTime(timezone=True)),
    Column("made", DateTime(timezone=True), nullable=False),
    Column("born", Date),
    Column("state", Text),
    Column("owner", Uuid),
    Column("tags", ARRAY(Text)),
    Column("owners", ARRAY(Uuid)),
    Column("custom", JSONB),
)
item_ranks = Table("item_ranks", MetaData(), Column("item_id", Uuid), Column("rank", Numeric))

CREATE_ITEMS = """
CREATE TABLE items (
    id uuid PRIMARY KEY, name text, title text NOT NULL, label text, label_folded text, amount numeric,
    quantity bigint, small integer NOT NULL, active boolean, seen timestamptz, made timestamptz NOT NULL,
    born date, state text, owner uuid, tags text[], owners uuid[], custom jsonb
);
CREATE TABLE item_ranks (item_id uuid, rank numeric);
"""

MEMBERS = {
    "note": Member(T.TEXT),
    "score": Member(T.NUMBER),
    "steps": Member(T.INTEGER),
    "flag": Member(T.BOOLEAN),
    "due": Member(T.DATE),
    "at": Member(T.INSTANT),
    "marks": Member(T.TEXT, repeated=True),
    "price": Member(T.NUMBER, part="amount"),
}
ITEMS = Resource(
    "items",
    (
        Field("id", items.c.id, T.ID),
        Field("name", items.c.name, T.TEXT, sensitive_class="personal"),
        Field("title", items.c.title, T.TEXT),
        Field("label", items.c.label, T.TEXT, normalized_column=items.c.label_folded),
        Field("amount", items.c.amount, T.NUMBER, sensitive_class="financial"),
        Field("quantity", items.c.quantity, T.INTEGER),
        Field("small", items.c.small, T.INTEGER),
        Field("active", items.c.active, T.BOOLEAN),
        Field("seen", items.c.seen, T.INSTANT),
        Field("made", items.c.made, T.INSTANT),
        Field("born", items.c.born, T.DATE),
        Field("state", items.c.state, T.ENUM, enum=States),
        Field("owner", items.c.owner, T.ID, sortable=False),
        Field("tags", items.c.tags, T.TEXT, repeated=True),
        Field("owners", items.c.owners, T.ID, repeated=True),
        Field("custom", items.c.custom, T.JSON, members=MEMBERS),
        replace(
            member_field(Field("custom", items.c.custom, T.JSON), "grade", Member(T.ENUM)),
            enum={"low": "low", "high": "high"},
        ),
        Field(
            "rank",
            item_ranks.c.rank,
            T.NUMBER,
            through=lambda test: items.c.id.in_(select(item_ranks.c.item_id).where(test)),
        ),
    ),
    default_order="made desc",
    id_column=items.c.id,
)

# What tends to break text comparison: case pairs, ligatures, final sigma, the ends of the code space.
TRICKY = "aAbzZ*\"'\\%_ \n0éßſKİıΣσς张三张𠮷😀\U0010ffff\ud7ff\ue000ﬁ①Ａ"
any_character = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(st.sampled_from(TRICKY), max_size=4) | st.text(any_character, max_size=5)
numbers = st.decimals(
    allow_nan=False, allow_infinity=False, places=3, min_value=-5, max_value=5
) | st.decimals(allow_nan=False, allow_infinity=False).filter(lambda d: abs(d.adjusted()) < 60)
integers = st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)
smalls = st.integers(-3, 3) | st.integers(-(2**31), 2**31 - 1)
near = st.builds(
    lambda s, u: NOW + timedelta(seconds=s, microseconds=u),
    st.sampled_from([-86400, 0, 60]),
    st.integers(-1, 1),
)
instants = (
    near
    | st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
    | st.sampled_from(
        [
            datetime.max.replace(tzinfo=UTC, microsecond=0),
            datetime.min.replace(tzinfo=UTC) + timedelta(seconds=1),
        ]
    )
)
dates = st.dates(date(2024, 3, 8), date(2024, 3, 12)) | st.dates(EARLIEST.date() + timedelta(days=1))
ids = st.uuids() | st.integers(1, 3).map(lambda n: UUID(int=n))
states = st.sampled_from(["open", "done", "on_hold"])
marks = st.sampled_from(["x", "y", "张三", "", "*"])


def plain(value: Decimal) -> str:
    return format(value, "f")


def instant_text(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


junk = (
    st.none()
    | st.sampled_from(["", "x", "2024-02-30", "1e5", "٣", "12\n"])
    | st.booleans()
    | st.lists(marks, max_size=2)
)
customs: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "note": texts | junk | st.integers(-5, 5),
        "score": numbers.map(plain) | junk | st.integers(-5, 5),
        "steps": integers.map(str) | junk | st.integers(-5, 5),
        "flag": st.booleans() | junk,
        "due": dates.map(date.isoformat) | junk,
        "at": instants.map(instant_text) | junk,
        "marks": st.lists(marks | st.just(1) | st.just({}), max_size=3) | junk,
        "grade": st.sampled_from(["low", "high"]) | junk,
        "price": st.fixed_dictionaries({}, optional={"amount": numbers.map(plain) | junk}) | junk,
    },
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


rows = st.fixed_dictionaries(
    {
        "id": ids,
        "name": maybe(texts),
        "title": texts,
        "label": maybe(texts),
        "amount": maybe(numbers),
        "quantity": maybe(integers),
        "small": smalls,
        "active": maybe(st.booleans()),
        "seen": maybe(instants),
        "made": instants,
        "born": maybe(dates),
        "state": maybe(states),
        "owner": maybe(ids),
        "tags": maybe(st.lists(marks, max_size=3)),
        "owners": maybe(st.lists(ids, max_size=2)),
        "custom": maybe(customs),
        "rank": maybe(numbers),
    }
)
many_rows = st.lists(rows, min_size=1, max_size=8, unique_by=lambda row: row["id"])

COLUMNS = tuple(column.name for column in items.columns)


async def store(connection: Any, records: list[dict[str, Any]]) -> None:
    """Exactly these rows."""
    await connection.execute("TRUNCATE items, item_ranks")
    prepared = []
    for record in records:
        full = {**record, "label_folded": None if record["label"] is None else fold_text(record["label"])}
        full["custom"] = None if full["custom"] is None else orjson.dumps(full["custom"]).decode()
        prepared.append(tuple(full[name] for name in COLUMNS))
    await connection.copy_records_to_table("items", records=prepared, columns=COLUMNS)
    ranks = [(record["id"], record["rank"]) for record in records if record["rank"] is not None]
    await connection.copy_records_to_table("item_ranks", records=ranks)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*")
    return f'"{escaped}"'


def _is(name: str, operators: list[str], literals: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tests = st.tuples(st.sampled_from(operators), literals).map(" ".join)
    presence = st.sampled_from([":*", "= null", "!= null"])
    return (tests | presence).map(lambda test: f"{name} {test}")


EQUALITY = ["=", "!=", ":"]
ORDERING = [*EQUALITY, "<", "<=", ">", ">="]
offsets = st.sampled_from(["now()", "now() - 1d", "now()+60s", "now() + 1w", "now() - 1h"])
text_literals = texts.map(quoted)
prefixes = texts.map(lambda text: quoted(text)[:-1] + '*"')


def _text(name: str) -> st.SearchStrategy[str]:
    return _is(name, ORDERING, text_literals) | _is(name, EQUALITY, prefixes)


comparisons = st.one_of(
    *(_text(name) for name in ("name", "title", "label", "custom.note")),
    *(_is(name, ORDERING, numbers.map(plain)) for name in ("amount", "rank", "custom.score", "custom.price")),
    *(_is(name, ORDERING, integers.map(str)) for name in ("quantity", "small", "custom.steps")),
    *(_is(name, EQUALITY, st.sampled_from(["true", "false"])) for name in ("active", "custom.flag")),
    *(_is(name, ORDERING, instants.map(instant_text) | offsets) for name in ("seen", "made", "custom.at")),
    *(_is(name, ORDERING, dates.map(date.isoformat) | offsets) for name in ("born", "custom.due")),
    _is("state", EQUALITY, st.sampled_from(["OPEN", "done", "item_state_on_hold"])),
    _is("custom.grade", EQUALITY, st.sampled_from(["low", "HIGH"])),
    *(_is(name, EQUALITY, ids.map(str)) for name in ("id", "owner")),
    *(_is(name, [":"], marks.map(quoted)) for name in ("tags", "custom.marks")),
    _is("owners", [":"], ids.map(str)),
)


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(parts, min_size=2, max_size=3)
    return (
        several.map(lambda texts: "(" + " AND ".join(texts) + ")")
        | several.map(lambda texts: "(" + " OR ".join(texts) + ")")
        | several.map(lambda texts: "(" + " ".join(texts) + ")")
        | parts.map(lambda text: f"NOT ({text})")
        | parts.map(lambda text: f"-({text})")
    )


filters = st.recursive(comparisons, _joined, max_leaves=6)
