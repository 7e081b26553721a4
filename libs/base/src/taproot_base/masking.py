"""Fields hidden from a caller's roles are cleared in every response."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from taproot_base.custom import CustomRules
from taproot_base.descriptors import custom_type_of, is_map, is_repeated, sensitive_fields


@cache
def _plan(
    descriptor: Descriptor, masked: frozenset[str]
) -> tuple[tuple[str, ...], tuple[FieldDescriptor, ...]]:
    """Names to clear in a message, and fields to descend into. `masked`: classes and `type.field` paths."""
    resource = descriptor.name.lower()
    hidden = {field.name for field, kind in sensitive_fields(descriptor) if kind in masked}
    hidden |= {field.name for field in descriptor.fields if f"{resource}.{field.name}" in masked}
    below = tuple(
        field
        for field in descriptor.fields
        if field.message_type is not None
        and not is_map(field)
        and field.name not in hidden
        and not field.message_type.full_name.startswith("google.")
    )
    return tuple(sorted(hidden)), below


def mask(message: Message, masked: frozenset[str], rules: CustomRules | None = None) -> None:
    """Clear in place what `masked` hides. `rules`: which of the fields of the enterprise's own that is."""
    if not masked:
        return
    hidden, below = _plan(message.DESCRIPTOR, masked)
    for name in hidden:
        message.ClearField(name)
    if rules is not None and (resource := custom_type_of(message)):
        own: Any = getattr(message, "custom")  # noqa: B009  # of any message
        for key in rules.hidden(resource, masked):
            own.fields.pop(key, None)
    for field in below:
        if is_repeated(field):
            for item in getattr(message, field.name):
                mask(item, masked, rules)
        elif message.HasField(field.name):
            mask(getattr(message, field.name), masked, rules)


def masked_fields(descriptor: Descriptor, masked: frozenset[str]) -> frozenset[str]:
    """Top-level fields of a resource hidden by `masked`: refused in filters, orders and groups."""
    return frozenset(_plan(descriptor, masked)[0]) if masked else frozenset()
