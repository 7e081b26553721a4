"""From the fields of a message to the columns of its record, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from taproot_base.descriptors import output_only
from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_base.wire import from_date, from_money, from_timestamp, optional_uuid
from taproot_storage.updates import changed_fields, custom_values, merge_patch

Convert = Callable[[Any, str], dict[str, Any]]
SET_BY_SERVICE = "is set by the service and cannot be given"
ADDRESSING = frozenset({"id", "etag", "owner_id", "branch_id"})


def key_of(message: Message) -> UUID:
    """The id the client chose, or a new one."""
    given: str = message.id  # type: ignore[attr-defined]  # every resource has one
    return UUID(given) if given else new_id()


def present(message: Message) -> list[str]:
    """Fields a create request has set, but those that say what and where the record is."""
    faults = [(f"{message.DESCRIPTOR.name.lower()}.{name}", SET_BY_SERVICE) for name in output_only(message)]
    if faults:
        raise InvalidArgument(faults)
    return [field.name for field, _ in message.ListFields() if field.name not in ADDRESSING]


def changing(message: Message, mask: FieldMask, by_verb: Mapping[str, str]) -> list[str]:
    """Fields an update changes. `by_verb`: fields only a verb changes -> its name."""
    names = changed_fields(message, mask)
    faults = [(name, f"is changed by {by_verb[name]} only") for name in names if name in by_verb]
    if faults:
        raise InvalidArgument(faults)
    return names


def values_of(message: Message, names: Iterable[str], special: Mapping[str, Convert]) -> dict[str, Any]:
    """Columns of the named fields; every bad value is named at once."""
    values: dict[str, Any] = {}
    faults: list[Any] = []
    for name in names:
        try:
            values |= special.get(name, plain)(message, name)
        except InvalidArgument as error:
            faults += error.violations
        except ValueError as error:
            faults.append((f"{message.DESCRIPTOR.name.lower()}.{name}", str(error)))
    if faults:
        raise InvalidArgument(faults)
    return values


def plain(message: Any, name: str) -> dict[str, Any]:
    return {name: getattr(message, name)}


def key(message: Any, name: str) -> dict[str, Any]:
    return {name: optional_uuid(getattr(message, name))}


def keys(message: Any, name: str) -> dict[str, Any]:
    return {name: [UUID(text) for text in getattr(message, name)]}


def texts(message: Any, name: str) -> dict[str, Any]:
    return {name: list(getattr(message, name))}


def absent_when_empty(message: Any, name: str) -> dict[str, Any]:
    return {name: getattr(message, name) or None}


def day(message: Any, name: str) -> dict[str, Any]:
    return {name: from_date(getattr(message, name)) if message.HasField(name) else None}


def instant(message: Any, name: str) -> dict[str, Any]:
    return {name: from_timestamp(getattr(message, name)) if message.HasField(name) else None}


def custom(message: Any, name: str) -> dict[str, Any]:
    return {name: custom_values(getattr(message, name))}


def money(amount: str, currency: str) -> Convert:
    """A Money field in two columns."""

    def convert(message: Any, name: str) -> dict[str, Any]:
        if not message.HasField(name):
            return {amount: None, currency: None}
        value, code = from_money(getattr(message, name))
        return {amount: value, currency: code}

    return convert


def choice(enum: Any, prefix: str, default: str) -> Convert:
    """An enum as its short stored text."""

    def convert(message: Any, name: str) -> dict[str, Any]:
        text = enum.Name(getattr(message, name)).removeprefix(prefix).lower()
        return {name: default if text == "unspecified" else text}

    return convert


def patched(values: dict[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """`custom` changes as a merge patch."""
    if "custom" not in values:
        return values
    return values | {"custom": merge_patch(stored, values["custom"])}


def without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    """On create a null in `custom` means the same as nothing."""
    return values | {"custom": merge_patch({}, values["custom"])} if "custom" in values else values


def to_struct(values: Mapping[str, Any]) -> Struct:
    return ParseDict(dict(values), Struct())


def read(
    record: Any, names: Iterable[str], convert: Callable[[Any], Any] = lambda value: value
) -> dict[str, Any]:
    """Fields of a message that are columns of the same name."""
    return {name: convert(getattr(record, name)) for name in names}
