"""What a line of the timeline is found by besides its kind and its time: channel, contact person, words."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import ARRAY, Text, and_, bindparam, func
from sqlalchemy.sql.elements import ColumnElement

from taproot_base.context import current_call_or_none
from taproot_chassis.events import Event
from taproot_customer.search.keys import text_words
from taproot_customer.timeline.model import timeline
from taproot_customer.timeline.payloads import classes_of, decode, names_of, params_of, record_of, type_of
from taproot_customer.timeline.words import WORDS

MAX_WORDS = 120
_TEXTS = ("display_name", "body", "comment", "note", "description", "outcome")
_ALWAYS = {"call": "phone", "form": "web"}
_BY_KIND = {"call": "phone", "visit": "visit", "meeting": "meeting", "email": "email"}


def found_by(event: Event) -> dict[str, Any]:
    message = decode(event)
    record = None if message is None else record_of(message)
    contact: str = getattr(record, "contact_id", "")
    return {
        "channel": channel_of(event.aggregate_type, record),
        "contact_id": uuid.UUID(contact) if contact else None,
        "words": text_words(*params_of(event).values(), *_texts(record))[:MAX_WORDS],
    }


def channel_of(aggregate: str, record: Message | None) -> str:
    """`phone`, `email`, `visit`, `web`...: what the record says, else what its kind means."""
    if aggregate in _ALWAYS:
        return _ALWAYS[aggregate]
    name = "kind" if aggregate == "activity" else "channel"
    field = None if record is None else record.DESCRIPTOR.fields_by_name.get(name)
    if record is None or field is None or field.is_repeated:
        return ""
    value = getattr(record, name)
    if field.enum_type is None:
        return value.casefold() if isinstance(value, str) else ""
    short = field.enum_type.values_by_number[value].name.rpartition("_")[2].lower() if value else ""
    return _BY_KIND.get(short, "") if aggregate == "activity" else short


def _texts(record: Message | None) -> list[str]:
    values = (getattr(record, name, "") for name in _TEXTS)
    return [value for value in values if isinstance(value, str)]


@cache
def veiled_types(masked: frozenset[str]) -> tuple[str, ...]:
    """Types of events with words that a caller with these masks may not read: none of their words find them."""
    return tuple(sorted(each for each in WORDS if masked & _said_by(each)))


@cache
def _said_by(event_type: str) -> frozenset[str]:
    """Sensitivity classes and paths of all that the words of such an event are made of."""
    kind = type_of(event_type)
    if kind is None:
        return frozenset()
    fields = record_of(kind()).DESCRIPTOR.fields_by_name
    names = {*names_of(event_type), *(name for name in _TEXTS if name in fields)}
    return frozenset().union(*(classes_of(kind(), name) for name in names))


def _veiled_from_caller() -> list[str]:
    call = current_call_or_none()
    return [] if call is None else list(veiled_types(call.masked))


def unveiled(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Decided when the statement runs: compiled filters are kept for all callers."""
    hidden: Any = bindparam("veiled", type_=ARRAY(Text()), callable_=_veiled_from_caller)
    return and_(condition, timeline.c.event_type != func.all(hidden))
