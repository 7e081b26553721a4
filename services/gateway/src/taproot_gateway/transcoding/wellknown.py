"""JSON to the well-known types of protobuf. Every function raises ValueError with words for the client."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2

# Deeper nesting is refused, as `json_format` does: each level costs Python frames.
MAX_DEPTH = 100
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, as google/protobuf/timestamp.proto limits them.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_CAPITAL = re.compile("([A-Z])")


class TooDeep(ValueError):
    def __init__(self) -> None:
        super().__init__(f"is nested deeper than {MAX_DEPTH} levels")


def timestamp(value: Any) -> timestamp_pb2.Timestamp:
    match = _RFC3339.match(value) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError  # noqa: TRY301 - one message for every fault
        offset = "+00:00" if match[3] == "Z" else match[3]
        seconds = (datetime.fromisoformat(match[1] + offset) - _EPOCH) // _SECOND
        if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
            raise ValueError  # noqa: TRY301
    except ValueError:
        raise ValueError("must be an RFC 3339 time such as 2026-01-31T09:30:00Z") from None
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=int((match[2] or "0").ljust(9, "0")))


def duration(value: Any) -> duration_pb2.Duration:
    message = duration_pb2.Duration()
    try:
        message.FromJsonString(value)
    except (ValueError, TypeError, AttributeError):
        raise ValueError("must be a number of seconds such as 3.5s") from None
    return message


def snake(path: str) -> str:
    return _CAPITAL.sub(lambda match: "_" + match.group(1).lower(), path)


def field_mask(value: Any) -> field_mask_pb2.FieldMask:
    """Paths in lowerCamelCase or as the contract writes them."""
    if type(value) is not str:
        raise ValueError("must be field paths separated by commas")
    paths = [snake(path.strip()) for path in value.split(",") if path.strip()]
    return field_mask_pb2.FieldMask(paths=paths)


def struct(value: Any, depth: int = 0) -> struct_pb2.Struct:
    if type(value) is not dict:
        raise ValueError("must be an object")
    message = struct_pb2.Struct()
    fields = message.fields
    for key, inner in value.items():
        _fill(fields[key], inner, depth + 1)
    return message


def list_value(value: Any, depth: int = 0) -> struct_pb2.ListValue:
    if type(value) is not list:
        raise ValueError("must be a list")
    return struct_pb2.ListValue(values=[any_value(inner, depth + 1) for inner in value])


def any_value(value: Any, depth: int = 0) -> struct_pb2.Value:
    message = struct_pb2.Value()
    _fill(message, value, depth)
    return message


def _fill(message: struct_pb2.Value, value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TooDeep
    if isinstance(value, str):
        message.string_value = value
    elif value is None:
        message.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = _finite(value)
    elif isinstance(value, dict):
        message.struct_value.CopyFrom(struct(value, depth))
    else:
        message.list_value.CopyFrom(list_value(value, depth))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return float(value)
