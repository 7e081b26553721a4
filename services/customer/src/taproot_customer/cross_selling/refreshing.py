"""The job that works out what else customers buy."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

from taproot_customer.cross_selling import queries
from taproot_customer.cross_selling.counting import Basket, Tally
from taproot_customer.suggestions.kinds import CROSS_SELL, rules_of
from taproot_customer.suggestions.queries import read_rules
from taproot_storage.database import Database

EVERY = dt.timedelta(hours=1)


async def refresh_due(database: Database) -> int:
    """Job: once an hour, and when the rules of suggestions changed since. Returns how many offers there are then.

    Broken off it begins anew; until it has ended the offers of the run before stand.
    """
    async with database.reading() as reader:
        stored, last = await read_rules(reader), await queries.last_run(reader)
        rule = rules_of(stored["rules"])[CROSS_SELL]
    now, changed = database.clock.now(), stored["update_time"]
    fresh = last is not None and last > now - EVERY and (changed is None or changed <= last)
    if fresh or not rule.enabled:
        return 0
    tally = await _counted(database, now.date() - dt.timedelta(days=rule.days), rule.least_customers)
    offers = await asyncio.to_thread(tally.offers)
    async with database.unit() as work:
        await queries.replace(work, offers, tally.customers, now)
    return len(offers)


async def _counted(database: Database, since: dt.date, least: int) -> Tally:
    """A page at a time, off the loop of the RPCs."""
    tally = Tally(least)
    async for baskets in _pages(database, since):
        await asyncio.to_thread(tally.count_products, baskets)
    tally.begin_pairs()
    async for baskets in _pages(database, since):
        await asyncio.to_thread(tally.count_pairs, baskets)
    return tally


async def _pages(database: Database, since: dt.date) -> AsyncIterator[list[Basket]]:
    last = None
    while True:
        async with database.reading() as reader:
            page = await queries.customers_after(reader, last)
            baskets = await queries.baskets(reader, page, since) if page else []
        if not page:
            return
        yield baskets
        last = page[-1]
