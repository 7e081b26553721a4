"""Typed access to the keys of a JSON column, the same in SQL and in Python.

A value that is not of the declared type counts as absent: definitions change, stored records stay.
Numbers, dates and instants are JSON strings in canonical form (`12.50`, `2024-02-29`, `...T08:00:00Z`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Numeric,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot_listing.fields import Field, FieldType, Member

_NUMBER = r"-?[0-9]{1,100}(\.[0-9]{1,100})?"
_INTEGER = r"-?[0-9]{1,19}"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_INSTANT = _DATE + r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z"

_FORMS: Mapping[FieldType, tuple[str, Any, str | None]] = {
    FieldType.NUMBER: (_NUMBER, Numeric(), None),
    FieldType.INTEGER: (_INTEGER, Numeric(), None),
    FieldType.DATE: (_DATE, Date(), "date"),
    FieldType.INSTANT: (_INSTANT, DateTime(timezone=True), "timestamptz"),
}
_PLAIN = frozenset({FieldType.TEXT, FieldType.ENUM})


def member_field(root: Field, key: str, member: Member) -> Field:
    """The field `root.key`; `key` has been matched against `MEMBER_KEY` and so is safe inside SQL."""
    return replace(
        root,
        name=f"{root.name}.{key}",
        column=_expression(root.column, key, member),
        type=member.type,
        repeated=member.repeated,
        nullable=True,
        members=None,
        member_of=root.name,
        part=member.part,
    )


def _expression(column: ColumnElement[Any], key: str, member: Member) -> ColumnElement[Any]:
    name: ColumnElement[str] = literal_column(f"'{key}'", Text())
    value = type_coerce(column, JSONB())[name]
    if member.part:
        value = value[literal_column(f"'{member.part}'", Text())]
    kind = func.jsonb_typeof(value)
    if member.repeated:
        return case((kind == "array", value))
    if member.type in _PLAIN:
        return case((kind == "string", value.astext))
    if member.type is FieldType.BOOLEAN:
        return case((kind == "boolean", cast(value.astext, Boolean())))
    pattern, sql_type, checked = _FORMS[member.type]
    valid = value.astext.regexp_match(f"^({pattern})$")
    if checked is not None:
        valid = and_(valid, func.pg_input_is_valid(value.astext, checked))
    return case((valid, cast(value.astext, sql_type)))


def member_reader(field: Field) -> Callable[[Any], Any]:
    """From the JSON value to what the SQL expression yields."""
    read, part = _reader(field), field.part
    if part:
        return lambda value: read(value.get(part)) if isinstance(value, Mapping) else None
    return read


def _reader(field: Field) -> Callable[[Any], Any]:
    if field.repeated:
        return lambda value: value if isinstance(value, list) else None
    if field.type in _PLAIN:
        return lambda value: value if isinstance(value, str) else None
    if field.type is FieldType.BOOLEAN:
        return lambda value: value if isinstance(value, bool) else None
    pattern = re.compile(_FORMS[field.type][0])
    return lambda value: _parse(pattern, _PARSERS[field.type], value)


def _parse(pattern: re.Pattern[str], parser: Callable[[str], Any], value: object) -> Any:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    text = str(value) if number or isinstance(value, str) else ""
    try:
        return parser(text) if pattern.fullmatch(text) else None
    except ValueError:
        return None


_PARSERS: Mapping[FieldType, Callable[[str], Any]] = {
    FieldType.NUMBER: Decimal,
    FieldType.INTEGER: Decimal,
    FieldType.DATE: date.fromisoformat,
    FieldType.INSTANT: datetime.fromisoformat,
}
