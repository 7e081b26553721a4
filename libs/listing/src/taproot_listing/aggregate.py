"""Aggregates over a resource: group, measure, one SELECT. The base of all reports and charts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import available_timezones

from sqlalchemy import DateTime, Numeric, Select, cast, func, literal, literal_column, select
from sqlalchemy.sql.elements import ColumnElement

from taproot_listing.errors import FieldRefused, ListingError, Problems
from taproot_listing.fields import Field, FieldType, Resource, as_utc
from taproot_listing.filter_check import check_filter
from taproot_listing.filter_sql import filter_sql
from taproot_listing.lists import Row

MAX_GROUPS = 10_000
MAX_GROUP_TERMS = 5
MAX_MEASURES = 10

_T = TypeVar("_T")
_CALL = re.compile(r"\s*([A-Za-z_]+)\s*\(([^()]*)\)\s*")
_BUCKETS = {
    "year": "YYYY",
    "quarter": 'YYYY"-Q"Q',
    "month": "YYYY-MM",
    "week": 'IYYY"-W"IW',
    "day": "YYYY-MM-DD",
}
_NUMERIC = frozenset({FieldType.NUMBER, FieldType.INTEGER})
_ORDERED = _NUMERIC | {FieldType.TEXT, FieldType.INSTANT, FieldType.DATE}
_SCALAR = _ORDERED | {FieldType.BOOLEAN, FieldType.ENUM, FieldType.ID}

_Measure = Callable[[ColumnElement[Any]], ColumnElement[Any]]


def _average(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Not `avg`: it keeps about 16 digits, so that a large average loses its decimals."""
    places: ColumnElement[Any] = literal_column("1.00000000000000000000", Numeric())
    return func.round(func.sum(value) * places / func.count(value), 6)


_MEASURES: Mapping[str, tuple[frozenset[FieldType], _Measure]] = {
    "sum": (_NUMERIC, func.sum),
    "avg": (_NUMERIC, _average),
    "min": (_ORDERED, func.min),
    "max": (_ORDERED, func.max),
    "distinct": (_SCALAR, lambda value: func.count(value.distinct())),
}


@dataclass(frozen=True)
class AggregateRow:
    """Texts in the order asked; empty where there is no value."""

    keys: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class AggregateQuery:
    statement: Select[Any]
    groups: int
    measures: int

    def rows(self, records: Sequence[Row]) -> list[AggregateRow]:
        """The answer. Raises ListingError when there are more groups than are answered at once."""
        if len(records) > MAX_GROUPS:
            raise ListingError(
                [("group_by", f"more than {MAX_GROUPS} groups; narrow the filter or group coarser")]
            )
        return [
            AggregateRow(
                tuple(_text(record[f"_key_{n}"]) for n in range(self.groups)),
                tuple(_text(record[f"_value_{n}"]) for n in range(self.measures)),
            )
            for record in records
        ]


def build_aggregate(
    resource: Resource,
    rows: Select[Any],
    visible: ColumnElement[bool],
    *,
    filter_text: str,
    group_by: Sequence[str],
    measures: Sequence[str],
    now: datetime,
    masked: frozenset[str] = frozenset(),
) -> AggregateQuery:
    """Count and measure what `visible` and the filter let pass.

    `rows` names the tables and joins (its columns are replaced). `group_by`: fields, or
    `year|quarter|month|week|day(field[, "Area/City"])`; a week is the ISO week; the zone is UTC if not given.
    `measures`: `count()` (the default), `sum|avg|min|max|distinct(field)`.

    Raises:
        ListingError: every violation of filter, group_by and measures.
    """
    problems = Problems()
    checked = problems.check(lambda: check_filter(resource, filter_text, masked))
    find = _Finder(resource, masked)
    keys = problems.check(lambda: _terms("group_by", group_by, MAX_GROUP_TERMS, find.key))
    wanted = problems.check(lambda: _terms("measures", measures or ["count()"], MAX_MEASURES, find.measure))
    problems.raise_any()
    assert checked is not None
    assert keys is not None
    assert wanted is not None
    inner = rows.where(visible, filter_sql(checked, now))
    return AggregateQuery(_statement(inner, keys, wanted), len(keys), len(wanted))


def _statement(
    rows: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    measures: Sequence[tuple[ColumnElement[Any], _Measure]],
) -> Select[Any]:
    # Grouping over a subquery: the parameters inside an expression then occur once, and PostgreSQL sees
    # that what is selected is what is grouped by.
    labelled = [key.label(f"_key_{n}") for n, key in enumerate(keys)]
    inputs = [value.label(f"_input_{n}") for n, (value, _) in enumerate(measures)]
    source = rows.with_only_columns(*labelled, *inputs, maintain_column_froms=True).subquery("source")
    groups = [source.c[label.key] for label in labelled]
    values = [
        measure(source.c[value.key]).label(f"_value_{n}")
        for n, (value, (_, measure)) in enumerate(zip(inputs, measures, strict=True))
    ]
    limit: ColumnElement[int] = literal_column(str(MAX_GROUPS + 1))
    return select(*groups, *values).group_by(*groups).order_by(*groups).limit(limit)


def _terms(name: str, texts: Sequence[str], most: int, read: Callable[[str], _T]) -> list[_T]:
    found: list[_T] = []
    problems = [] if len(texts) <= most else [f"more than {most} terms"]
    for text in texts:
        try:
            found.append(read(text))
        except FieldRefused as refused:
            problems.append(str(refused))
    if problems:
        raise ListingError((name, problem) for problem in problems)
    return found


class _Finder:
    def __init__(self, resource: Resource, masked: frozenset[str]) -> None:
        self._resource = resource
        self._masked = masked

    def key(self, text: str) -> ColumnElement[Any]:
        call = _CALL.fullmatch(text)
        if call is None:
            return self._field(text.strip(), _SCALAR, "be grouped by").valued
        unit, (name, *zone) = call[1], [part.strip() for part in call[2].split(",")]
        if unit not in _BUCKETS or len(zone) > 1:
            raise FieldRefused(
                f"unknown bucket '{text.strip()}'; there are {', '.join(_BUCKETS)}(field[, zone])"
            )
        field = self._field(name, frozenset({FieldType.INSTANT, FieldType.DATE}), f"be grouped by {unit}")
        return func.to_char(_local(field, zone), literal(_BUCKETS[unit]))

    def measure(self, text: str) -> tuple[ColumnElement[Any], _Measure]:
        call = _CALL.fullmatch(text)
        name, argument = (call[1], call[2].strip()) if call else ("", "")
        if name == "count" and not argument:
            return literal_column("1"), func.count
        if name not in _MEASURES:
            known = ", ".join(f"{known}(field)" for known in _MEASURES)
            raise FieldRefused(f"unknown measure '{text.strip()}'; there are count(), {known}")
        kinds, measure = _MEASURES[name]
        return self._field(argument, kinds, f"be measured by {name}").valued, measure

    def _field(self, name: str, kinds: frozenset[FieldType], use: str) -> Field:
        field = self._resource.find(name, self._masked)
        beside = field.through is not None and field.sort_column is None
        if field.repeated or field.type not in kinds or beside:
            raise FieldRefused(f"field '{name}' cannot {use}")
        return field


def _local(field: Field, zone: Sequence[str]) -> ColumnElement[Any]:
    if field.type is FieldType.DATE:
        if zone:
            raise FieldRefused(f"field '{field.name}' is a date and has no time zone")
        return cast(field.valued, DateTime())
    name = zone[0].strip("\"'") if zone else "UTC"
    if name not in _zones():
        raise FieldRefused(f"unknown time zone '{name}'")
    return func.timezone(name, field.valued)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if "/" in name) | {"UTC"}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return as_utc(value).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
