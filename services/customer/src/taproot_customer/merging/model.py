"""The merge journal: what was before, so that a merge can be undone; and the keys duplicates are found by."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from taproot_base.errors import AppError, Kind
from taproot_customer.base import Base
from taproot_customer.customers.model import Customer, Key
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_customer.merging.survivorship import CHOOSABLE, SINGLE, Record

merges = Table(
    "merges",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("survivor_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("survivor_time", DateTime(timezone=True), nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("choices", JSONB, nullable=False),
    Index("ix_merges_survivor_id", "survivor_id"),
)

merge_sources = Table(
    "merge_sources",
    Base.metadata,
    Column("merge_id", Uuid, primary_key=True),
    Column("source_id", Uuid, primary_key=True),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("members", ARRAY(Uuid), nullable=False),
    Column("undone_time", DateTime(timezone=True)),
    Index("ix_merge_sources_source_id", "source_id"),
)

customer_blocks = Table(
    "customer_blocks",
    Base.metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", Uuid, primary_key=True),
    Index("ix_customer_blocks_customer_id", "customer_id"),
)

# What customers are compared by, made ready once, so that a search over millions only compares.
customer_traits = Table(
    "customer_traits",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("traits", LargeBinary, nullable=False),
)


class NotMerged(AppError):
    kind = Kind.STATE
    reason = "NOT_MERGED"


def fields_of(customer: Customer, region: str) -> dict[str, Any]:
    """What survives or is restored, as JSON keeps it; identifiers with the `normal` form they are compared by."""
    fields = {name: _plain(getattr(customer, name)) for name in sorted(CHOOSABLE)}
    return fields | {"identifiers": [item | _normal(item, region) for item in customer.identifiers]}


def _normal(item: Mapping[str, Any], region: str) -> dict[str, str]:
    try:
        return {"normal": normal_form(item["kind"], item["value"], region)}
    except InvalidIdentifier:
        return {}  # written before the rules were; it can match nothing


def keys_of(fields: Mapping[str, Any]) -> list[Key]:
    items = [item for item in fields["identifiers"] if "normal" in item]
    return list(dict.fromkeys(Key(item["kind"], item["normal"]) for item in items))


def record_of(customer: Customer, region: str) -> Record:
    return Record(str(customer.id), customer.update_time, fields_of(customer, region))


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def to_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as columns of a customer."""
    values = dict(fields)
    for name, parse in (("birth_date", date.fromisoformat), ("parent_id", uuid.UUID)):
        if name in values:
            values[name] = parse(values[name]) if values[name] else None
    for name in values.keys() & set(SINGLE) - {"birth_date", "parent_id"}:
        values[name] = values[name] or ""
    items = values["identifiers"]
    return values | {"identifiers": [{k: v for k, v in item.items() if k != "normal"} for item in items]}
