"""Literals of the filter language as values of a field's type. A ValueError says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from taproot_listing.fields import Field, FieldType

_NUMBER = re.compile(r"[+-]?[0-9]{1,1000}(\.[0-9]{1,1000})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,6})?0{0,3}([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INT64 = 2**63


def parse_value(field: Field, text: str) -> Any:
    return _PARSERS[field.type](field, text)


def _text(field: Field, text: str) -> str:
    return text if field.normalized_column is None else field.normalize(text)


def _number(_field: Field, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError("a decimal number such as 12.50")
    return Decimal(text)


def _integer(_field: Field, text: str) -> int:
    value = int(text) if _INTEGER.fullmatch(text) else _INT64
    if not -_INT64 <= value < _INT64:
        raise ValueError("a whole number of 64 bits")
    return value


def _boolean(_field: Field, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("true or false")
    return text.lower() == "true"


def _date(_field: Field, text: str) -> date:
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise ValueError("a date such as 2024-02-29") from None


def _instant(field: Field, text: str) -> datetime:
    """RFC 3339, or a date that stands for its midnight in UTC."""
    match = _INSTANT.fullmatch(text)
    try:
        if match is None:
            return datetime.combine(_date(field, text), time.min, UTC)
        day, clock, fraction, zone = match.groups()
        return datetime.fromisoformat(f"{day}T{clock}{fraction or ''}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time such as 2024-02-29T08:30:00Z, at most in microseconds") from None


def _enum(field: Field, text: str) -> str:
    stored = field.enum_literals.get(text.upper())
    if stored is None:
        by_stored = {value: name for name, value in reversed(list(field.enum_literals.items()))}
        raise ValueError("one of " + ", ".join(by_stored[value] for value in sorted(by_stored)))
    return stored


def _id(_field: Field, text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise ValueError("a UUID")
    return UUID(text)


_PARSERS: Mapping[FieldType, Callable[[Field, str], Any]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.INTEGER: _integer,
    FieldType.BOOLEAN: _boolean,
    FieldType.INSTANT: _instant,
    FieldType.DATE: _date,
    FieldType.ENUM: _enum,
    FieldType.ID: _id,
}
