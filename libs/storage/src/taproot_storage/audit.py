"""Events of the audit: what they say, and how they are written: with the COMMIT of what they tell of.

They hold ids and names of fields, never a value of a record, so erasing a person need not touch them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from google.protobuf.message import Message

from taproot_base import telemetry
from taproot_base.audit import Category, Note
from taproot_base.context import Call, current_call_or_none
from taproot_base.ids import new_id
from taproot_listing.errors import ListingError
from taproot_listing.filter_parser import Comparison, Not, parse_filter
from taproot_storage.schema import audit_events
from taproot_storage.visibility import scope_table

if TYPE_CHECKING:
    from taproot_storage.database import UnitOfWork

Event = dict[str, Any]
"""A row of `audit_events` without its number, as JSON knows it."""

OK = "OK"
MOST_FIELDS = 100
_LONGEST = 200
# How a request is sent, not what it changes.
_MANNER = frozenset({"id", "name", "etag", "request_id", "validate_only", "update_mask", "parent"})
_columns = ", ".join(column.name for column in audit_events.c if column.name != "number")
# One statement for both tables; the number is drawn once and goes into both.
_INSERT = f"""
WITH given AS MATERIALIZED (
    SELECT nextval('audit_events_number') AS drawn, {_columns}
    FROM json_populate_recordset(NULL::audit_events, %s)
), kept AS (
    INSERT INTO audit_events (number, {_columns}) SELECT drawn, {_columns} FROM given
)
INSERT INTO audit_unsealed (number) SELECT drawn FROM given
"""  # noqa: S608  # names of columns only

scope_table(audit_events, "audit.read", owner=None)


def insertion(events: Sequence[Event]) -> str:
    """SQL without parameters, so that it can travel with the COMMIT. Of the values it holds hex digits alone."""
    digits = orjson.dumps(events).hex()
    return _INSERT % f"convert_from(decode('{digits}', 'hex'), 'UTF8')::json"


def event(
    call: Call,
    now: datetime,
    category: Category,
    *,
    outcome: str = OK,
    records: Iterable[str] = (),
    fields: Sequence[str] = (),
    count: int = 0,
) -> Event:
    """What is to be written about a call."""
    principal, request = call.principal, call.note.request if call.note is not None else None
    return {
        "time": now,
        "id": new_id(),
        "category": category.value,
        "principal": principal.subject,
        "principal_kind": principal.kind,
        "on_behalf_of": principal.party_id or "",
        "branch_path": principal.branch_path or "",
        "method": call.method.removeprefix("/"),
        "permission": call.permission,
        "resource": call.permission.partition(".")[0] if "." in call.permission else "",
        "record_ids": list(records),
        "outcome": outcome,
        "trace_id": telemetry.trace_id_of(telemetry.traceparent()),
        "request_id": _cut(getattr(request, "request_id", "")),
        "fields": fields[:MOST_FIELDS],
        "filter_fields": filter_fields(_filter_of(request)),
        "record_count": count,
        "client": call.note.client if call.note is not None else "",
    }


def events_of(work: UnitOfWork) -> list[Event]:
    """What the transaction is to leave in the audit beside its effect."""
    call = current_call_or_none()
    if call is None or call.note is None or not _is_worth(call.note, work):
        return work.audit_events
    note = call.note
    note.written = True
    asked = named(note.request)
    records = {**({asked: None} if asked else {}), **note.records, **work.touched}
    change = event(
        call,
        work.clock.now(),
        Category.CHANGE,
        records=records,
        fields=changed_fields(note.request),
        count=len(work.touched),
    )
    return [*work.audit_events, change]


def _is_worth(note: Note, work: UnitOfWork) -> bool:
    if not (note.changes and work.audited):
        return False
    return bool(work.touched) or not note.quiet


def named(request: Any) -> str:
    """The record a request is about."""
    return _cut(getattr(request, "id", "") or getattr(request, "name", "")) if request is not None else ""


def changed_fields(request: Message | None) -> list[str]:
    """Names of what a request sets: the paths of its mask, or the fields it carries."""
    if request is None:
        return []
    if "update_mask" in request.DESCRIPTOR.fields_by_name and request.HasField("update_mask"):
        return [_cut(path) for path in request.update_mask.paths]  # type: ignore[attr-defined]  # looked up
    return list(_carried(request))


def _carried(request: Message) -> Iterator[str]:
    for field, value in request.ListFields():
        if field.name in _MANNER:
            continue
        if _is_ours(field):
            yield from (f"{field.name}.{inner.name}" for inner, _ in value.ListFields())
        else:
            yield field.name


def _is_ours(field: Any) -> bool:
    kind = field.message_type
    return kind is not None and not field.is_repeated and not kind.full_name.startswith("google.")


@lru_cache(maxsize=1024)
def _filter_fields(text: str) -> tuple[str, ...]:
    try:
        tree = parse_filter(text)
    except ListingError:
        return ()
    return tuple(dict.fromkeys(_compared(tree)))


def _filter_of(request: Message | None) -> str:
    """Of a list, or of the record a request brings, such as an export."""
    if request is None:
        return ""
    found = str(getattr(request, "filter", ""))
    if not found:
        kept = (value for field, value in request.ListFields() if _is_ours(field))
        found = next((text for one in kept if (text := str(getattr(one, "filter", "")))), "")
    return found


def filter_fields(text: str) -> list[str]:
    """The fields a filter compares, without what it compares them with."""
    return list(_filter_fields(text)) if text else []


def _compared(node: Any) -> Iterator[str]:
    if isinstance(node, Comparison):
        yield node.field
    elif isinstance(node, Not):
        yield from _compared(node.child)
    elif node is not None:
        for child in node.children:
            yield from _compared(child)


def _cut(text: Any) -> str:
    return str(text)[:_LONGEST]
