"""The merge journal: what was before, so that a merge can be undone; and the keys duplicates are found by."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from taproot_base.errors import AppError, Kind
from taproot_customer.base import Base
from taproot_customer.customers.model import Customer
from taproot_customer.merging.survivorship import CHOOSABLE, UNITED, Record, united

merges = Table(
    "merges",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("survivor_id", Uuid, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("survivor_time", DateTime(timezone=True), nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("choices", JSONB, nullable=False),
    Column("keys", JSONB, nullable=False),
    Index("ix_merges_survivor_id", "survivor_id"),
)

merge_sources = Table(
    "merge_sources",
    Base.metadata,
    Column("merge_id", Uuid, primary_key=True),
    Column("source_id", Uuid, primary_key=True),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("keys", JSONB, nullable=False),
    Column("members", ARRAY(Uuid), nullable=False),
    Column("undone_time", DateTime(timezone=True)),
    Index("ix_merge_sources_source_id", "source_id"),
)

customer_blocks = Table(
    "customer_blocks",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Index("ix_customer_blocks_key", "key"),
)


class NotMerged(AppError):
    kind = Kind.STATE
    reason = "NOT_MERGED"


def fields_of(customer: Customer) -> dict[str, Any]:
    """What survives or is restored, as JSON keeps it."""
    return {name: _plain(getattr(customer, name)) for name in sorted(CHOOSABLE)}


def record_of(key: uuid.UUID, update_time: datetime, fields: Mapping[str, Any]) -> Record:
    return Record(str(key), update_time, fields)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def to_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Survived fields as columns of a customer."""
    values = dict(fields)
    values["birth_date"] = date.fromisoformat(values["birth_date"]) if values.get("birth_date") else None
    values["parent_id"] = uuid.UUID(values["parent_id"]) if values.get("parent_id") else None
    texts = set(values) - {
        "birth_date",
        "parent_id",
        "identifiers",
        "addresses",
        "tags",
        "custom",
        "key_account",
    }
    return values | {name: values[name] or "" for name in texts}


def undone_fields(
    current: Mapping[str, Any], after: Mapping[str, Any], without: Mapping[str, Any]
) -> dict[str, Any]:
    """The survivor's fields once a source is gone: what the merge brought goes, what was changed since stays."""
    result = dict(current)
    for name, value in without.items():
        if name in UNITED:
            result[name] = _without_items(name, current[name], after[name], value)
        elif name == "custom":
            result[name] = _without_keys(current[name], after[name], value)
        elif current[name] in (after[name], after[name] or ""):
            result[name] = value
    return result


def _without_items(name: str, current: Sequence[Any], after: Sequence[Any], kept: Sequence[Any]) -> list[Any]:
    went = united(name, [kept, after])[len(united(name, [kept])) :]
    stays = [item for item in current if len(united(name, [went, [item]])) > len(went)]
    return united(name, [stays])


def _without_keys(
    current: Mapping[str, Any], after: Mapping[str, Any], kept: Mapping[str, Any]
) -> dict[str, Any]:
    result = dict(current)
    for key, value in after.items():
        if result.get(key) == value:
            result.pop(key, None)
            if key in kept:
                result[key] = kept[key]
    return result
