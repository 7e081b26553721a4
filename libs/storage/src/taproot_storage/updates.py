"""Partial changes: update masks, etags, custom fields as merge patches."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from taproot_base.context import current_call_or_none
from taproot_base.descriptors import fixed_fields, is_repeated, type_name
from taproot_base.errors import EtagMismatch, InvalidArgument, Violation

CUSTOM_KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
ADDRESSING = frozenset({"id", "etag"})


def changed_fields(
    resource: Message,
    mask: FieldMask,
    only: Collection[str] | None = None,
    by_verb: Mapping[str, str] | None = None,
    addressing: Collection[str] = ADDRESSING,
) -> list[str]:
    """Top-level fields to change: those of the mask, or the ones present when it is empty.

    `only`: what this method changes, where that is not all that may be given on create. `by_verb`: field -> the method
    that changes it instead. `addressing`: fields that say which record is meant.
    Raises InvalidArgument, naming each, for `*`, unknown, nested, output-only and immutable paths, and for every field
    this method does not change: nothing that was asked for is passed over in silence.
    """
    kind = type_name(resource.DESCRIPTOR.name)
    names = [path.removeprefix(f"{kind}.") for path in mask.paths] or [
        field.name for field, _ in resource.ListFields() if field.name not in addressing
    ]
    where = "update_mask" if mask.paths else ""
    found = (
        _against(resource, name, where or f"{kind}.{name}", addressing)
        or _elsewhere(f"{kind}.{name}", name, only, by_verb or {})
        for name in names
    )
    if violations := [one for one in found if one is not None]:
        raise InvalidArgument(violations)
    return names


def _against(resource: Message, name: str, where: str, addressing: Collection[str]) -> Violation | None:
    if name == "*":
        return Violation(where, "`*` is refused: name the fields to change")
    if name not in resource.DESCRIPTOR.fields_by_name:
        return Violation(where, f"unknown field {name}")
    if name in addressing or name in fixed_fields(resource.DESCRIPTOR):
        return Violation(where, f"{name} cannot be changed")
    return None


def _elsewhere(
    where: str, name: str, only: Collection[str] | None, by_verb: Mapping[str, str]
) -> Violation | None:
    if name in by_verb:
        return Violation(where, f"is changed by {by_verb[name]} only")
    if only is not None and name not in only:
        return Violation(where, "cannot be changed")
    return None


def masked_copy(resource: Message, names: list[str]) -> Message:
    """The resource with only `names` set, for checks of just what changes."""
    copy = type(resource)()
    for name in names:
        field = resource.DESCRIPTOR.fields_by_name[name]
        value = getattr(resource, name)
        if is_repeated(field):
            getattr(copy, name).MergeFrom(value)
        elif field.message_type is not None:
            if resource.HasField(name):
                getattr(copy, name).CopyFrom(value)
        else:
            setattr(copy, name, value)
    return copy


def check_etag(given: str, version: int) -> None:
    """An empty etag asks for no check."""
    if given and given.strip('"') != str(version):
        raise EtagMismatch


def custom_values(custom: Struct, field: str = "custom") -> dict[str, Any]:
    """A Struct as stored in jsonb; raises InvalidArgument naming each bad key and value.

    `field`: where it stands, such as `job.custom`; its values are held against the definitions of that type.
    """
    values: dict[str, Any] = MessageToDict(custom)
    bad = [key for key in values if not CUSTOM_KEY.fullmatch(key)]
    if bad:
        raise InvalidArgument(
            (f"{field}.{key}", "keys are lower-case words joined by underscores") for key in sorted(bad)
        )
    return _checked_custom(values, field)


def _checked_custom(values: dict[str, Any], field: str) -> dict[str, Any]:
    resource, _, name = field.rpartition(".")
    call = current_call_or_none()
    if call is None or call.directory.custom is None or name != "custom":
        return values
    found, wrong = call.directory.custom.checked(resource.rpartition(".")[2], values, field)
    if wrong:
        raise InvalidArgument(wrong)
    return found


def require_custom(custom: Struct, field: str) -> None:
    """A new record has a value for every field of the enterprise's own that is required."""
    resource, call = field.removesuffix(".custom").rpartition(".")[2], current_call_or_none()
    if call is None or call.directory.custom is None:
        return
    present = [key for key, value in custom.fields.items() if value.WhichOneof("kind") != "null_value"]
    wrong = call.directory.custom.missing(resource, present, field)
    if wrong:
        raise InvalidArgument(wrong)


def merge_patch(stored: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396: null removes, objects merge, everything else replaces."""
    merged = dict(stored)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge_patch(merged[key], value)
        else:
            merged[key] = value
    return merged
