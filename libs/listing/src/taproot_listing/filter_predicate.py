"""A checked filter as a function of one record: the same answer as its SQL gives for the row."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from taproot_listing.fields import Field, FieldType, as_utc
from taproot_listing.filter_check import Condition, Filter, Node, Test, resolve
from taproot_listing.filter_parser import All, Not, Now
from taproot_listing.json_members import member_reader

Record: TypeAlias = Mapping[str, Any]
"""Field name -> value as the database returns it; a JSON field is a dict. Missing and None: absent."""

_Check: TypeAlias = Callable[[Record, datetime], bool]
_TICK = timedelta(microseconds=1)
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
"""Later instants count as never, so that offsets and zones cannot leave the calendar."""

_OPERATORS: Mapping[Test, Callable[[Any, Any], bool]] = {
    Test.EQUAL: operator.eq,
    Test.LESS: operator.lt,
    Test.AT_MOST: operator.le,
    Test.GREATER: operator.gt,
    Test.AT_LEAST: operator.ge,
    Test.STARTS: str.startswith,
    Test.HAS: lambda value, wanted: all(one in value for one in wanted),
}


class Predicate:
    """Made once from a filter, called for many records. Safe to share between threads."""

    def __init__(self, checked: Filter) -> None:
        self._check: _Check = (lambda _record, _now: True) if checked.root is None else _compile(checked.root)
        self._moving = tuple(_moving(checked.root)) if checked.moving and checked.root is not None else ()

    def __call__(self, record: Record, now: datetime) -> bool:
        return self._check(record, now)

    def next_change_at(self, record: Record, now: datetime) -> datetime | None:
        """The first instant after `now` at which the answer for this record differs, in UTC; None: never."""
        today = self._check(record, now)
        candidates = {at for read, c in self._moving for at in _turns(read(record), c, now)}
        for at in sorted(at for at in candidates if now < at < _NEVER):
            if self._check(record, at.astimezone(now.tzinfo)) != today:
                return at
        return None


def _compile(node: Node) -> _Check:
    if isinstance(node, Condition):
        return _test(node)
    if isinstance(node, Not):
        inner = _compile(node.child)
        return lambda record, now: not inner(record, now)
    checks = [_compile(child) for child in node.children]
    if isinstance(node, All):
        return lambda record, now: all(check(record, now) for check in checks)
    return lambda record, now: any(check(record, now) for check in checks)


def _test(condition: Condition) -> _Check:
    read = _reader(condition.field)
    if condition.test is Test.PRESENT:
        repeated = condition.field.repeated
        return lambda record, _now: (
            bool(value) if (value := read(record)) is not None and repeated else value is not None
        )
    holds = _OPERATORS[condition.test]
    if isinstance(condition.value, Now):
        return lambda record, now: (
            (value := read(record)) is not None and holds(value, resolve(condition, now))
        )
    wanted = condition.value
    return lambda record, _now: (value := read(record)) is not None and holds(value, wanted)


def _reader(field: Field) -> Callable[[Record], Any]:
    if field.member_of is not None:
        root, key, convert = field.member_of, field.name.rpartition(".")[2], member_reader(field)
        return lambda record: convert((record.get(root) or {}).get(key))
    name = field.name
    if field.normalized_column is not None:
        fold = field.normalize
        return lambda record: None if (value := record.get(name)) is None else fold(value)
    if field.type is FieldType.ID and not field.repeated:
        return lambda record: UUID(value) if isinstance(value := record.get(name), str) else value
    if field.type is FieldType.INSTANT:
        return lambda record: None if (value := record.get(name)) is None else as_utc(value)
    return lambda record: record.get(name)


def _moving(node: Node) -> Iterator[tuple[Callable[[Record], Any], Condition]]:
    if isinstance(node, Condition):
        if isinstance(node.value, Now):
            yield _reader(node.field), node
        return
    for child in (node.child,) if isinstance(node, Not) else node.children:
        yield from _moving(child)


def _turns(value: date | datetime | None, condition: Condition, now: datetime) -> Iterator[datetime]:
    """Instants at which a comparison of `value` with `now() + offset` can turn."""
    if value is None:
        return
    try:
        if isinstance(value, datetime):
            reached = value - condition.value.offset
            yield reached
            yield reached + _TICK
        else:
            for day in (value, value + timedelta(days=1)):
                midnight = datetime.combine(day, time.min, now.tzinfo)
                yield midnight.astimezone(UTC) - condition.value.offset
    except OverflowError:
        return
