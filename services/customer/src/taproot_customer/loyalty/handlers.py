"""Use cases of loyalty classes, and the job that keeps them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_customer.analysis.figures import Buyer
from taproot_customer.computing import WorkerPool
from taproot_customer.loyalty import queries
from taproot_customer.loyalty.model import RulesNotActive
from taproot_customer.loyalty.rules import classes_of, faults
from taproot_customer.purchases.queries import Sight, Span, figures, usual_currency
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.updates import check_etag

EVERY = dt.timedelta(days=1)
BATCH = 200
SETTABLE = ("active", "classes", "cuts", "currency_code", "window_days")


async def update_rules(values: Mapping[str, Any], etag: str, work: UnitOfWork) -> Mapping[str, Any]:
    stored = await queries.read_rules(work, locked=True)
    check_etag(etag, stored["version"])
    rules = {**stored, **values}
    if wrong := faults(rules["classes"]):
        raise InvalidArgument([(f"loyalty_class_rules.{path}", why) for path, why in wrong])
    now = work.clock.now()
    rules |= {"update_time": now, "version": stored["version"] + 1}
    rules["next_refresh_time"] = now if rules["active"] else None
    return await _put(rules, work)


async def refresh_classes(work: UnitOfWork) -> Mapping[str, Any]:
    stored = await queries.read_rules(work, locked=True)
    if not stored["active"]:
        raise RulesNotActive("customers are not classed while the rules are not active")
    return await _put({**stored, "next_refresh_time": work.clock.now()}, work)


async def _put(rules: Mapping[str, Any], work: UnitOfWork) -> Mapping[str, Any]:
    kept = {name: value for name, value in rules.items() if name != "only"}
    await queries.put_rules(work, kept)
    return kept


@dataclass
class LoyaltyClasser:
    """Job: classes all customers when it is due. Broken off it begins anew; who has the right class is left alone."""

    database: Database
    pool: WorkerPool

    async def __call__(self, database: Database) -> int:
        async with database.reading() as reader:
            rules = await queries.read_rules(reader)
            currency = rules["currency_code"] or await usual_currency(reader)
        now, due = database.clock.now(), rules["next_refresh_time"]
        if not rules["active"] or due is None or due > now:
            return 0
        span = Span(currency, now.date(), rules["window_days"])
        changed = await self._class_all(rules, span)
        await self._done(due, now)
        return changed

    async def _class_all(self, rules: Mapping[str, Any], span: Span) -> int:
        current, buyers = await self._customers(span)
        wanted = await self.pool.run(classes_of, buyers, span.day, rules["cuts"], rules["classes"])
        moves = (
            (key, wanted.get(key, "")) for key, before in current.items() if wanted.get(key, "") != before
        )
        changed = 0
        while batch := dict(islice(moves, BATCH)):
            async with self.database.unit() as work:
                changed += await class_customers(batch, work)
        return changed

    async def _customers(self, span: Span) -> tuple[dict[uuid.UUID, str], list[Buyer]]:
        """The classes of all living customers, and who of them has bought."""
        current: dict[uuid.UUID, str] = {}
        buyers: list[Buyer] = []
        last = None
        while True:
            async with self.database.reading() as reader:
                page = await queries.classes_of(reader, last)
                sight = Sight(queries.REASON)
                rows = await reader.fetch(figures(list(page), span, sight)) if page else []
            if not page:
                return current, buyers
            current |= page
            buyers += [Buyer(*row) for row in rows]
            last = list(page)[-1]

    async def _done(self, due: dt.datetime, began: dt.datetime) -> None:
        """Whoever changed the rules meanwhile is served by the next run."""
        async with self.database.unit() as work:
            rules = await queries.read_rules(work, locked=True)
            again = rules["next_refresh_time"] if rules["next_refresh_time"] != due else began + EVERY
            await _put({**rules, "refresh_time": began, "next_refresh_time": again}, work)


async def class_customers(wanted: Mapping[uuid.UUID, str], work: UnitOfWork) -> int:
    """Put customers into their classes; who is there already changes nothing and tells nothing."""
    changes = []
    for customer in await work.scalars(queries.for_classing(list(wanted))):
        before = customer.loyalty_class
        if customer.classify(wanted[customer.id], work.clock.now()):
            changes.append(
                {
                    "customer_id": customer.id,
                    "version": customer.version,
                    "id": new_id(),
                    "previous_class": before,
                    "loyalty_class": customer.loyalty_class,
                    "change_time": work.clock.now(),
                }
            )
    await queries.note_changes(work, changes)
    return len(changes)
