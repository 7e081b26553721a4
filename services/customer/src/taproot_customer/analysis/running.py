"""Works out an insight: figures page by page from the database, results in another process, results stored.

A run broken off begins anew; until the end nothing but its operation shows.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from taproot.customer.v1 import insight_pb2 as pb
from taproot_base.errors import AppError, NotFound
from taproot_chassis.operations import Cancelled, Run
from taproot_customer.analysis import computing, messages, queries
from taproot_customer.analysis.cohorts import Cohorts
from taproot_customer.analysis.computing import Outcome
from taproot_customer.analysis.figures import Buyer
from taproot_customer.analysis.funnel import Funnel
from taproot_customer.analysis.handlers import require_rights
from taproot_customer.analysis.kinds import AFFINITY, COHORTS, FUNNEL, LIFETIME_VALUE
from taproot_customer.analysis.model import Insight
from taproot_customer.computing import WorkerPool
from taproot_customer.purchases import queries as purchases
from taproot_customer.purchases.queries import Sight, Span
from taproot_customer.results import CANCELLED, FAILED, RUNNING, SUCCEEDED
from taproot_records.mapping import row_of
from taproot_storage.database import Database, UnitOfWork

CHUNK = 2000
SIGHT = Sight()


@dataclass
class _Asked:
    """The insight as its run needs it, and what was met on the way."""

    key: uuid.UUID
    kind: str
    filter: str
    span: Span
    options: dict[str, Any]
    customers: int = 0
    orders: int = 0

    @classmethod
    def of(cls, insight: Insight) -> _Asked:
        named = "lifetime" if insight.kind == LIFETIME_VALUE else insight.kind
        options = {} if insight.kind == COHORTS else getattr(insight, named)
        span = Span(insight.currency_code, insight.reference_date, insight.window_days)
        return cls(insight.id, insight.kind, insight.filter, span, options)


class InsightRunner:
    """Handler of the operations of insights; reads with the rights and masks of who asked."""

    def __init__(self, database: Database, pool: WorkerPool) -> None:
        self._database = database
        self._pool = pool

    async def __call__(self, run: Run) -> pb.Insight:
        key = uuid.UUID(run.resource_id)
        try:
            return await self._work_out(run, key)
        except Cancelled:
            await self._finish(key, CANCELLED)
            raise
        except AppError as error:
            await self._finish(key, FAILED, error.message)
            raise
        except Exception:
            await self._finish(key, FAILED, "an internal error")
            raise

    async def _work_out(self, run: Run, key: uuid.UUID) -> pb.Insight:
        async with self._database.unit() as work:
            insight = await _load(key, work)
            if insight.state != RUNNING:  # it ended, and died before its operation did
                return queries.SHELF.message(row_of(insight))
            asked = _Asked.of(insight)
            await queries.forget_results(work, key)
        require_rights(asked.kind)
        outcome = await self._outcome(run, asked)
        await self._store(run, asked, outcome)
        return await self._succeed(asked, outcome)

    async def _outcome(self, run: Run, asked: _Asked) -> Outcome:
        if asked.kind == COHORTS:
            return await self._cohorts(run, asked)
        if asked.kind == FUNNEL:
            return await self._funnel(run, asked)
        if asked.kind == AFFINITY:
            return await self._affinity(run, asked)
        buyers = []
        async for rows in self._pages(run, asked, purchases.figures):
            buyers += [Buyer(*row) for row in rows]
        asked.orders = sum(buyer.count for buyer in buyers)
        return await self._pool.run(
            computing.of_buyers, asked.kind, buyers, asked.span.day, dict(asked.options)
        )

    async def _cohorts(self, run: Run, asked: _Asked) -> Outcome:
        cohorts = Cohorts()
        async for rows in self._pages(run, asked, purchases.months):
            for _, months in groupby(rows, key=itemgetter(0)):
                cohorts.add(((month.year, month.month), orders, net) for _, month, orders, net in months)
            asked.orders += sum(row[2] for row in rows)
        return Outcome(cells=cohorts.cells())

    async def _affinity(self, run: Run, asked: _Asked) -> Outcome:
        baskets = []
        async for rows in self._pages(run, asked, purchases.baskets):
            asked.orders += len(rows)
            if asked.options.get("basket") == "customer":
                for _, orders in groupby(rows, key=itemgetter(0)):
                    baskets.append(frozenset(product for _, products in orders for product in products))
            else:
                baskets += [frozenset(products) for _, products in rows]
        return await self._pool.run(computing.of_baskets, baskets, dict(asked.options))

    async def _funnel(self, run: Run, asked: _Asked) -> Outcome:
        days, steps = asked.options.get("window_days"), asked.options["steps"]
        funnel = Funnel(steps, dt.timedelta(days=days) if days else None)
        after = asked.span.day + dt.timedelta(days=1)
        before = dt.datetime(after.year, after.month, after.day, tzinfo=dt.UTC)

        def read(ids: Sequence[uuid.UUID], _span: Span, sight: Sight) -> Any:
            return queries.happened(ids, steps, before, sight)

        async for rows in self._pages(run, asked, read):
            for _, events in groupby(rows, key=itemgetter(0)):
                funnel.add([(at, kind) for _, at, kind in events])
        return Outcome(cells=funnel.cells())

    async def _pages(self, run: Run, asked: _Asked, read: Any) -> AsyncIterator[list[Any]]:
        """What `read` selects, for one page of customers after the other."""
        condition = queries.wanted(asked.filter, self._database.clock.now())
        async with self._database.reading() as reader:
            total = await queries.count(reader, condition)
        last = None
        while True:
            run.stop_if_cancelled()
            async with self._database.reading() as reader:
                ids = await queries.page_of_ids(reader, condition, last)
                rows = await reader.fetch(read(ids, asked.span, SIGHT)) if ids else []
            if not ids:
                return
            yield rows
            last = ids[-1]
            asked.customers += len(ids)
            async with self._database.unit() as work:
                await run.progress(asked.customers, max(total, asked.customers), work)

    async def _store(self, run: Run, asked: _Asked, outcome: Outcome) -> None:
        currency = asked.span.currency_code
        scores = (messages.score_row(asked.key, currency, score) for score in outcome.scores)
        cells = (messages.cell_row(asked.key, currency, n, cell) for n, cell in enumerate(outcome.cells, 1))
        for statement, rows in ((queries.put_score, list(scores)), (queries.put_cell, list(cells))):
            for start in range(0, len(rows), CHUNK):
                run.stop_if_cancelled()
                async with self._database.unit() as work:
                    await work.execute_many(statement, rows[start : start + CHUNK])

    async def _succeed(self, asked: _Asked, outcome: Outcome) -> pb.Insight:
        async with self._database.unit() as work:
            insight = await _load(asked.key, work)
            insight.customer_count, insight.order_count = asked.customers, asked.orders
            insight.score_count, insight.cell_count = len(outcome.scores), len(outcome.cells)
            insight.model = dict(outcome.model)
            insight.finish(SUCCEEDED, "", work.clock.now())
            return queries.SHELF.message(row_of(insight))

    async def _finish(self, key: uuid.UUID, state: str, error: str = "") -> None:
        async with self._database.unit() as work:
            await queries.forget_results(work, key)
            (await _load(key, work)).finish(state, error, work.clock.now())


async def _load(key: uuid.UUID, work: UnitOfWork) -> Insight:
    found: Insight | None = await work.scalar(queries.for_run(key))
    if found is None:
        raise NotFound("insight", key)
    return found
