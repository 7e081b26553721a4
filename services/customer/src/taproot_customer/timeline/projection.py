"""Every event that names a customer becomes a row of his timeline, once.

Leads and form submissions name no customer until the lead is converted. Their rows wait under the id of the
lead or submission and move to the customer when it is known; rows that arrive later find the link.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, Uuid, bindparam, cast, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot_chassis.events import Event
from taproot_customer.reading import column_names
from taproot_customer.timeline.finding import found_by
from taproot_customer.timeline.model import timeline, timeline_links, timeline_waiting
from taproot_customer.timeline.payloads import params_of, resource_of
from taproot_customer.timeline.permissions import moves, place_of
from taproot_customer.timeline.words import WORDS
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

TABLES = (timeline, timeline_waiting, timeline_links)
_shared = [name for name in column_names(timeline) if name != "customer_id"]

_append = Statement(
    lambda: (
        insert(timeline)
        .values({name: bindparam(name) for name in column_names(timeline)})
        .on_conflict_do_nothing()
    )
)
_wait = Statement(
    lambda: (
        insert(timeline_waiting)
        .values({name: bindparam(name) for name in column_names(timeline_waiting)})
        .on_conflict_do_nothing()
    )
)
_linked = Statement(
    lambda: select(timeline_links.c.customer_id).where(timeline_links.c.subject_id == bindparam("subject"))
)
_link = Statement(
    lambda: (
        insert(timeline_links)
        .values(subject_id=bindparam("subject"), customer_id=bindparam("customer"))
        .on_conflict_do_nothing()
    )
)


def _move_statement() -> Any:
    gone = (
        delete(timeline_waiting)
        .where(timeline_waiting.c.subject_id == bindparam("subject"))
        .returning(*(timeline_waiting.c[name] for name in _shared))
        .cte("gone")
    )
    rows = select(bindparam("customer", type_=Uuid()), *(gone.c[name] for name in _shared))
    return insert(timeline).from_select(["customer_id", *_shared], rows).on_conflict_do_nothing()


_move = Statement(_move_statement)
# The relation's two streams are read by two consumers at once: one waits for the other at each subject.
_PLACE = ("branch_path", "owner_id", "team_id")
# Who reads the record now reads all that was said of it.
_follow = Statement(
    lambda: (
        update(timeline)
        .where(
            timeline.c.customer_id == bindparam("customer"),
            timeline.c.resource_id == bindparam("record"),
            unscoped(timeline, "lines follow their record wherever it goes"),
        )
        .values({name: bindparam(name) for name in _PLACE})
    )
)
_guard = Statement(
    lambda: select(
        func.pg_advisory_xact_lock(
            func.hashtextextended(cast(bindparam("subject", type_=Uuid()), Text), literal_column("7"))
        )
    )
)


async def on_event(event: Event, work: UnitOfWork) -> None:
    """Handler of the projection `timeline` on all streams."""
    if event.party_id is not None:
        row = _row(event)
        await work.execute(_append, customer_id=event.party_id, **row)
        if moves(event):
            place = {name: row[name] for name in _PLACE}
            await work.execute(_follow, customer=event.party_id, record=event.aggregate_id, **place)
    elif event.aggregate_type in ("lead", "form"):
        await _keep_waiting(event, work)
    if event.type == "lead.converted":
        await _link_lead(event, work)


async def on_events(events: Sequence[Event], work: UnitOfWork) -> None:
    """As `on_event` for each in turn; neighbours that only add a line do so together."""
    lines: list[dict[str, Any]] = []
    for event in events:
        if event.party_id is not None and not moves(event) and event.type != "lead.converted":
            lines.append({"customer_id": event.party_id, **_row(event)})
            continue
        await work.execute_many(_append, lines)
        lines = []
        await on_event(event, work)
    await work.execute_many(_append, lines)


def _row(event: Event) -> dict[str, Any]:
    words = WORDS.get(event.type)
    parts = event.traceparent.split("-")
    return {
        "occurred_at": event.occurred_at,
        "id": event.id,
        "event_type": event.type,
        "kind": words.kind if words else "",
        "resource": resource_of(event.aggregate_type),
        "resource_id": event.aggregate_id,
        "actor": event.actor,
        **place_of(event),
        "params": params_of(event),
        "trace_id": parts[1] if len(parts) > 1 else "",
        **found_by(event),
    }


async def _keep_waiting(event: Event, work: UnitOfWork) -> None:
    subject = _subject_of(event)
    if subject is None:
        return
    await work.execute(_guard, subject=subject)
    customer = await work.fetch_value(_linked, subject=subject)
    if customer is None:
        await work.execute(_wait, subject_id=subject, **_row(event))
    else:
        await work.execute(_append, customer_id=customer, **_row(event))


def _subject_of(event: Event) -> uuid.UUID | None:
    if event.aggregate_type == "lead":
        return event.aggregate_id
    if event.type != "form.submitted":
        return None
    return uuid.UUID(event.decode(FormEvent).submission.id)


async def _link_lead(event: Event, work: UnitOfWork) -> None:
    lead = event.decode(LeadEvent).lead
    if not lead.customer_id:
        return
    for subject in (lead.id, lead.form_submission_id):
        if subject:
            key, customer = uuid.UUID(subject), uuid.UUID(lead.customer_id)
            await work.execute(_guard, subject=key)
            await work.execute(_link, subject=key, customer=customer)
            await work.execute(_move, subject=key, customer=customer)
