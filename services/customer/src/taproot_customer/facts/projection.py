"""Keeps what the figures are made of: the newest state of each record wins, in whatever order events arrive.

The figures themselves are counted by `refreshing`, soon after: several events of a customer cost one count.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, literal, select, union
from sqlalchemy.dialects.postgresql import insert

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_chassis.events import Event
from taproot_customer.facts.items import Item, item_of
from taproot_customer.facts.model import fact_items, facts_due
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement

NAME = "facts"
TABLES = (fact_items,)
EVENTS = {
    "customer": ("customer.created", "customer.merged", "customer.unmerged", "activity.*"),
    "sales": ("order.*", "opportunity.*"),
    "servicedesk": ("ticket.*", "survey.answered"),
    "marketing": ("loyalty_account.*",),
}
_i = fact_items.c
_KEYS = ("kind", "item_id")


def _due(rows: Any) -> Any:
    statement = insert(facts_due).from_select(["customer_id", "source", "due_time"], rows)
    sooner = func.least(facts_due.c.due_time, statement.excluded.due_time)
    return statement.on_conflict_do_update(
        index_elements=["customer_id", "source"], set_={"due_time": sooner}
    )


def _put_statement() -> Any:
    """The record, unless what is stored is as new; whom it belongs to, and whom it belonged to, is due."""
    values = insert(fact_items).values({column.name: bindparam(column.name) for column in _i})
    news = {column.name: values.excluded[column.name] for column in _i if column.name not in _KEYS}
    put = (
        values.on_conflict_do_update(
            index_elements=list(_KEYS), set_=news, where=_i.version < values.excluded.version
        )
        .returning(_i.customer_id)
        .cte("put")
    )
    before = (
        select(_i.customer_id)
        .where(_i.kind == bindparam("kind"), _i.item_id == bindparam("item_id"))
        .where(select(put.c.customer_id).exists())
    )
    whose = union(select(put.c.customer_id), before).subquery("whose")
    return _due(select(whose.c.customer_id, literal("", Text()) + bindparam("source"), bindparam("now")))


_put = Statement(_put_statement)
_mark = Statement(
    lambda: (
        insert(facts_due)
        .values({name: bindparam(name) for name in ("customer_id", "source", "due_time")})
        .on_conflict_do_update(
            index_elements=["customer_id", "source"],
            set_={"due_time": func.least(facts_due.c.due_time, bindparam("due_time"))},
        )
    )
)
_known = Statement(lambda: select(select(_i.item_id).where(_i.customer_id == bindparam("key")).exists()))
_waiting = Statement(
    lambda: (
        select(_i.customer_id)
        .where(_i.customer_id == func.any(bindparam("keys", type_=ARRAY(Uuid()))))
        .distinct()
    )
)


async def on_events(events: Sequence[Event], work: UnitOfWork) -> None:
    """As `on_event` for each in turn. Of new customers hardly any has records already: one look tells which."""
    born = [event.aggregate_id for event in events if event.type == "customer.created"]
    known = {row[0] for row in await work.fetch(_waiting, keys=born)} if born else set()
    for event in events:
        if event.type != "customer.created" or event.aggregate_id in known:
            await on_event(event, work)


async def on_event(event: Event, work: UnitOfWork) -> None:
    """Handler of the projection `facts` on all streams."""
    if event.aggregate_type == "customer":
        await _on_customer(event, work)
    elif event.aggregate_type == "activity":
        if event.party_id is not None:
            await _mark_due(event.party_id, work)
    elif (item := item_of(event)) is not None:
        await _write(item, event.source, work)


async def _write(item: Item, source: str, work: UnitOfWork) -> None:
    await work.execute(_put, **item.__dict__, source=source, now=work.clock.now())


async def _on_customer(event: Event, work: UnitOfWork) -> None:
    """Records may be here before their customer; and merges decide whose they are."""
    if event.name == "created" and not await work.fetch_value(_known, key=event.aggregate_id):
        return
    sources = event.decode(CustomerEvent).merge.source_ids
    for key in {event.aggregate_id, *map(uuid.UUID, sources)}:
        await _mark_due(key, work)


async def _mark_due(key: uuid.UUID, work: UnitOfWork) -> None:
    await work.execute(_mark, customer_id=key, source="customer", due_time=work.clock.now())
