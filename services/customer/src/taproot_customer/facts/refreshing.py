"""Counts the figures that are due, and moves the customers concerned in and out of segments.

Due is a customer whose records changed, who was merged or set free, or whose windows roll on. One runner over all
replicas. It holds the locks of the subscriptions that feed it: while they are rebuilt it waits, and the figures stay
what they were.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Uuid, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from taproot_customer.activities.model import DONE, Activity
from taproot_customer.customers.model import Customer
from taproot_customer.facts import rules
from taproot_customer.facts.model import customer_facts, fact_items, facts_due
from taproot_customer.facts.projection import EVENTS, NAME
from taproot_customer.segments import membership
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

BATCH = 200
TIME = "time"
_FED = [lock_key("consumer", f"{NAME}:{source}") for source in EVENTS]
_REASON = "figures are counted over all records of a customer, whoever sees them"
_c, _a = Customer.__table__.c, Activity.__table__.c
_d, _f, _i = facts_due.c, customer_facts.c, fact_items.c
_ids = bindparam("ids", type_=ARRAY(Uuid))

_any_due = Statement(lambda: select(select(_d.customer_id).where(_d.due_time <= bindparam("now")).exists()))
_due = Statement(
    lambda: (
        select(_d.customer_id)
        .where(_d.due_time <= bindparam("now"))
        .order_by(_d.due_time)
        .limit(bindparam("most"))
    )
)
_roots = Statement(
    lambda: select(redirects.c.member_id, redirects.c.root_id).where(redirects.c.member_id == func.any(_ids))
)
_members = Statement(
    lambda: select(redirects.c.member_id, redirects.c.root_id).where(redirects.c.root_id == func.any(_ids))
)
# Held to the end: nobody is erased between the count and its record.
_living = Statement(
    lambda: (
        select(_c.id).where(_c.id == func.any(_ids), unscoped(Customer, _REASON)).with_for_update(key_share=True, read=True)
    )
)  # fmt: skip
_items = Statement(lambda: select(fact_items).where(_i.customer_id == func.any(_ids), _i.counts))
_contacts = Statement(
    lambda: (
        select(_a.customer_id, func.max(_a.start_time).label("last"))
        .where(
            _a.customer_id == func.any(_ids),
            _a.state == DONE,
            _a.kind != "note",
            _a.delete_time.is_(None),
            unscoped(Activity, _REASON),
        )
        .group_by(_a.customer_id)
    )
)
_stored = Statement(lambda: select(customer_facts).where(_f.customer_id == func.any(_ids)))
_forget = Statement(lambda: delete(customer_facts).where(_f.customer_id == func.any(_ids)))
_undue = Statement(lambda: delete(facts_due).where(_d.customer_id == func.any(_ids)))
_await = Statement(
    lambda: insert(facts_due).values(
        {name: bindparam(name) for name in ("customer_id", "source", "due_time")}
    )
)


def _put_statement() -> Any:
    statement = insert(customer_facts).values({column.name: bindparam(column.name) for column in _f})
    news = {c.name: statement.excluded[c.name] for c in _f if c.name != "customer_id"}
    return statement.on_conflict_do_update(index_elements=["customer_id"], set_=news)


_put = Statement(_put_statement)


def refresher(home_currency: str) -> Callable[[Database], Awaitable[int]]:
    """The job: how many customers were counted."""

    async def refresh(database: Database) -> int:
        async with database.reading() as reader:
            if not await reader.fetch_value(_any_due, now=database.clock.now()):
                return 0
        async with database.unit(_FED) as work:
            return await _refresh(work, home_currency)

    return refresh


async def _refresh(work: UnitOfWork, home: str) -> int:
    now = work.clock.now()
    due = {row[0] for row in await work.fetch(_due, now=now, most=BATCH)}
    redirected = {row[0]: row[1] for row in await work.fetch(_roots, ids=list(due))}
    living = {row[0] for row in await work.fetch(_living, ids=sorted({redirected.get(k, k) for k in due}))}
    counted = await _count(work, living, now, home)
    changed = await _keep(work, counted)
    await work.execute(_undue, ids=list(due | living))
    await work.execute(_forget, ids=list(redirected))
    waits = [
        {"customer_id": key, "source": TIME, "due_time": facts.next_change}
        for key, facts in counted.items()
        if facts.next_change is not None
    ]
    await work.execute_many(_await, waits)
    if changed:
        await membership.take_lock(work)
        await membership.evaluate(work, changed)
    return len(due)


async def _count(
    work: UnitOfWork, roots: Iterable[uuid.UUID], now: datetime, home: str
) -> dict[uuid.UUID, rules.Facts]:
    whose = {key: key for key in roots}
    whose |= {row[0]: row[1] for row in await work.fetch(_members, ids=list(whose))}
    items: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for row in await work.fetch(_items, ids=list(whose)):
        items[whose[row["customer_id"]]].append(row)
    contacts: dict[uuid.UUID, datetime] = {}
    for row in await work.fetch(_contacts, ids=list(whose)):
        root = whose[row["customer_id"]]
        contacts[root] = max(row["last"], contacts.get(root, row["last"]))
    return {root: rules.count(items[root], contacts.get(root), now, home) for root in set(whose.values())}


async def _keep(work: UnitOfWork, counted: dict[uuid.UUID, rules.Facts]) -> Sequence[uuid.UUID]:
    """Write the figures that differ; whose they are."""
    stored = {row["customer_id"]: dict(row) for row in await work.fetch(_stored, ids=list(counted))}
    changed = {
        key: {**facts.values, "customer_id": key}
        for key, facts in sorted(counted.items())
        if stored.get(key) != {**facts.values, "customer_id": key}
    }
    await work.execute_many(_put, list(changed.values()))
    return list(changed)
