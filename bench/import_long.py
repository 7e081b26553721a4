"""A long import as a real process: killed three times, resumed, counted, taken back; memory sampled all the while.

    .venv/bin/python bench/import_long.py --rows 1000000

It ends with an error where a count, or the customers after the undo, differ from what they must be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import import_rows
from import_rows import Importer
from stack import CUSTOMER, running_stack

KNOWN = 1_000
"""Customers that are there before, and whom the first rows of the file change."""
KILLS = (0.2, 0.5, 0.8)
# Of living customers all that a user sees; versions and times of change count every event, undone ones too.
CONTENT = """SELECT md5(string_agg(h, '' ORDER BY h)) FROM (
    SELECT md5((to_jsonb(c) - 'version' - 'update_time' - 'search_tokens')::text
        || (SELECT array_agg(t ORDER BY t) FROM unnest(c.search_tokens) t)::text) AS h
    FROM customers c WHERE c.delete_time IS NULL) rows"""
KEYS = """SELECT md5(string_agg(h, '' ORDER BY h)) FROM (
    SELECT md5(k::text) AS h FROM customer_keys k) rows"""


@dataclass
class Watched:
    """What was seen of one long run."""

    rows: int
    seconds: dict[str, float] = field(default_factory=dict)
    killed_at: list[int] = field(default_factory=list)
    memory_mb: dict[str, list[int]] = field(default_factory=dict)
    """Highest resident memory per process in each fifth of the run."""

    def sample(self, importer: Importer, share: float) -> None:
        importer.peak_mb.clear()
        importer.sample()
        at = min(4, int(share * 5))
        for name, held in importer.peak_mb.items():
            highest = self.memory_mb.setdefault(name, [0] * 5)
            highest[at] = max(highest[at], held)


def main() -> int:
    parser = argparse.ArgumentParser(description="Import, kill, resume, count, undo.")
    parser.add_argument("--rows", type=int, default=100_000)
    seen = Watched(parser.parse_args().rows)
    with running_stack() as stack:
        stack.start_services()
        importer = Importer(stack)
        first = importer.upload("long", KNOWN)
        importer.start(first)
        importer.wait(first, "IMPORT_STATE_SUCCEEDED")
        before = asyncio.run(_hashes(stack.customer.app_url))
        _run(importer, seen)
        after = asyncio.run(_hashes(stack.customer.app_url))
    print(json.dumps(seen.__dict__, indent=2))
    if before != after:
        print("after the undo the customers are not what they were", file=sys.stderr)
        return 1
    return 0


def _run(importer: Importer, seen: Watched) -> None:
    begun = time.perf_counter()
    key = importer.upload("long", seen.rows, changed=KNOWN)
    seen.seconds["upload"] = _since(begun)
    begun = time.perf_counter()
    importer.start(key)
    for share in KILLS:
        seen.killed_at.append(_kill_at(importer, key, seen, share))
    done = _watch(importer, key, seen, "counts", "IMPORT_STATE_SUCCEEDED")
    seen.seconds["import"] = _since(begun)
    counts = {name: int(value) for name, value in done["counts"].items()}
    wanted = {"read_count": seen.rows, "created_count": seen.rows - KNOWN, "updated_count": KNOWN}
    if {name: value for name, value in counts.items() if value} != wanted:
        raise RuntimeError(f"{counts} instead of {wanted}")
    asyncio.run(_check_tables(importer.stack.customer.app_url, seen.rows))
    begun = time.perf_counter()
    importer.start(key, "undo")
    importer.wait(key, "IMPORT_STATE_UNDONE")
    seen.seconds["undo"] = _since(begun)


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 1)


def _kill_at(importer: Importer, key: str, seen: Watched, share: float) -> int:
    """SIGKILL, then a new process; returns the rows that were done."""
    while (found := importer.read(key))["state"] == "IMPORT_STATE_RUNNING":
        done = int(found.get("counts", {}).get("read_count", 0))
        seen.sample(importer, done / seen.rows)
        if done >= share * seen.rows:
            break
        time.sleep(0.1)
    else:
        raise RuntimeError(f"over before it could be killed: {found['state']}")
    process = importer.stack.processes.pop(CUSTOMER.name)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    importer.stack.start(CUSTOMER)
    return done


def _watch(importer: Importer, key: str, seen: Watched, counts: str, state: str) -> dict[str, Any]:
    while (found := importer.read(key))["state"] != state:
        if found["state"] in import_rows.FAILED:
            raise RuntimeError(f"the import ended otherwise: {found}")
        seen.sample(importer, int(found.get(counts, {}).get("read_count", 0)) / seen.rows)
        time.sleep(0.2)
    return found


async def _check_tables(url: str, rows: int) -> None:
    """Nothing lost and nothing double, in every table a row leaves something in."""
    connection = await asyncpg.connect(url)
    wanted = {
        "SELECT count(*) FROM customers": rows,
        "SELECT count(DISTINCT display_name || sort_key || identifiers::text) FROM customers": rows,
        "SELECT count(*) FROM event_log WHERE type = 'customer.created'": rows,
        "SELECT count(*) FROM event_log WHERE type = 'customer.updated'": KNOWN,
        "SELECT count(*) FROM customer_keys": 3 * rows,
    }
    try:
        for query, count in wanted.items():
            found = await connection.fetchval(query)
            if found != count:
                raise RuntimeError(f"{query}: {found} instead of {count}")
    finally:
        await connection.close()


async def _hashes(url: str) -> tuple[str, str]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(CONTENT), await connection.fetchval(KEYS)
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
