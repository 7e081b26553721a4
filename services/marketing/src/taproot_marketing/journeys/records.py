"""Events and customers as plain data: for filters over `event.<field>` and for placeholders of templates."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from sqlalchemy import Numeric, column
from sqlalchemy.dialects.postgresql import JSONB

from taproot_base.descriptors import is_map, sensitive_fields
from taproot_base.errors import InvalidArgument
from taproot_chassis.events import Event
from taproot_listing.fields import Field, FieldType, Member, Resource
from taproot_listing.filter_predicate import Predicate
from taproot_records.mapping import short_name
from taproot_storage.reads import filter_of

SERVICES = ("customer", "sales", "servicedesk", "marketing")
_MEMBER_TYPES = {
    FieldDescriptor.TYPE_STRING: FieldType.TEXT,
    FieldDescriptor.TYPE_ENUM: FieldType.TEXT,
    FieldDescriptor.TYPE_BOOL: FieldType.BOOLEAN,
    FieldDescriptor.TYPE_INT32: FieldType.INTEGER,
    FieldDescriptor.TYPE_INT64: FieldType.INTEGER,
    FieldDescriptor.TYPE_DOUBLE: FieldType.NUMBER,
}
_MESSAGE_TYPES = {
    "google.protobuf.Timestamp": FieldType.INSTANT,
    "google.type.Date": FieldType.DATE,
    "taproot.type.v1.Money": FieldType.NUMBER,
}
_CUSTOMER = {
    **dict.fromkeys(
        ("kind", "status", "value_class", "industry", "region", "source", "language_code", "time_zone"),
        Member(FieldType.TEXT),
    ),
    "key_account": Member(FieldType.BOOLEAN),
    "tags": Member(FieldType.TEXT, repeated=True),
}
_ENTITLEMENT = {
    **dict.fromkeys(
        ("id", "kind", "state", "display_name", "product_code", "device_serial"), Member(FieldType.TEXT)
    ),
    "start_date": Member(FieldType.DATE),
    "end_date": Member(FieldType.DATE),
}
_LOYALTY = {"tier": Member(FieldType.TEXT), "balance": Member(FieldType.INTEGER)}


@dataclass(frozen=True)
class EventRecord:
    """`full` for filters and placeholders; `public` is the same without what is sensitive."""

    full: dict[str, Any]
    public: dict[str, Any]


@cache
def payload_class(aggregate: str) -> type[Message] | None:
    """Event message of an aggregate of any service: `order` -> taproot.sales.events.v1.OrderEvent."""
    name = "".join(part.capitalize() for part in aggregate.split("_")) + "Event"
    for service in SERVICES:
        try:
            module = importlib.import_module(f"taproot.{service}.events.v1.{aggregate}_event_pb2")
        except ModuleNotFoundError:
            continue
        found: type[Message] = getattr(module, name)
        return found
    return None


def record_of(event: Event) -> EventRecord:
    """The record an event is about, with the event's details beside its fields."""
    kind = payload_class(event.aggregate_type)
    if kind is None:
        return EventRecord({}, {})
    payload = event.decode(kind)
    return EventRecord(_flat(payload, hide=False), _flat(payload, hide=True))


def _flat(payload: Message, *, hide: bool) -> dict[str, Any]:
    data = plain(payload, hide=hide)
    main = payload.DESCRIPTOR.fields[0].name
    record = data.pop(main, {})
    return {**data, **record} if isinstance(record, dict) else data


def plain(message: Message, *, hide: bool) -> dict[str, Any]:
    """A message as JSON data: enums by short name, instants and dates as text; `hide` leaves out what is sensitive."""
    hidden = {field.name for field, _kind in sensitive_fields(message.DESCRIPTOR)} if hide else set()
    return {
        field.name: _value(field, value, hide=hide)
        for field, value in message.ListFields()
        if field.name not in hidden
    }


def _value(field: FieldDescriptor, value: Any, *, hide: bool) -> Any:
    if is_map(field):
        return {str(key): item for key, item in value.items()} if field.message_type is None else {}
    if field.is_repeated:
        return [_single(field, item, hide=hide) for item in value]
    return _single(field, value, hide=hide)


def _single(field: FieldDescriptor, value: Any, *, hide: bool) -> Any:
    if field.enum_type is not None:
        return short_name(field.enum_type, value).upper()
    if field.message_type is None:
        return value
    if field.message_type.full_name == "google.type.Date":
        return f"{value.year:04}-{value.month:02}-{value.day:02}"
    if field.message_type.full_name.startswith("google."):
        return MessageToDict(value)
    return plain(value, hide=hide)


# ---------------------------------------------------------------- filters


def _members(descriptor: Any, prefix: str = "") -> dict[str, Member]:
    """Typed keys of a record. What lies in a message inside it is named `<field>_<inner field>`."""
    found: dict[str, Member] = {}
    for field in descriptor.fields:
        kind = _MEMBER_TYPES.get(field.type)
        if field.message_type is not None:
            kind = _MESSAGE_TYPES.get(field.message_type.full_name)
            if kind is None and not prefix and not field.is_repeated and not is_map(field):
                found |= _members(field.message_type, f"{field.name}_")
        if kind is not None and (not field.is_repeated or kind is FieldType.TEXT):
            found[prefix + field.name] = Member(kind, repeated=field.is_repeated)
    return found


def _event_members(kind: type[Message]) -> dict[str, Member]:
    """Keys of the record and of the event's details beside it."""
    payload: Any = kind.DESCRIPTOR
    main, *details = payload.fields
    found = _members(main.message_type) if main.message_type is not None else {}
    for field in details:
        if field.message_type is not None and not field.is_repeated:
            found |= _members(field.message_type, f"{field.name}_")
    return found


@cache
def resource_for(event_type: str) -> Resource:
    """What filters of journeys and score rules may name. Without an event type any `event.<key>` is text."""
    kind = payload_class(event_type.partition(".")[0]) if event_type else None
    members = _event_members(kind) if kind is not None else None
    fields = [
        Field("event", column("event", JSONB()), FieldType.JSON, members=members),
        Field("customer", column("customer", JSONB()), FieldType.JSON, members=_CUSTOMER),
        Field("entitlement", column("entitlement", JSONB()), FieldType.JSON, members=_ENTITLEMENT),
        Field("loyalty", column("loyalty", JSONB()), FieldType.JSON, members=_LOYALTY),
        Field("score", column("score", Numeric()), FieldType.NUMBER),
    ]
    return Resource(f"journey:{event_type}", fields, "score", column("score", Numeric()))


def filter_fault(event_type: str, text: str) -> str:
    """What is wrong with a filter; empty when nothing is."""
    try:
        filter_of(resource_for(event_type), text, frozenset())
    except InvalidArgument as error:
        return "; ".join(violation.description for violation in error.violations)
    return ""


@cache
def _predicate(event_type: str, text: str) -> Predicate:
    return Predicate(filter_of(resource_for(event_type), text, frozenset()))


def holds(event_type: str, text: str, data: Mapping[str, Any], now: datetime) -> bool:
    """Whether a filter lets the data pass: `event`, `customer`, `entitlement`, `loyalty`, `score`."""
    if not text:
        return True
    return _predicate(event_type, text)({name: _flattened(value) for name, value in data.items()}, now)


def _flattened(value: Any) -> Any:
    """As `_members` names it: Money by its amount, what lies in a message as `<field>_<inner field>`."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(item, Mapping):
            found[key] = item
        elif "currency_code" in item:
            found[key] = item.get("amount")
        else:
            found |= {f"{key}_{inner}": part for inner, part in _flattened(item).items()}
    return found


def customer_record(row: Any) -> dict[str, Any]:
    """`customer.<field>` of filters; enums as in the contracts, `WON` not `won`."""
    if row is None:
        return {}
    found = {name: row[name] for name in _CUSTOMER if row[name]}
    return found | {name: found[name].upper() for name in ("kind", "status") if name in found}


def entitlement_record(row: Any) -> dict[str, Any]:
    found = {name: row[name] for name in _ENTITLEMENT if row[name]}
    found |= {name: found[name].upper() for name in ("kind", "state") if name in found}
    dates = {name: found[name].isoformat() for name in ("start_date", "end_date") if name in found}
    return found | dates | {"id": str(row["id"])}
