"""Payloads of all services' events: which message they are and the values a line of text needs."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from taproot.customer.events.v1 import (
    activity_event_pb2,
    attachment_event_pb2,
    care_date_event_pb2,
    consent_event_pb2,
    contact_event_pb2,
    customer_event_pb2,
    object_event_pb2,
    relationship_event_pb2,
    segment_member_event_pb2,
    task_event_pb2,
)
from taproot.marketing.events.v1 import (
    delivery_event_pb2,
    form_event_pb2,
    journey_run_event_pb2,
    loyalty_account_event_pb2,
    score_event_pb2,
    suppression_event_pb2,
)
from taproot.sales.events.v1 import (
    approval_event_pb2,
    competitor_event_pb2,
    credit_limit_event_pb2,
    invoice_event_pb2,
    lead_event_pb2,
    opportunity_event_pb2,
    order_event_pb2,
    payment_event_pb2,
    quote_event_pb2,
)
from taproot.servicedesk.events.v1 import (
    call_event_pb2,
    dispatch_event_pb2,
    entitlement_event_pb2,
    survey_event_pb2,
    ticket_event_pb2,
)
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_base.descriptors import sensitive_fields
from taproot_chassis.events import Event
from taproot_customer.timeline.words import WORDS

_MODULES = (
    activity_event_pb2, attachment_event_pb2, care_date_event_pb2, consent_event_pb2, contact_event_pb2, customer_event_pb2, object_event_pb2,
    relationship_event_pb2,
    segment_member_event_pb2, task_event_pb2, delivery_event_pb2, form_event_pb2, journey_run_event_pb2,
    loyalty_account_event_pb2, score_event_pb2, suppression_event_pb2, approval_event_pb2, competitor_event_pb2,
    credit_limit_event_pb2, invoice_event_pb2, lead_event_pb2, opportunity_event_pb2, order_event_pb2,
    payment_event_pb2, quote_event_pb2, call_event_pb2, dispatch_event_pb2, entitlement_event_pb2, survey_event_pb2,
    ticket_event_pb2,
)  # fmt: skip
_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")
_PLURALS = {"segment_member": "segments", "sla": "slaClocks", "score": "customerScores"}


@cache
def _types() -> dict[str, type[Message]]:
    """Aggregate type -> event message: `OrderEvent` of `order_event.proto` is of `order`."""
    found = {}
    for module in _MODULES:
        aggregate = module.DESCRIPTOR.name.rpartition("/")[2].removesuffix("_event.proto")
        name = "".join(part.title() for part in aggregate.split("_")) + "Event"
        found[aggregate] = getattr(module, name)
    return found


def type_of(event_type: str) -> type[Message] | None:
    return _types().get(event_type.partition(".")[0])


def decode(event: Event) -> Message | None:
    """The event's payload; None for aggregates the timeline has no words for."""
    kind = _types().get(event.aggregate_type)
    return None if kind is None else event.decode(kind)


def record_of(message: Message) -> Message:
    """The full state: by convention the first field of an event message."""
    record: Message = getattr(message, message.DESCRIPTOR.fields_by_number[1].name)
    return record


def resource_of(aggregate: str) -> str:
    """`loyalty_account` -> `loyaltyAccounts`, as in URLs."""
    if aggregate in _PLURALS:
        return _PLURALS[aggregate]
    head, *rest = aggregate.split("_")
    name = head + "".join(part.title() for part in rest)
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("ch", "sh", "s")) else f"{name}s"


@cache
def names_of(event_type: str) -> tuple[str, ...]:
    words = WORDS.get(event_type)
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(words.zh + words.en))) if words else ()


def params_of(event: Event) -> dict[str, str]:
    """Values for the event's words as text; empty text where the payload has none."""
    names = names_of(event.type)
    message = decode(event) if names else None
    if message is None:
        return dict.fromkeys(names, "")
    return {name: _text(message, name) for name in names}


@cache
def hidden_params(event_type: str, masked: frozenset[str]) -> frozenset[str]:
    """Values that come from fields hidden from a caller with these masks."""
    kind = type_of(event_type)
    return frozenset(name for name in names_of(event_type) if kind and masked & classes_of(kind(), name))


def classes_of(message: Message, name: str) -> set[str]:
    """Sensitivity classes and `type.field` paths on the way to a value."""
    head = name.partition(".")[0]
    value = message if head in message.DESCRIPTOR.fields_by_name else record_of(message)
    found: set[str] = set()
    for part in name.split("."):
        descriptor = value.DESCRIPTOR
        found.add(f"{descriptor.name.lower()}.{part}")
        if descriptor.fields_by_name[part].message_type is Money.DESCRIPTOR:
            found.add("financial")
        found |= {sensitivity for field, sensitivity in sensitive_fields(descriptor) if field.name == part}
        value = getattr(value, part)
    return found


def _text(message: Message, name: str) -> str:
    head = name.partition(".")[0]
    start = message if head in message.DESCRIPTOR.fields_by_name else record_of(message)
    value: Any = start
    field: FieldDescriptor | None = None
    for part in name.split("."):
        if part not in value.DESCRIPTOR.fields_by_name:
            return ""
        field = value.DESCRIPTOR.fields_by_name[part]
        value = getattr(value, part)
    assert field is not None
    return _scalar(field, value)


def _scalar(field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        names = field.enum_type.values_by_number
        prefix = names[0].name.removesuffix("UNSPECIFIED") if 0 in names else ""
        return str(names[value].name).removeprefix(prefix).lower() if value else ""
    kind = field.message_type.full_name if field.message_type else ""
    if field.message_type is Money.DESCRIPTOR:
        return f"{value.amount} {value.currency_code}".strip()
    if kind == "google.type.Date":
        return wire.from_date(value).isoformat() if value.year else ""
    if kind == "google.protobuf.Timestamp":
        return wire.from_timestamp(value).isoformat() if value.seconds else ""
    return "" if kind else str(value)
