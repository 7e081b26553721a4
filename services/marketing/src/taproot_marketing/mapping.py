"""Between stored rows and protobuf, by the contract's own field names.

A column has the name of its field. Enums are stored as lower-case short names, messages as JSON,
`x_id` as UUID, a Money `x` as `x_amount` and `x_currency`, `etag` as `version`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from taproot_chassis import wire
from taproot_chassis.updates import custom_values, merge_patch

M = TypeVar("M", bound=Message)
Values = dict[str, Any]

_TIMESTAMP = "google.protobuf.Timestamp"
_DATE = "google.type.Date"
_MONEY = "taproot.type.v1.Money"


def short_enum(field: FieldDescriptor, number: int) -> str:
    """`CAMPAIGN_STATE_DRAFT` -> `draft`; empty when not stated."""
    assert field.enum_type is not None
    name = field.enum_type.values_by_number[number].name
    return "" if number == 0 else name.removeprefix(_prefix(field)).lower()


@cache
def _prefix(field: FieldDescriptor) -> str:
    assert field.enum_type is not None
    return str(field.enum_type.values_by_number[0].name).removesuffix("UNSPECIFIED")


# ---------------------------------------------------------------- reading messages


def values_of(message: Message, names: Iterable[str]) -> Values:
    """The named fields as they are stored. `custom` comes as the patch it is."""
    found: Values = {}
    descriptor: Any = message.DESCRIPTOR
    for name in names:
        field = descriptor.fields_by_name[name]
        found |= _stored(field, message)
    return found


def _stored(field: FieldDescriptor, message: Message) -> Values:
    name, value = field.name, getattr(message, field.name)
    if field.is_repeated:
        many = [_json(item) for item in value] if field.message_type else list(value)
        return {name: many}
    if field.message_type is None:
        return {name: _scalar(field, value)}
    kind = field.message_type.full_name
    present = message.HasField(name)
    if kind == _MONEY:
        amount, currency = wire.from_money(value) if present else (None, None)
        return {f"{name}_amount": amount, f"{name}_currency": currency}
    if kind == _TIMESTAMP:
        return {name: wire.optional_instant(message, name)}
    if kind == _DATE:
        return {name: wire.optional_date(message, name)}
    if name == "custom":
        return {name: custom_values(value)}
    return {name: _json(value) if present else {}}


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return short_enum(field, value)
    if field.name.endswith("_id") or field.name == "id":
        return wire.optional_uuid(value)
    return value


def _json(message: Message) -> Any:
    return MessageToDict(message, preserving_proto_field_name=True)


def merge_custom(values: Values, stored: Mapping[str, Any]) -> Values:
    """Apply the patch of `custom`, when there is one, to what is stored."""
    if "custom" in values:
        values["custom"] = merge_patch(stored, values["custom"])
    return values


# ---------------------------------------------------------------- writing messages

_Writer = Callable[[Message, Mapping[str, Any]], None]


def message_of(kind: type[M], row: Any) -> M:
    """The message of a row: of asyncpg, or of `row_of`. Fields without a column stay empty."""
    message = kind()
    for write in _writers(kind.DESCRIPTOR, tuple(row.keys())):
        write(message, row)
    return message


def row_of(entity: Any) -> Values:
    """A mapped object as a row."""
    return {column.key: getattr(entity, column.key) for column in entity.__table__.columns}


@cache
def _writers(descriptor: Descriptor, columns: tuple[str, ...]) -> tuple[_Writer, ...]:
    have = frozenset(columns)
    return tuple(w for field in descriptor.fields if (w := _writer(field, have)) is not None)


def _writer(field: FieldDescriptor, columns: frozenset[str]) -> _Writer | None:
    name = field.name
    if name == "etag" and "version" in columns:
        return lambda message, row: setattr(message, "etag", str(row["version"]))
    if field.message_type is not None and field.message_type.full_name == _MONEY:
        return _money_writer(name) if f"{name}_amount" in columns else None
    if name not in columns:
        return None
    if field.message_type is not None:
        return _message_writer(field)
    if field.is_repeated:
        return lambda message, row: getattr(message, name).extend(row[name] or ())
    if field.enum_type is not None:
        return _enum_writer(field)
    return lambda message, row: _put(message, name, row[name])


def _put(message: Message, name: str, value: Any) -> None:
    if value is None:
        return
    plain = isinstance(value, str | int | float)
    setattr(
        message, name, value if plain else format(value, "f") if isinstance(value, Decimal) else str(value)
    )


def _money_writer(name: str) -> _Writer:
    def write(message: Message, row: Mapping[str, Any]) -> None:
        money = wire.to_money(row[f"{name}_amount"], row[f"{name}_currency"])
        if money is not None:
            getattr(message, name).CopyFrom(money)

    return write


def _enum_writer(field: FieldDescriptor) -> _Writer:
    assert field.enum_type is not None
    prefix = _prefix(field)
    numbers = {v.name.removeprefix(prefix).lower(): v.number for v in field.enum_type.values}
    return lambda message, row: setattr(message, field.name, numbers.get(row[field.name] or "", 0))


def _message_writer(field: FieldDescriptor) -> _Writer:
    name = field.name

    def write(message: Message, row: Mapping[str, Any]) -> None:
        value = row[name]
        if value is None:
            return
        target = getattr(message, name)
        if isinstance(value, datetime):
            target.FromDatetime(value)
        elif isinstance(value, date):
            target.CopyFrom(wire.to_date(value))
        elif field.is_repeated:
            for item in value:
                ParseDict(item, target.add(), ignore_unknown_fields=True)
        elif value:
            ParseDict(value, target, ignore_unknown_fields=True)

    return write


def text_ids(values: Iterable[uuid.UUID]) -> list[str]:
    return [str(value) for value in values]
