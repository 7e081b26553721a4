"""Reads of the search: one statement for what fits, a second one for slips when that is too little."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot_customer.activities.model import Activity
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.model import Customer
from taproot_customer.search.question import ALIKE, WORDS, Question
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

CUSTOMER, CONTACT, ACTIVITY = "customer", "contact", "activity"
MOST_EXACT, MOST_PARTS, MOST_NOTES = 60, 120, 30
PARTS, NOTE_LENGTH = 6, 20_000


def _keys(name: str) -> Any:
    return bindparam(name, type_=ARRAY(Text()))


def _wanted(resource: str) -> ColumnElement[bool]:
    """In a subquery, so that what was not asked for is not even begun."""
    asked: Any = bindparam("resources", type_=ARRAY(Text()))
    return literal_column(f"'{resource}'") == func.any(cast(select(asked).scalar_subquery(), ARRAY(Text())))


def _named(model: Any, resource: str, condition: ColumnElement[bool], most: int) -> Any:
    """Customers or contacts, the newest of those that fit."""
    c = model.__table__.c
    holder = c.id if resource == CUSTOMER else c.customer_id
    return (
        select(
            literal_column(f"'{resource}'").label("resource"),
            c.id,
            holder.label("customer_id"),
            c.display_name,
            c.given_name,
            c.family_name,
            c.identifiers,
            c.note,
            c.custom,
            c.create_time.label("at"),
        )
        .where(condition, c.delete_time.is_(None), _wanted(resource), visible(model))
        .order_by(c.create_time.desc(), c.id.desc())
        .limit(literal_column(str(most)))
    )


def _activities(condition: ColumnElement[bool], most: int) -> Any:
    c = Activity.__table__.c
    text = func.jsonb_build_object(
        "body", func.left(c.body, literal_column(str(NOTE_LENGTH))), "comment", c.comment, "outcome", c.outcome,
        "place", c.place,
    )  # fmt: skip
    blank: ColumnElement[str] = literal_column("''")
    return (
        select(
            literal_column(f"'{ACTIVITY}'").label("resource"),
            c.id,
            c.customer_id,
            c.display_name,
            blank.label("given_name"),
            blank.label("family_name"),
            cast(null(), JSONB).label("identifiers"),
            blank.label("note"),
            text.label("custom"),
            c.start_time.label("at"),
        )
        .where(condition, c.delete_time.is_(None), _wanted(ACTIVITY), visible(Activity))
        .order_by(c.start_time.desc(), c.id.desc())
        .limit(literal_column(str(most)))
    )


def _all_of(parts: Sequence[Any]) -> Any:
    shown: list[Any] = [select(literal_column("*")).select_from(part.subquery()) for part in parts]
    return union_all(*shown)


def _fitting() -> Any:
    parts = []
    for model, resource in ((Customer, CUSTOMER), (Contact, CONTACT)):
        stored = model.__table__.c.search_tokens
        begun = or_(*(stored.contains(_keys(f"part_{at}")) for at in range(PARTS)))
        parts += [
            _named(model, resource, stored.overlap(_keys("exact")), MOST_EXACT),
            _named(model, resource, begun, MOST_PARTS),
            _named(model, resource, stored.contains(_keys("notes")), MOST_NOTES),
        ]
    stored = Activity.__table__.c.search_tokens
    said = or_(stored.contains(_keys("words")), stored.contains(_keys("notes")))
    return _all_of([*parts, _activities(said, MOST_NOTES)])


def _slipped() -> Any:
    parts = []
    for model, resource in ((Customer, CUSTOMER), (Contact, CONTACT)):
        stored = model.__table__.c.search_tokens
        words = and_(*(stored.overlap(_keys(f"slip_{at}")) for at in range(WORDS)))
        alike = (stored.contains(_keys(f"alike_{at}")) for at in range(ALIKE))
        parts.append(_named(model, resource, or_(words, *alike), MOST_PARTS))
    return _all_of(parts)


FIT = Statement(_fitting)
SLIP = Statement(_slipped)
_h = Customer.__table__.c
_holders = Statement(
    lambda: select(_h.id, _h.display_name).where(
        _h.id == func.any(bindparam("keys", type_=ARRAY(Uuid()))), visible(Customer)
    )
)


async def find_fitting(reader: Reader, question: Question, resources: Sequence[str]) -> list[Any]:
    parts = {f"part_{at}": list(keys) for at, keys in enumerate(question.names)}
    return await reader.fetch(
        FIT,
        resources=list(resources),
        exact=list(question.exact),
        notes=list(question.notes),
        words=list(question.words),
        **parts,
    )


async def find_slipped(reader: Reader, question: Question, resources: Sequence[str]) -> list[Any]:
    slips = {f"slip_{at}": list(keys) for at, keys in enumerate(question.slips)}
    alike = {f"alike_{at}": list(keys) for at, keys in enumerate(question.alike)}
    return await reader.fetch(SLIP, resources=list(resources), **slips, **alike)


async def names_of(reader: Reader, customers: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of the customers that the caller sees among these."""
    rows = await reader.fetch(_holders, keys=list(customers)) if customers else []
    return {row["id"]: row["display_name"] for row in rows}
