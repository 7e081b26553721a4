"""An event's payload without what tells who it is about. What is not known to be harmless goes."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from taproot_base.descriptors import is_map, is_repeated, sensitive_fields

# Text that stays although it is no id: versions, currencies, amounts, and the numbers of documents, which the law
# wants without gaps.
PLAIN = frozenset({"etag", "currency_code", "amount", "quantity", "number"})
FINANCIAL = "financial"
_TEXT = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
_HARMLESS = (
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    "google.type.Date",
    "taproot.type.v1.Money",
)


def kind_of(service: str, event_type: str) -> type[Message] | None:
    """The message of an event, by the convention of names; None when there is none."""
    aggregate = event_type.partition(".")[0]
    name = "".join(part.capitalize() for part in aggregate.split("_"))
    try:
        found = descriptor_pool.Default().FindMessageTypeByName(f"taproot.{service}.events.v1.{name}Event")
    except KeyError:
        return None
    return message_factory.GetMessageClass(found)


def redacted(service: str, event_type: str, payload: bytes) -> bytes:
    """Empty when the event's message is not known: better no payload than a name."""
    kind = kind_of(service, event_type)
    if kind is None:
        return b""
    message = kind.FromString(payload)
    redact(message)
    return message.SerializeToString()


def redact(message: Any) -> None:
    """In place. Fields this release does not know go too."""
    message.DiscardUnknownFields()
    gone = _sensitive(message.DESCRIPTOR)
    for field, value in message.ListFields():
        if field.name in gone or is_map(field):
            message.ClearField(field.name)
        elif field.message_type is not None:
            _redact_below(message, field, value)
        elif field.type in _TEXT:
            _redact_text(message, field, value)


def _redact_below(message: Any, field: Any, value: Any) -> None:
    name = field.message_type.full_name
    if name in _HARMLESS:
        return
    if name.startswith("google."):  # structures that may say anything
        message.ClearField(field.name)
    elif is_repeated(field):
        for item in value:
            redact(item)
    else:
        redact(value)


def _redact_text(message: Any, field: Any, value: Any) -> None:
    if field.name in PLAIN:
        return
    if is_repeated(field):
        kept = [item for item in value if _is_id(item)]
        message.ClearField(field.name)
        getattr(message, field.name).extend(kept)
    elif not _is_id(value):
        message.ClearField(field.name)


@cache
def _sensitive(descriptor: Any) -> frozenset[str]:
    """Amounts stay: they are the enterprise's books."""
    return frozenset(field.name for field, kind in sensitive_fields(descriptor) if kind != FINANCIAL)


def _is_id(value: Any) -> bool:
    try:
        uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return False
    return True
