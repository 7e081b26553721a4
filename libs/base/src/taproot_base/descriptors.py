"""What the contracts say about methods and fields, read from the descriptors once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from taproot.options.v1 import options_pb2


@dataclass(frozen=True)
class MethodRule:
    """Who may call a method. `writes` by the AIP prefix of its name: anything but reading."""

    full_name: str
    permission: str
    services: frozenset[str]
    portal: bool
    writes: bool
    typed: bool = False


class NoAccessRule(RuntimeError):
    """A method of the contract does not say who may call it."""


READING = (
    "Get",
    "List",
    "Aggregate",
    "Find",
    "Preview",
    "Check",
    "Identify",
    "WaitOperation",
    "Replay",
    "Search",
    "Read",
    "Expand",
    "Suggest",
)


def method_rules(service_name: str) -> dict[str, MethodRule]:
    """`/package.Service/Method` -> rule, for every method of a service."""
    service = descriptor_pool.Default().FindServiceByName(service_name)
    found = {}
    for method in service.methods:
        path = f"/{service_name}/{method.name}"
        access = method.GetOptions().Extensions[options_pb2.access]
        if not access.permission:
            raise NoAccessRule(f"{path} declares no permission")
        found[path] = MethodRule(
            path,
            access.permission,
            frozenset(access.services),
            access.portal,
            not method.name.startswith(READING),
            access.typed,
        )
    return found


def is_repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def is_map(field: Any) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


@cache
def sensitive_fields(descriptor: Any) -> tuple[tuple[FieldDescriptor, str], ...]:
    """Fields of a message with their class, such as `personal`."""
    found = []
    for field in descriptor.fields:
        value = field.GetOptions().Extensions[options_pb2.sensitive]
        if value:
            name = options_pb2.Sensitivity.Name(value).removeprefix("SENSITIVITY_").lower()
            found.append((field, name))
    return tuple(found)


@cache
def _with_behavior(descriptor: Any, behavior: int) -> tuple[FieldDescriptor, ...]:
    return tuple(
        field
        for field in descriptor.fields
        if behavior in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    )


@cache
def custom_type(descriptor: Any) -> str:
    """By which type the fields of the enterprise's own of a message are defined; empty when it has none."""
    field = descriptor.fields_by_name.get("custom")
    of_values = field is not None and field.message_type is not None and not is_repeated(field)
    if not of_values or field.message_type.full_name != "google.protobuf.Struct":
        return ""
    return type_name(descriptor.name)


def type_name(message: str) -> str:
    """`SlaPolicy` -> `sla_policy`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", message).lower()


def custom_type_of(message: Any) -> str:
    """As `custom_type`; an `Object` says its type itself."""
    kind = custom_type(message.DESCRIPTOR)
    return f"objects_{message.type}" if kind == "object" else kind


def output_only(message: Message) -> Iterator[str]:
    """Names of output-only fields the message has set."""
    for field in _with_behavior(message.DESCRIPTOR, field_behavior_pb2.OUTPUT_ONLY):
        given = len(getattr(message, field.name)) > 0 if is_repeated(field) else _is_set(message, field)
        if given:
            yield field.name


def immutable_fields(descriptor: Any) -> frozenset[str]:
    return frozenset(field.name for field in _with_behavior(descriptor, field_behavior_pb2.IMMUTABLE))


def fixed_fields(descriptor: Any) -> frozenset[str]:
    """Fields no update changes: immutable and output-only ones."""
    set_by_us = _with_behavior(descriptor, field_behavior_pb2.OUTPUT_ONLY)
    return immutable_fields(descriptor) | {field.name for field in set_by_us}


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    if field.has_presence:
        return bool(message.HasField(field.name))
    return bool(getattr(message, field.name) != field.default_value)
