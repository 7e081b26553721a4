"""Between stored rows and protobuf, by the contract's own field names.

A column has the name of its field and decides its type: UUIDs and decimals are text in the contract.
Enums are stored as lower-case short names, a Money `x` as `x_amount` and `x_currency`, or as `x` where the record
has one `currency_code` for all its money, `etag` as `version`, nested messages as JSON objects that name every field but those with presence that are not set.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from sqlalchemy import Numeric, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_storage.updates import custom_values

M = TypeVar("M", bound=Message)
Values = dict[str, Any]

TIMESTAMP = "google.protobuf.Timestamp"
DATE = "google.type.Date"
MONEY = "taproot.type.v1.Money"
WELL_KNOWN = "google.protobuf."


@cache
def _names(enum: EnumDescriptor) -> dict[int, str]:
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return {v.number: v.name.removeprefix(prefix).lower() if v.number else "" for v in enum.values}


@cache
def _numbers(enum: EnumDescriptor) -> dict[str, int]:
    return {name: number for number, name in _names(enum).items()}


def short_name(enum: EnumDescriptor, number: int) -> str:
    """`JOB_STATE_OPEN` -> `open`; empty when not stated."""
    return _names(enum)[number]


def literals(enum: EnumDescriptor) -> dict[str, str]:
    """What a filter may say for each stored short name: `JOB_STATE_OPEN` or `OPEN`."""
    stored = {value.name: _names(enum)[value.number] for value in enum.values if value.number}
    return stored | {short.upper(): short for short in stored.values()}


# Reading messages.


def values_of(message: Message, names: Iterable[str], model: Any) -> Values:
    """The named fields as columns of the model; `custom` comes as the patch it is.

    Raises InvalidArgument with every bad value at once.
    """
    columns = model.__table__.c
    found: Values = {}
    faults: list[Any] = []
    for name in names:
        field: Any = message.DESCRIPTOR.fields_by_name[name]
        path = f"{model.aggregate_type}.{name}"
        try:
            found |= _stored(field, message, columns, path)
        except InvalidArgument as error:
            faults += error.violations
        except ValueError as error:
            faults.append((path, str(error)))
    if faults:
        raise InvalidArgument(faults)
    return found


def _stored(field: FieldDescriptor, message: Any, columns: Any, path: str) -> Values:
    if _is_a(field, MONEY):
        present = message.HasField(field.name)
        amount, currency = wire.from_money(getattr(message, field.name)) if present else (None, None)
        names = _money_columns(field.name, columns)
        assert names is not None
        return dict(zip(names, (amount, currency), strict=True))
    return {field.name: _column_value(field, message, columns[field.name], path)}


def _money_columns(name: str, columns: Any) -> tuple[str, str] | None:
    """Names of the columns of an amount and of its currency."""
    own, shared = (f"{name}_amount", f"{name}_currency"), (name, "currency_code")
    return next((names for names in (own, shared) if all(column in columns for column in names)), None)


def _is_a(field: FieldDescriptor, kind: str) -> bool:
    return field.message_type is not None and field.message_type.full_name == kind and not field.is_repeated


def _column_value(field: Any, message: Any, column: Any, path: str) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        found = [_json_value(field, item) for item in value]
        of_ids = isinstance(column.type, ARRAY) and isinstance(column.type.item_type, Uuid)
        return [uuid.UUID(item) for item in found] if of_ids else found
    if field.message_type is not None:
        return _message_value(field, message, path)
    if field.has_presence and not message.HasField(field.name):
        return column.default.arg if column.default is not None else None
    if field.enum_type is not None:
        return _names(field.enum_type)[value]
    return _text_value(value, column) if isinstance(value, str) else value


def _text_value(value: str, column: Any) -> Any:
    if isinstance(column.type, Uuid):
        return wire.optional_uuid(value)
    if isinstance(column.type, Numeric):
        return Decimal(value) if value else None
    return (value or None) if column.nullable else value


def _message_value(field: FieldDescriptor, message: Any, path: str) -> Any:
    if _is_a(field, TIMESTAMP):
        return wire.optional_instant(message, field.name)
    if _is_a(field, DATE):
        return wire.optional_date(message, field.name)
    if field.name == "custom":
        return custom_values(message.custom, path)
    return _json_value(field, getattr(message, field.name)) if message.HasField(field.name) else {}


def _json_value(field: FieldDescriptor, value: Any) -> Any:
    """One value inside JSON: enums by short name, dates as text, the well-known types in their JSON form."""
    if field.enum_type is not None:
        return _names(field.enum_type)[value]
    if field.message_type is None:
        return value
    if field.message_type.full_name == DATE:
        return wire.from_date(value).isoformat()
    if field.message_type.full_name.startswith(WELL_KNOWN):
        return MessageToDict(value)
    parts = (part for part in field.message_type.fields if not part.has_presence or value.HasField(part.name))
    return {part.name: _json_member(part, value) for part in parts}


def _json_member(field: FieldDescriptor, message: Any) -> Any:
    value = getattr(message, field.name)
    return [_json_value(field, item) for item in value] if field.is_repeated else _json_value(field, value)


# Writing messages.

_Writer = Callable[[Message, Mapping[str, Any]], None]


def message_of(kind: type[M], row: Any) -> M:
    """The message of a row of asyncpg or of `row_of`. Fields without a column stay empty."""
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
    if _is_a(field, MONEY):
        names = _money_columns(name, columns)
        return _money_writer(name, *names) if names else None
    if name not in columns:
        return None
    return lambda message, row: _put(field, message, row[name])


def _money_writer(name: str, amount: str, currency: str) -> _Writer:
    def write(message: Message, row: Mapping[str, Any]) -> None:
        money = wire.to_money(row[amount], row[currency])
        if money is not None:
            getattr(message, name).CopyFrom(money)

    return write


def _put(field: FieldDescriptor, message: Any, value: Any) -> None:
    if value is None:
        return
    if field.is_repeated:
        _extend(field, message, value)
    elif field.enum_type is not None:
        setattr(message, field.name, _numbers(field.enum_type)[value])
    elif field.message_type is None:
        setattr(message, field.name, _plain(value))
    elif isinstance(value, datetime):
        getattr(message, field.name).FromDatetime(value)
    else:
        _put_message(getattr(message, field.name), value)


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _extend(field: FieldDescriptor, message: Any, values: Iterable[Any]) -> None:
    target = getattr(message, field.name)
    if field.enum_type is not None:
        target.extend(_numbers(field.enum_type)[value] for value in values)
    elif field.message_type is None:
        target.extend(map(_plain, values))
    else:
        for value in values:
            _put_message(target.add(), value)


def _put_message(target: Any, value: Any) -> None:
    kind = target.DESCRIPTOR.full_name
    if kind == DATE:
        target.CopyFrom(wire.to_date(value if isinstance(value, date) else date.fromisoformat(value)))
    elif kind.startswith(WELL_KNOWN):
        if value:
            ParseDict(value, target)
    else:
        for name, member in value.items():
            _put(target.DESCRIPTOR.fields_by_name[name], target, member)
