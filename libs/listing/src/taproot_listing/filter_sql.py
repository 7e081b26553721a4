"""A checked filter as one SQL condition with bind parameters.

Two-valued: a comparison with NULL is false and its negation true. Negation is pushed down to the
comparisons, so that those not negated stay plain and an index serves them.
Text is compared as the database does under LOCALE 'C', which is by code point, as in Python.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ARRAY, Text, and_, cast, func, literal, not_, or_, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot_listing.fields import Field, FieldType, bind
from taproot_listing.filter_check import Condition, Filter, Node, Test, resolve
from taproot_listing.filter_parser import All, Not

_OPERATORS: Mapping[Test, Callable[[Any, Any], Any]] = {
    Test.EQUAL: operator.eq,
    Test.LESS: operator.lt,
    Test.AT_MOST: operator.le,
    Test.GREATER: operator.gt,
    Test.AT_LEAST: operator.ge,
}
_NO_TIME = datetime.min.replace(tzinfo=UTC)  # what does not move never asks
_LAST = "\U0010ffff"


def filter_sql(checked: Filter, now: datetime) -> ColumnElement[bool]:
    """The condition; `now()` is the given instant, which must carry a time zone."""
    if checked.root is None or not checked.moving:
        return _still(checked)
    return _sql(checked.root, now, negated=False)


@lru_cache(maxsize=2048)
def _still(checked: Filter) -> ColumnElement[bool]:
    return true() if checked.root is None else _sql(checked.root, _NO_TIME, negated=False)


def _sql(node: Node, now: datetime, *, negated: bool) -> ColumnElement[bool]:
    if isinstance(node, Not):
        return _sql(node.child, now, negated=not negated)
    if isinstance(node, Condition):
        return _negated(node, now) if negated else _plain(node, now)
    parts = [_sql(child, now, negated=negated) for child in node.children]
    return and_(*parts) if isinstance(node, All) != negated else or_(*parts)


def _plain(condition: Condition, now: datetime) -> ColumnElement[bool]:
    atom = _atom(condition, now)
    return atom if condition.field.through is None else condition.field.through(atom)


def _negated(condition: Condition, now: datetime) -> ColumnElement[bool]:
    field = condition.field
    if field.through is not None:
        return not_(_plain(condition, now))
    if condition.test is Test.EQUAL and field.optional and field.type is not FieldType.BOOLEAN:
        return field.compared.is_distinct_from(bind(field.type, resolve(condition, now)))
    atom = _atom(condition, now)
    return atom.is_not(true()) if field.optional else not_(atom)


def _atom(condition: Condition, now: datetime) -> ColumnElement[bool]:
    field, test = condition.field, condition.test
    if test is Test.PRESENT:
        return _present(field)
    if test is Test.HAS:
        return _has(field, condition.value)
    if test is Test.STARTS:
        return _starts(field, condition.value)
    if field.type is FieldType.BOOLEAN:
        return _is(field, condition.value)
    result: ColumnElement[bool] = _OPERATORS[test](field.compared, bind(field.type, resolve(condition, now)))
    return result


def _present(field: Field) -> ColumnElement[bool]:
    if not field.repeated:
        return field.column.is_not(None)
    if _is_beside(field):
        return field.column.is_not(None)
    length = func.cardinality if field.member_of is None else func.jsonb_array_length
    return length(field.column) > 0


def _has(field: Field, values: tuple[Any, ...]) -> ColumnElement[bool]:
    if _is_beside(field):
        return and_(*(field.column == literal(value, field.column.type) for value in values))
    return field.column.bool_op("@>")(_array(field, values))


def _is_beside(field: Field) -> bool:
    """Whether the values of a repeated field are rows of their own."""
    return field.through is not None and not isinstance(field.column.type, ARRAY)


def _is(field: Field, wanted: bool) -> ColumnElement[bool]:
    if isinstance(field.column.type, Text):  # a side table of texts
        return field.column == literal(str(wanted).lower(), Text())
    return field.column.is_(wanted)


def _array(field: Field, values: tuple[Any, ...]) -> ColumnElement[Any]:
    if field.member_of is None:
        return literal(list(values), field.column.type)
    return cast(literal(orjson.dumps(list(values)).decode(), Text()), JSONB())


def _starts(field: Field, prefix: str) -> ColumnElement[bool]:
    """A range instead of LIKE: the index serves it whatever plan is cached."""
    low = field.compared >= bind(FieldType.TEXT, prefix)
    end = prefix_end(prefix)
    return low if end is None else and_(low, field.compared < bind(FieldType.TEXT, end))


def prefix_end(prefix: str) -> str | None:
    """The first text, by code point, after all that start with `prefix`; None when there is none."""
    kept = prefix.rstrip(_LAST)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    # Surrogates are no characters: the code point after U+D7FF is U+E000.
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)
