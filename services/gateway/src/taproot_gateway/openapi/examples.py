"""Example bodies: enough to start from in the try-it form, made from names, types and rules."""

from __future__ import annotations

from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from taproot_gateway.transcoding.contracts import is_map

_SKIPPED = {"request_id", "etag", "update_mask", "custom", "id"}
_ID = "0190b6a0-0000-7000-8000-000000000001"
_SPECIAL: dict[str, Any] = {
    "google.protobuf.Timestamp": "2026-01-31T09:30:00Z",
    "google.protobuf.Duration": "60s",
    "google.protobuf.FieldMask": "",
    "google.protobuf.Struct": {},
    "google.protobuf.Value": None,
    "google.protobuf.ListValue": [],
    "google.protobuf.Any": {},
    "google.type.Date": {"year": 2026, "month": 1, "day": 31},
    "taproot.type.v1.Money": {"currency_code": "CNY", "amount": "1234.50"},
}
_BY_NAME = {
    "display_name": "Example",
    "email": "someone@example.com",
    "phone": "+8613800000000",
    "currency_code": "CNY",
    "time_zone": "Asia/Shanghai",
    "language_code": "zh-CN",
    "filter": "",
}
_MAX_DEPTH, _MAX_FIELDS = 2, 8


def example(descriptor: Descriptor, leave_out: set[str] | None = None, depth: int = 0) -> Any:
    """A small JSON value of the type. Fields the client may not set are left out."""
    if descriptor.full_name in _SPECIAL:
        return _SPECIAL[descriptor.full_name]
    fields = [
        field for field in descriptor.fields if _writable(field) and field.name not in (leave_out or ())
    ]
    out = {}
    chosen: set[str] = set()
    for field in fields[:_MAX_FIELDS]:
        oneof = field.containing_oneof.name if field.containing_oneof else ""
        if oneof not in chosen and (field.message_type is None or depth < _MAX_DEPTH):
            out[field.name] = _value(field, depth)
            chosen |= {oneof} - {""}
    return out


def _writable(field: FieldDescriptor) -> bool:
    options: Any = field.GetOptions()
    output_only = field_behavior_pb2.OUTPUT_ONLY in options.Extensions[field_behavior_pb2.field_behavior]
    return not output_only and field.name not in _SKIPPED


def _value(field: FieldDescriptor, depth: int) -> Any:
    if is_map(field):
        return {}
    one = _single(field, depth)
    return [one] if field.is_repeated else one


def _single(field: FieldDescriptor, depth: int) -> Any:
    if field.message_type is not None:
        return example(field.message_type, depth=depth + 1)
    if field.enum_type is not None:
        return field.enum_type.values[min(1, len(field.enum_type.values) - 1)].name
    if field.name.endswith(("_id", "_ids")):
        return _ID
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _BY_NAME.get(field.name, "text")
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return False
    return "1" if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64) else 1
