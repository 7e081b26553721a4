"""What else is wrong with a request of which some fields could not be read: callers get all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from taproot_chassis.validation import violations_of
from taproot_gateway.transcoding.contracts import is_map
from taproot_gateway.transcoding.input import MAX_VIOLATIONS, Violation

_ABSENT: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_STRING: "",
    FieldDescriptor.CPPTYPE_BOOL: False,
    FieldDescriptor.CPPTYPE_MESSAGE: {},
}


def other_violations(
    made: type[Message], init: dict[str, Any], found: Sequence[Violation]
) -> list[Violation]:
    """What the contract says against the fields that could be read. `init` has None where one could not."""
    message = made(**_readable(made.DESCRIPTOR, init))
    others = [Violation(each.field, each.description) for each in violations_of(message)]
    unread = [each.field for each in found]
    told = [each for each in others if not any(_concerns(each.field, path) for path in unread)]
    return told[: MAX_VIOLATIONS - len(found)]


def _concerns(path: str, unread: str) -> bool:
    """Whether a rule on `path` saw a stand-in: it is the unread field, inside it, or the list it is in."""
    inside = not unread or path.startswith((f"{unread}.", f"{unread}["))
    return path == unread or inside or unread.startswith(f"{path}[")


def _readable(descriptor: Any, init: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in init.items() if value is not None}
    return {name: _value(descriptor.fields_by_name[name], value) for name, value in given.items()}


def _value(field: FieldDescriptor, value: Any) -> Any:
    if is_map(field):
        # Maps take ready messages only: what is still a dictionary has an unread field.
        return {key: inner for key, inner in value.items() if not (inner is None or isinstance(inner, dict))}
    if field.is_repeated and isinstance(value, list):
        return [_one(field, inner) for inner in value]
    return _one(field, value)


def _one(field: FieldDescriptor, value: Any) -> Any:
    """In a list an unread value keeps its place, so that the paths of the others stay right."""
    if value is None:
        return b"" if field.type == FieldDescriptor.TYPE_BYTES else _ABSENT.get(field.cpp_type, 0)
    kind = field.message_type
    if kind is None or kind.full_name.startswith("google.protobuf.") or not isinstance(value, dict):
        return value
    return _readable(kind, value)
