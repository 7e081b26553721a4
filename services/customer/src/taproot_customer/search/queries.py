"""Reads of the search: one statement for what fits, a second one for slips when that is too little.

Each part takes the newest of what fits. Who sees a part of the records, such as a branch, is served from the index of
that part in the order of time: looked for among all records, a word that many of them have would be found a thousand
times over before enough of them are the caller's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
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
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot_base.context import current_call
from taproot_customer.activities.model import Activity
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.model import Customer
from taproot_customer.search.question import ALIKE, NOTHING, WORDS, Question
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import current_reach, scope_of, visibility_arms, visible

CUSTOMER, CONTACT, ACTIVITY = "customer", "contact", "activity"
MOST_EXACT, MOST_PARTS, MOST_NOTES = 60, 120, 30
PARTS, NOTE_LENGTH = 6, 20_000
MOST_ARMS = 8
"""In so many parts a caller's records are looked through one by one; who sees more of them finds enough among all."""
FEW = 1000
"""So many are fetched by their keys and sorted. Of more the newest come along soon in the order of time: PostgreSQL
cannot know which it is of keys that are not among the most common.
"""
MOST_STATEMENTS = 512
_PARTS = tuple(f"part_{at}" for at in range(PARTS))
_SLIPS = tuple(f"slip_{at}" for at in range(WORDS))
_ALIKE = tuple(f"alike_{at}" for at in range(ALIKE))
Asked = frozenset[str]
"""Names of the lists of keys that are looked for."""


def _keys(name: str) -> Any:
    return bindparam(name, type_=ARRAY(Text()))


def _wanted(resource: str) -> ColumnElement[bool]:
    """In a subquery, so that what was not asked for is not even begun."""
    asked: Any = bindparam("resources", type_=ARRAY(Text()))
    return literal_column(f"'{resource}'") == func.any(cast(select(asked).scalar_subquery(), ARRAY(Text())))


def _newest(model: Any, rows: Any, at: Any, most: int) -> Any:
    """The newest rows, of those the caller sees."""

    def of(shown: ColumnElement[bool]) -> Any:
        found = rows.where(shown)
        few = found.limit(literal_column(str(FEW + 1))).cte()
        count = select(func.count()).select_from(few).scalar_subquery()
        all_of_few = (
            select(few).where(count <= literal_column(str(FEW))).order_by(few.c.at.desc(), few.c.id.desc())
        )
        by_time = found.where(count > literal_column(str(FEW))).order_by(
            at.desc(), model.__table__.c.id.desc()
        )
        return _all_of([one.limit(literal_column(str(most))) for one in (all_of_few, by_time)])

    arms = visibility_arms(model)
    if not 0 < len(arms) <= MOST_ARMS:
        return of(visible(model))
    if len(arms) == 1:
        return of(arms[0])
    # What two arms show is there once.
    each: list[Any] = [select(literal_column("*")).select_from(of(arm).subquery()) for arm in arms]
    together = union(*each).subquery()
    newest: Any = (literal_column("at").desc(), literal_column("id").desc())
    shown: Any = select(literal_column("*")).select_from(together)
    return shown.order_by(*newest).limit(literal_column(str(most)))


def _named(model: Any, resource: str, condition: ColumnElement[bool], most: int) -> Any:
    """Customers or contacts, the newest of those that fit."""
    c = model.__table__.c
    holder = c.id if resource == CUSTOMER else c.customer_id
    rows = (
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
        .where(condition, c.delete_time.is_(None), _wanted(resource))
    )  # fmt: skip
    return _newest(model, rows, c.create_time, most)


def _activities(condition: ColumnElement[bool], most: int) -> Any:
    c = Activity.__table__.c
    text = func.jsonb_build_object(
        "body", func.left(c.body, literal_column(str(NOTE_LENGTH))), "comment", c.comment, "outcome", c.outcome,
        "place", c.place,
    )  # fmt: skip
    blank: ColumnElement[str] = literal_column("''")
    rows = (
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
        .where(condition, c.delete_time.is_(None), _wanted(ACTIVITY))
    )  # fmt: skip
    return _newest(Activity, rows, c.start_time, most)


def _all_of(parts: Sequence[Any]) -> Any:
    shown: list[Any] = [select(literal_column("*")).select_from(part.subquery()) for part in parts]
    return union_all(*shown)


def _fitting(asked: Asked) -> Any:
    parts = []
    for model, resource in ((Customer, CUSTOMER), (Contact, CONTACT)):
        stored = model.__table__.c.search_tokens
        begun = [stored.contains(_keys(name)) for name in _PARTS if name in asked]
        if "exact" in asked:
            parts.append(_named(model, resource, stored.overlap(_keys("exact")), MOST_EXACT))
        if begun:
            parts.append(_named(model, resource, or_(*begun), MOST_PARTS))
        if "notes" in asked:
            parts.append(_named(model, resource, stored.contains(_keys("notes")), MOST_NOTES))
    stored = Activity.__table__.c.search_tokens
    said = [stored.contains(_keys(name)) for name in ("words", "notes") if name in asked]
    return _all_of([*parts, *([_activities(or_(*said), MOST_NOTES)] if said else [])])


def _slipped(asked: Asked) -> Any:
    parts = []
    for model, resource in ((Customer, CUSTOMER), (Contact, CONTACT)):
        stored = model.__table__.c.search_tokens
        ways = [stored.contains(_keys(name)) for name in _ALIKE if name in asked]
        if asked.issuperset(_SLIPS):
            ways.append(and_(*(stored.overlap(_keys(name)) for name in _SLIPS)))
        parts.append(_named(model, resource, or_(*ways), MOST_PARTS))
    return _all_of(parts)


@lru_cache(maxsize=MOST_STATEMENTS)
def _for_reach(build: Callable[[Asked], Any], asked: Asked, _reached: Hashable) -> Statement:
    return Statement(build(asked)).compiled()


def _reach() -> Hashable:
    """All that decides what `visibility_arms` are: the reaches, and the branches their subtrees have now."""
    directory = current_call().directory
    reaches = [current_reach(scope_of(model)) for model in (Customer, Contact, Activity)]
    return tuple(
        (reach, tuple(tuple(directory.branches_below(path)) for path in reach.subtrees)) for reach in reaches
    )


def _asked_for(
    build: Callable[[Asked], Any], lists: Mapping[str, Sequence[str]]
) -> tuple[Statement, dict[str, list[str]]] | None:
    """The statement for the current caller and its values; None when nothing can be found.

    What was not asked for is not in it: PostgreSQL does not know that no record has `NOTHING`, and would read many
    records for those it supposes to have it.
    """
    values = {name: list(keys) for name, keys in lists.items() if list(keys) != NOTHING}
    return (_for_reach(build, frozenset(values), _reach()), values) if values else None


def fitting(question: Question) -> tuple[Statement, dict[str, list[str]]] | None:
    named = dict(zip(_PARTS, question.names, strict=True))
    alone = {"exact": question.exact, "notes": question.notes, "words": question.words}
    return _asked_for(_fitting, named | alone)


def slipped(question: Question) -> tuple[Statement, dict[str, list[str]]] | None:
    slips, alike = (
        zip(_SLIPS, question.slips, strict=True), zip(_ALIKE, question.alike, strict=True),
    )  # fmt: skip
    return _asked_for(_slipped, dict(slips) | dict(alike))


_h = Customer.__table__.c
_holders = Statement(
    lambda: select(_h.id, _h.display_name).where(
        _h.id == func.any(bindparam("keys", type_=ARRAY(Uuid()))), visible(Customer)
    )
)


async def find_fitting(reader: Reader, question: Question, resources: Sequence[str]) -> list[Any]:
    return await _find(reader, fitting(question), resources)


async def find_slipped(reader: Reader, question: Question, resources: Sequence[str]) -> list[Any]:
    return await _find(reader, slipped(question), resources)


async def _find(
    reader: Reader, found: tuple[Statement, dict[str, list[str]]] | None, resources: Sequence[str]
) -> list[Any]:
    if found is None:
        return []
    statement, values = found
    return await reader.fetch(statement, resources=list(resources), **values)


async def names_of(reader: Reader, customers: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of the customers that the caller sees among these."""
    rows = await reader.fetch(_holders, keys=list(customers)) if customers else []
    return {row["id"]: row["display_name"] for row in rows}
