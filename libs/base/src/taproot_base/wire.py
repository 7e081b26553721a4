"""Small conversions between stored values and protobuf, the same in every service."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from taproot.type.v1.money_pb2 import Money

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_timestamp(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    # FromDatetime takes three times as long; records have several instants.
    since = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def from_timestamp(value: Timestamp) -> datetime:
    return value.ToDatetime(tzinfo=UTC)


def optional_instant(message: Any, field: str) -> datetime | None:
    return from_timestamp(getattr(message, field)) if message.HasField(field) else None


def to_date(day: date | None) -> Date | None:
    return None if day is None else Date(year=day.year, month=day.month, day=day.day)


def from_date(value: Date) -> date:
    """Raises ValueError for a day that does not exist."""
    return date(value.year, value.month, value.day)


def optional_date(message: Any, field: str) -> date | None:
    return from_date(getattr(message, field)) if message.HasField(field) else None


def to_money(amount: Decimal | None, currency: str | None) -> Money | None:
    """The shortest exact text: `10.5000` is written `10.50`, `10` is `10.00`."""
    if amount is None:
        return None
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return Money(currency_code=currency or "", amount=f"{amount:.{places}f}")


def from_money(value: Money) -> tuple[Decimal, str]:
    return Decimal(value.amount), value.currency_code


def optional_uuid(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def text_of(value: Any) -> str:
    """An optional key as text; empty when there is none."""
    return "" if value is None else str(value)


@cache
def enum_name(enum: Any, number: int, prefix: str) -> str:
    """Stored text of an enum value: `THING_STATE_OPEN` -> `open`. Unspecified is empty."""
    name = enum.Name(number).removeprefix(prefix).lower()
    return "" if name == "unspecified" else name


@cache
def enum_number(enum: Any, stored: str, prefix: str) -> Any:
    return enum.Value(prefix + (stored or "unspecified").upper())
