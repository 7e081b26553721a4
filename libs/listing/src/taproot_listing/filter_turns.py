"""When a filter that speaks of `now()` may next let another row pass, as SQL.

The function of one record (`Predicate.next_change_at`) knows exactly when its answer turns. This is for many rows at
once: the first instant at which any comparison with `now()` turns, which is never later than the answer does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Double, and_, case, cast, func, literal, literal_column
from sqlalchemy.sql.elements import ColumnElement

from taproot_listing.fields import FieldType
from taproot_listing.filter_check import Condition, Filter, Node, Test
from taproot_listing.filter_parser import Not, Now

_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
_INSTANT = DateTime(timezone=True)
_BEFORE = frozenset({Test.AT_MOST, Test.GREATER, Test.EQUAL})
"""Comparisons that turn when `now() + offset` reaches the value; the others, and EQUAL again, when it has passed it."""
_AFTER = frozenset({Test.LESS, Test.AT_LEAST, Test.EQUAL})


def next_turn_sql(checked: Filter, now: datetime) -> ColumnElement[Any] | None:
    """An expression of the row, NULL where nothing turns any more; None for a filter without `now()`.

    Dates turn at midnight UTC.
    """
    if not checked.moving or checked.root is None:
        return None
    after = literal(now, _INSTANT)
    turns = [
        case((and_(turn > after, turn < literal(_NEVER, _INSTANT)), turn)) for turn in _turns(checked.root)
    ]
    return turns[0] if len(turns) == 1 else func.least(*turns)


def _turns(node: Node) -> Iterator[Any]:
    if isinstance(node, Condition):
        if isinstance(node.value, Now):
            yield from _of(node)
        return
    for child in (node.child,) if isinstance(node, Not) else node.children:
        yield from _turns(child)


def _of(condition: Condition) -> Iterator[Any]:
    """Seconds, not days: a day is not always as long in the session's time zone."""
    field, value = condition.field, condition.field.valued
    if field.type is FieldType.INSTANT:
        reached, passed = value, value + _seconds(0.000001)
    else:
        midnight = cast(value, DateTime())
        reached, passed = (
            func.timezone("UTC", midnight),
            func.timezone("UTC", midnight + func.make_interval(0, 0, 0, 1)),
        )
    back = _seconds(condition.value.offset.total_seconds())
    if condition.test in _BEFORE:
        yield reached - back
    if condition.test in _AFTER:
        yield passed - back


def _seconds(number: float) -> Any:
    zero: ColumnElement[Any] = literal_column("0")
    return func.make_interval(zero, zero, zero, zero, zero, zero, literal(number, Double()))
