"""The bulk search: block after block, each page of findings with its progress in one transaction.

Keys are hashes, so they spread evenly and the position tells how much is done. Whoever goes on after a crash
begins at the stored position; what was found before is found once, because a pair has one row.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from taproot.customer.v1 import duplicate_pair_pb2 as pb
from taproot_base import telemetry
from taproot_base.errors import AppError
from taproot_chassis.consumers import INFRASTRUCTURE
from taproot_chassis.operations import Run
from taproot_customer.computing import WorkerPool
from taproot_customer.review import blocks, handlers, queries
from taproot_customer.review.comparing import Finding, Standard, compare_blocks, measure_chances
from taproot_storage.database import Database

FIRST, LAST = -(2**63), 2**63 - 1
RETRY_SECONDS = 1.0
MERGE_BATCH = 100


@dataclass(frozen=True)
class _Page:
    """Some blocks in the order of their keys."""

    after: int
    last: int
    rows: Sequence[Any]


class DuplicateSearcher:
    """Handler of the operation `duplicates.search`."""

    def __init__(
        self, database: Database, pool: WorkerPool, region: str, page_keys: int = blocks.PAGE_KEYS
    ) -> None:
        self._database = database
        self._pool = pool
        self._region = region
        self._page_keys = page_keys

    async def __call__(self, run: Run) -> pb.DuplicateSearch:
        async with self._database.unit() as work:
            await blocks.begin(work, run.id)
            rules = await queries.read_rules(work)
            population = await blocks.population(work)
            sample = await blocks.read_sample(work)
        chances = await self._pool.run(measure_chances, sample)
        standard = Standard(rules["review_from"], population, chances)
        finished = False
        while not finished:
            run.stop_if_cancelled()
            try:
                await self._compare_all(run, standard)
                finished = True
            except INFRASTRUCTURE as error:
                telemetry.logger.warning("duplicate_search_paused", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
        async with self._database.unit() as work:
            await blocks.forget_unfound(work, run.id)
        if rules["merge_from"] > 0:
            await self._merge_all(run, rules["merge_from"])
        async with self._database.reading() as reader:
            return pb.DuplicateSearch(**await blocks.read_counts(reader, run.id))

    async def _compare_all(self, run: Run, standard: Standard) -> None:
        """From the stored position on; the next page is read while one is compared."""
        async with self._database.reading() as reader:
            position = await blocks.read_position(reader, run.id)
        ahead = asyncio.ensure_future(self._read_page(position))
        try:
            while (page := await ahead).last < LAST or page.rows:
                run.stop_if_cancelled()
                ahead = asyncio.ensure_future(self._read_page(page.last))
                shared = _blocks_of(page.rows)
                compared, found = await self._pool.run(compare_blocks, shared, standard)
                await self._store(run, page, compared, found, standard.population)
        finally:
            ahead.cancel()

    async def _read_page(self, after: int) -> _Page:
        if after == LAST:
            return _Page(after, LAST, ())
        async with self._database.reading() as reader:
            keys = await blocks.next_keys(reader, after, self._page_keys)
            rows = await blocks.read_members(reader, keys)
        return _Page(after, keys[-1] if len(keys) == self._page_keys else LAST, rows)

    async def _store(
        self, run: Run, page: _Page, compared: int, found: Sequence[Finding], population: int
    ) -> None:
        async with self._database.unit() as work:
            if not await blocks.advance(work, run.id, page.after, page.last, compared):
                return  # another runner has stored this page
            await blocks.put_findings(work, run.id, found)
            share = (page.last - FIRST) / (LAST - FIRST)
            await run.progress(int(population * share), population, work)

    async def _merge_all(self, run: Run, merge_from: float) -> None:
        """One transaction for each merge; what cannot be merged stays in the queue."""
        tried: set[uuid.UUID] = set()
        while True:
            async with self._database.reading() as reader:
                batch = await blocks.to_merge(reader, run.id, merge_from, sorted(tried), MERGE_BATCH)
            if not batch:
                return
            for key in batch:
                run.stop_if_cancelled()
                tried.add(key)
                await self._merge(run.id, key)
            tried &= await self._still_open(tried)

    async def _merge(self, run_id: uuid.UUID, key: uuid.UUID) -> None:
        try:
            async with self._database.unit() as work:
                await handlers.accept_pair(handlers.AcceptPair(key, self._region), work)
                await blocks.count_merge(work, run_id)
        except AppError as error:
            telemetry.logger.info("duplicate_pair_not_merged", reason=error.reason)

    async def _still_open(self, keys: set[uuid.UUID]) -> set[uuid.UUID]:
        async with self._database.reading() as reader:
            return await blocks.open_among(reader, sorted(keys))


def _blocks_of(rows: Sequence[Any]) -> list[list[tuple[bytes, bytes]]]:
    grouped = itertools.groupby(rows, key=lambda row: row["key"])
    found = [[(row["customer_id"].bytes, row["traits"]) for row in members] for _, members in grouped]
    return [block for block in found if len(block) > 1]
