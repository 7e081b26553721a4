"""Which sensitive fields a message shows, and of which records. Found in every answer, so the way is planned once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from taproot.options.v1 import options_pb2
from taproot_base.custom import CustomRules
from taproot_base.descriptors import custom_type, custom_type_of, is_map, is_repeated, sensitive_fields

CLASSES = frozenset(
    value.name.removeprefix("SENSITIVITY_").lower()
    for value in options_pb2.Sensitivity.DESCRIPTOR.values
    if value.number
)


@dataclass(frozen=True)
class _Plan:
    """Numbers of a message's sensitive fields with their names, and of those that may hold more below.

    `custom`: the number of what holds the fields of the enterprise's own; 0: there is none.
    """

    sensitive: dict[int, str]
    below: frozenset[int]
    custom: int
    has_id: bool


@cache
def _plan(descriptor: Descriptor) -> _Plan | None:
    """None when nothing in the message, however deep, is sensitive."""
    resource = descriptor.name.lower()
    own = {field.number: f"{resource}.{field.name}" for field, _ in sensitive_fields(descriptor)}
    below = frozenset(
        field.number
        for field in descriptor.fields
        if field.message_type is not None and _reaches(field.message_type, frozenset())
    )
    custom = descriptor.fields_by_name["custom"].number if custom_type(descriptor) else 0
    found = _Plan(own, below, custom, "id" in descriptor.fields_by_name)
    return found if own or below or custom else None


def _reaches(descriptor: Descriptor, seen: frozenset[str]) -> bool:
    """Whether a message has sensitive fields somewhere; messages may hold themselves."""
    if descriptor.full_name in seen or descriptor.full_name.startswith("google."):
        return False
    if sensitive_fields(descriptor) or custom_type(descriptor):
        return True
    kinds = (f.message_type for f in descriptor.fields if f.message_type is not None and not is_map(f))
    return any(_reaches(kind, seen | {descriptor.full_name}) for kind in kinds)


def shown(message: Message, rules: CustomRules | None = None) -> tuple[dict[str, None], dict[str, None]]:
    """Ids of the records of which sensitive fields are in a message, and the names of these fields.

    `rules`: which of the fields of the enterprise's own are sensitive.
    """
    records: dict[str, None] = {}
    fields: dict[str, None] = {}
    plan = _plan(message.DESCRIPTOR)
    if plan is not None:
        _gather(message, plan, "", rules, records, fields)
    return records, fields


def _gather(
    message: Any,
    plan: _Plan,
    holder: str,
    rules: CustomRules | None,
    records: dict[str, None],
    fields: dict[str, None],
) -> None:
    """What has no id of its own belongs to the record that holds it."""
    key = str((message.id if plan.has_id else "") or holder)
    for field, value in message.ListFields():
        names = _names(message, field, plan, rules)
        if names:
            fields.update(dict.fromkeys(names))
            if key:
                records[key] = None
        elif field.number in plan.below:
            inner = _plan(field.message_type)
            if inner is not None:
                for one in value if is_repeated(field) else (value,):
                    _gather(one, inner, key, rules, records, fields)


def _names(message: Any, field: Any, plan: _Plan, rules: CustomRules | None) -> list[str]:
    """What is sensitive of a field that is set."""
    name = plan.sensitive.get(field.number)
    if name is not None:
        return [name]
    if field.number != plan.custom or rules is None:
        return []
    resource = custom_type_of(message)
    present = message.custom.fields
    return [f"{resource}.custom.{key}" for key in sorted(rules.hidden(resource, CLASSES)) if key in present]
