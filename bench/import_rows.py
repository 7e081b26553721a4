"""An import as a user starts it, and its floor: the same finished rows by INSERT .. SELECT into the same tables."""

from __future__ import annotations

import asyncio
import io
import random
import time
import urllib.error
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import cpu
import psutil
from stack import CUSTOMER, Stack, running_stack

from taproot_local.provision import Administrator, Database

HEADER = "编号,客户名称,联系人,手机,邮箱,省份,城市,地址,状态,行业\r\n"
FAILED = ("IMPORT_STATE_FAILED", "IMPORT_STATE_CANCELLED")
MOST_SECONDS = 7200
RETRIES, PASSING = 240, (503, 504)
# What a run leaves behind; numbers of the log are given anew.
TABLES = ("customers", "customer_keys", "import_changes", "event_log")
_COLUMNS = """SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''"""


def lines(tag: str, count: int, changed: int = 0) -> Iterator[str]:
    """Companies with a key of their own, a mobile number, an address; reproducible by the tag.

    The first `changed` rows say something else than without it.
    """
    chooser = random.Random(tag)
    for number in range(count):
        name = f"第{chooser.randrange(10**6)}号{chooser.choice('江河湖海山川')}贸易有限公司"
        phone = f"1{3 + sum(tag.encode()) % 7}{number:09}"
        trade = "物流" if number < changed else "贸易"
        yield (
            f"{tag}{number:07},{name},联系人,{phone},u{number}@{tag}{number}.example,"
            f"江苏省,苏州市,人民路{number}号,意向,{trade}\r\n"
        )


def write_file(path: Path, tag: str, count: int, changed: int) -> int:
    """Written as a stream; returns its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(HEADER)
        out.writelines(lines(tag, count, changed))
    return path.stat().st_size


class Importer:
    """Imports through the gateway, watched from outside."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.token = stack.sign_in()
        stack.until(lambda: self._subject() is not None)
        self.subject = self._subject()
        self.peak_mb: dict[str, int] = {}

    def _subject(self) -> Any:
        return asyncio.run(_value(self.stack.customer.app_url, "SELECT id FROM identity_users WHERE active"))

    def upload(self, tag: str, count: int, changed: int = 0) -> str:
        """A file among the caller's uploads, and the import made of it."""
        name = f"{tag}.csv"
        write_file(
            self.stack.home.blobs / "customer" / "uploads" / str(self.subject) / name, tag, count, changed
        )
        made = self.call("POST", "/v1/imports", {"file_name": name, "upload_ref": name})
        return str(made["id"])

    def start(self, key: str, verb: str = "start") -> None:
        self.call("POST", f"/v1/imports/{key}:{verb}", {"request_id": uuid.uuid4().hex})

    def read(self, key: str) -> dict[str, Any]:
        return self.call("GET", f"/v1/imports/{key}")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Repeated while the service that was stopped or killed is not reached again."""
        for _ in range(RETRIES):
            try:
                return self.stack.call(method, path, body, self.token)
            except urllib.error.HTTPError as error:
                if error.code not in PASSING:
                    raise RuntimeError(f"{method} {path}: {error.read().decode()}") from error
                time.sleep(0.5)
        raise RuntimeError(f"{method} {path}: the service does not come back")

    def wait(self, key: str, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + MOST_SECONDS
        while (found := self.read(key))["state"] != state:
            if found["state"] in FAILED or time.monotonic() > deadline:
                raise RuntimeError(f"the import ended otherwise: {found}")
            self.sample()
            time.sleep(0.2)
        return found

    def sample(self) -> None:
        """Resident memory of the service and of each process it has started."""
        process = psutil.Process(self.stack.processes["customer"].pid)
        for name, one in [
            ("service", process),
            *(("parser", child) for child in process.children(recursive=True)),
        ]:
            try:
                held = one.memory_info().rss >> 20
            except psutil.NoSuchProcess:
                continue
            self.peak_mb[name] = max(self.peak_mb.get(name, 0), held)


def measure(count: int, rounds: int) -> list[dict[str, Any]]:
    with running_stack() as stack:
        stack.start_services()
        importer = Importer(stack)
        return [_round(stack, importer, f"r{number}x", count) for number in range(rounds)]


def _round(stack: Stack, importer: Importer, tag: str, count: int) -> dict[str, Any]:
    key = importer.upload(tag, count)
    floor = stack.clone_customers(f"taproot_floor_{tag}")
    ours = cpu.cost_of(stack, lambda: _play(importer, key, count))
    stack.stop(CUSTOMER.name)
    below = asyncio.run(_floor(stack.customer, floor, uuid.UUID(key)))
    stack.start(CUSTOMER)
    Administrator(stack.admin_url).drop(f"taproot_floor_{tag}")
    return {"ours": ours, "F-import": {"rate": round(count / below, 1)}}


def _play(importer: Importer, key: str, count: int) -> dict[str, Any]:
    begun = time.perf_counter()
    importer.start(key)
    done = importer.wait(key, "IMPORT_STATE_SUCCEEDED")
    seconds = time.perf_counter() - begun
    if int(done["counts"]["created_count"]) != count:
        rejected = importer.call("GET", f"/v1/imports/{key}/rows")
        raise RuntimeError(f"not all rows were created: {done['counts']} {rejected}")
    importer.stack.settle()
    rate, peak = round(count / seconds, 1), dict(importer.peak_mb)
    return {"rate": rate, "rows": count, "peak_mb": peak, "done": count, "load_seconds": 0.0}


async def _floor(source: Database, target: Database, key: uuid.UUID) -> float:
    """Seconds to put the rows of the import where they belong, in one transaction."""
    theirs, ours = await asyncpg.connect(source.owner_url), await asyncpg.connect(target.owner_url)
    try:
        moves = [await _stage(theirs, ours, table, key) for table in TABLES]
        begun = time.perf_counter()
        async with ours.transaction():
            for move in moves:
                await ours.execute(move)
        return time.perf_counter() - begun
    finally:
        await theirs.close()
        await ours.close()


async def _stage(theirs: Any, ours: Any, table: str, key: uuid.UUID) -> str:
    """Into an unlogged table; returns the statement that moves them on."""
    names = await ours.fetchval(_COLUMNS, table)
    column = {"customers": "id", "event_log": "aggregate_id"}.get(table, "customer_id")
    made = f"SELECT customer_id FROM import_changes WHERE import_id = '{key}'"
    content = io.BytesIO()
    await theirs.copy_from_query(
        f"SELECT {names} FROM {table} WHERE {column} IN ({made})", output=content, format="binary"
    )
    content.seek(0)
    await ours.execute(f"CREATE UNLOGGED TABLE staged_{table} AS SELECT {names} FROM {table} LIMIT 0")
    await ours.copy_to_table(f"staged_{table}", source=content, format="binary")
    await ours.execute(f"ANALYZE staged_{table}")
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM staged_{table}"


async def _value(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
