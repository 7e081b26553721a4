"""Messages to JSON: one closure per message type, compiled once.

The result equals proto3 JSON as `json_format` writes it with `preserving_proto_field_name=True`
(https://protobuf.dev/programming-guides/json/); a property test compares the two for every message type.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.internal.type_checkers import ToShortestFloat
from google.protobuf.message import Message

from taproot_gateway.transcoding.contracts import is_map

Convert = Callable[[Any], Any]

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86_400
# Hours and minutes, then seconds, ready made: half of a record's cost would be the formatting of its times.
_MINUTES = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}" for second in range(60))
_NANOS = 1_000_000_000
_INT64 = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}


def _fraction(nanos: int) -> str:
    """Nothing, 3, 6 or 9 digits, as few as hold the value."""
    if not nanos:
        return ""
    if nanos % 1_000_000 == 0:
        return f".{nanos // 1_000_000:03d}"
    if nanos % 1_000 == 0:
        return f".{nanos // 1_000:06d}"
    return f".{nanos:09d}"


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return date.fromordinal(_EPOCH_DAY + day).isoformat()


def timestamp(value: Any) -> str:
    day, clock = divmod(value.seconds, _DAY)
    minute, second = divmod(clock, 60)
    return f"{_date(day)}{_MINUTES[minute]}{_SECONDS[second]}{_fraction(value.nanos)}Z"


def duration(value: Any) -> str:
    total = value.seconds * _NANOS + value.nanos
    seconds, nanos = divmod(abs(total), _NANOS)
    return f"{'-' if total < 0 else ''}{seconds}{_fraction(nanos)}s"


def field_mask(value: Any) -> str:
    return ",".join(camel(path) for path in value.paths)


def camel(path: str) -> str:
    head, *tail = path.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def _struct(value: Any) -> dict[str, Any]:
    return {key: _value(inner) for key, inner in value.fields.items()}


def _list_value(value: Any) -> list[Any]:
    return [_value(inner) for inner in value.values]


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a google.protobuf.Value cannot hold NaN or infinity in JSON")
    return value


def _value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":  # by far the commonest
        return value.string_value
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return _list_value(value.list_value)
    return value.bool_value if kind == "bool_value" else None


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _float(value: float) -> Any:
    return ToShortestFloat(value) if math.isfinite(value) else _double(value)


def _bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bool_key(value: bool) -> str:
    return "true" if value else "false"


_WELL_KNOWN: dict[str, Convert] = {
    "google.protobuf.Timestamp": timestamp,
    "google.protobuf.Duration": duration,
    "google.protobuf.FieldMask": field_mask,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list_value,
}


class Encoders:
    """Compiles and keeps the closures; `encoder(descriptor)` gives message -> JSON-able."""

    def __init__(self) -> None:
        self._compiled: dict[Descriptor, Convert] = {}

    def encoder(self, descriptor: Descriptor) -> Convert:
        known = self._compiled.get(descriptor)
        return known if known is not None else self._compile(descriptor)

    def field(self, field: FieldDescriptor) -> Convert:
        return self._field(field) or (lambda value: value)

    def _compile(self, descriptor: Descriptor) -> Convert:
        if descriptor.full_name in _WELL_KNOWN:
            return _WELL_KNOWN[descriptor.full_name]
        if descriptor.full_name == "google.protobuf.Any":
            return self._any
        if descriptor.file.name == "google/protobuf/wrappers.proto":
            inner = _scalar(descriptor.fields_by_name["value"])
            return (lambda message: inner(message.value)) if inner else (lambda message: message.value)
        return self._regular(descriptor)

    def _regular(self, descriptor: Descriptor) -> Convert:
        table: dict[FieldDescriptor, tuple[str, Convert | None]] = {}

        def encode(message: Message) -> dict[str, Any]:
            out: dict[str, Any] = {}
            for field, value in message.ListFields():
                name, convert = table[field]
                out[name] = value if convert is None else convert(value)
            return out

        # Registered before the fields are compiled: a message may contain itself.
        self._compiled[descriptor] = encode
        for field in descriptor.fields:
            table[field] = (field.name, self._field(field))
        return encode

    def _field(self, field: FieldDescriptor) -> Convert | None:
        if is_map(field):
            return self._map(field)
        one = self._single(field)
        if not field.is_repeated:
            return one
        return list if one is None else (lambda values: [one(value) for value in values])

    def _single(self, field: FieldDescriptor) -> Convert | None:
        if field.message_type is not None:
            return self.encoder(field.message_type)
        return _scalar(field)

    def _map(self, field: FieldDescriptor) -> Convert:
        entry = field.message_type
        assert entry is not None
        value = self._single(entry.fields_by_name["value"]) or (lambda plain: plain)
        boolean = entry.fields_by_name["key"].cpp_type == FieldDescriptor.CPPTYPE_BOOL
        key: Callable[[Any], str] = _bool_key if boolean else str
        return lambda values: {key(name): value(inner) for name, inner in values.items()}

    def _any(self, message: Any) -> dict[str, Any]:
        if not message.type_url:
            return {}
        name = message.type_url.rsplit("/", 1)[-1]
        try:
            descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
        except KeyError:
            # A type newer than this gateway: handed on unread rather than refused.
            return {"@type": message.type_url, "value": _bytes(message.value)}
        inner = message_factory.GetMessageClass(descriptor).FromString(message.value)
        encoded = self.encoder(descriptor)(inner)
        if isinstance(encoded, dict) and descriptor.full_name not in _SPECIAL_IN_ANY:
            return {"@type": message.type_url, **encoded}
        return {"@type": message.type_url, "value": encoded}


# Types with a JSON form of their own stand under `value` inside an Any, even where that form is an object.
_SPECIAL_IN_ANY = {*_WELL_KNOWN, "google.protobuf.Any"}


def _scalar(field: FieldDescriptor) -> Convert | None:
    """None where the Python value is the JSON value."""
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes
    if field.cpp_type in _INT64:
        return str
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return _double
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return _float
    return None


def _enum(enum: EnumDescriptor) -> Convert:
    if enum.full_name == "google.protobuf.NullValue":
        return lambda _: None
    names: dict[int, Any] = {number: value.name for number, value in enum.values_by_number.items()}
    return lambda number: names.get(number, number)
