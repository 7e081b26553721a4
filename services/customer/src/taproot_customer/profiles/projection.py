"""Keeps the profile rows: the newest state of each thing wins, in whatever order events arrive."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from taproot.sales.events.v1.competitor_event_pb2 import CompetitorEvent
from taproot_chassis.events import Event
from taproot_customer.profiles.items import items_of
from taproot_customer.profiles.model import competitor_refs, profile_items
from taproot_customer.reading import column_names
from taproot_customer.timeline.permissions import place_of
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement

TABLES = (profile_items, competitor_refs)
EVENTS = {
    "customer": (
        "contact.*",
        "activity.*",
        "relationship.*",
        "task.*",
        "consent.*",
        "segment_member.*",
        "care_date.*",
    ),
    "sales": (
        "opportunity.*",
        "order.*",
        "invoice.*",
        "payment.*",
        "credit_limit.*",
        "competitor.*",
        "quote.*",
    ),
    "servicedesk": ("entitlement.*", "ticket.*", "survey.*"),
    "marketing": ("loyalty_account.*",),
}


def _newer(table: Any) -> Statement:
    """Insert or replace unless what is stored is as new."""

    def build() -> Any:
        statement = insert(table).values({name: bindparam(name) for name in column_names(table)})
        keys = {column.name for column in table.primary_key}
        changes = {name: statement.excluded[name] for name in column_names(table) if name not in keys}
        return statement.on_conflict_do_update(
            constraint=table.primary_key, set_=changes, where=table.c.version < statement.excluded.version
        )

    return Statement(build)


_put_item, _put_competitor = _newer(profile_items), _newer(competitor_refs)


async def on_event(event: Event, work: UnitOfWork) -> None:
    """Handler of the projection `profile` on all streams."""
    if event.aggregate_type == "competitor":
        name = event.decode(CompetitorEvent).competitor.display_name
        await work.execute(_put_competitor, id=event.aggregate_id, version=event.version, display_name=name)
        return
    items = items_of(event)
    place = place_of(event) if items else {}
    for item in items:
        await work.execute(_put_item, **{**item.__dict__, "data": dict(item.data)}, **place)
