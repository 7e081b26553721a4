"""JSON to scalar field values. Every converter raises ValueError with words for the client."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

Convert = Callable[[Any], Any]

_DIGITS = re.compile(r"-?[0-9]{1,20}\Z")
_INT32 = (-(2**31), 2**31 - 1)
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: _INT32,
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MOST_ENUM_NAMES = 12


def scalar(field: FieldDescriptor) -> Convert:
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.cpp_type in _RANGES:
        return _integer(*_RANGES[field.cpp_type])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _bool
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return _double
    return _float if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT else _string


def from_text(field: FieldDescriptor) -> Convert:
    """For path variables, query parameters and map keys, where everything arrives as text."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _bool_text
    return scalar(field)


def _string(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("must be text")
    return value


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def _bool_text(value: Any) -> bool:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return bool(value == "true")


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and _DIGITS.match(value):
        return int(value)
    raise ValueError("must be a whole number")


def _integer(low: int, high: int) -> Convert:
    def convert(value: Any) -> int:
        number = _whole(value)
        if not low <= number <= high:
            raise ValueError(f"must be from {low} to {high}")
        return number

    return convert


def _double(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    if type(value) is str and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    try:
        number = float(value) if type(value) is str and value == value.strip() and "_" not in value else None
    except ValueError:
        number = None
    if number is None or not math.isfinite(number):
        raise ValueError("must be a number")
    return number


def _float(value: Any) -> float:
    number = _double(value)
    if math.isfinite(number):
        try:
            struct.pack("<f", number)
        except OverflowError:
            raise ValueError("is too large for a single-precision number") from None
    return number


def _bytes(value: Any) -> bytes:
    """Standard or URL-safe base64, padded or not."""
    try:
        text = _string(value).translate({45: 43, 95: 47}).rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("must be base64 text") from None


def _enum(enum: EnumDescriptor) -> Convert:
    """Full names, names without the enum's prefix, and numbers."""
    if enum.full_name == "google.protobuf.NullValue":
        return _null
    names: dict[Any, int] = {}
    for name, value in enum.values_by_name.items():
        names.setdefault(name.removeprefix(_prefix(enum)), value.number)
    names.update((name, value.number) for name, value in enum.values_by_name.items())
    number = _integer(*_INT32)

    def convert(value: Any) -> int:
        if type(value) is str and value in names:
            return names[value]
        try:
            return int(number(value))
        except ValueError:
            raise ValueError(f"must be one of {_known(enum)}") from None

    return convert


def _null(value: Any) -> int:
    if value not in (None, "NULL_VALUE", 0):
        raise ValueError("must be null")
    return 0


def _prefix(enum: EnumDescriptor) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"


def _known(enum: EnumDescriptor) -> str:
    names = [value.name for value in enum.values if value.number != 0]
    shown = ", ".join(names[:_MOST_ENUM_NAMES])
    return shown + (", ..." if len(names) > _MOST_ENUM_NAMES else "")
