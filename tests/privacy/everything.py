"""Looks for words in every place a running Taproot keeps anything: databases, blobs and streams."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import nats
import psutil
from nats.js.api import AckPolicy, ConsumerConfig

from taproot_local.suite import SERVICES, Suite

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL) AS kind FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
ORDER BY 1, 2
"""
_TEXT = ("text", "json", "character", "name", "xml", "tsvector")


@dataclass(frozen=True)
class Message:
    stream: str
    sequence: int
    subject: str
    headers: dict[str, str]
    data: bytes

    def about(self, keys: set[str]) -> bool:
        return bool(keys & {self.headers.get("ce-party", ""), self.headers.get("ce-subject", "")})


@dataclass(frozen=True)
class Everything:
    suite: Suite

    def environment(self, service: str) -> dict[str, str]:
        return psutil.Process(self.suite.process(service).pid).environ()

    async def places(self, words: list[str]) -> list[str]:
        """Where one of the words stands: `database.table.column`, `blob path`, `stream sequence`."""
        found: list[str] = []
        for service in SERVICES:
            found += await self.in_database(service, words)
        found += list(self.in_blobs(words))
        return found + await self.in_streams(words)

    async def in_database(self, service: str, words: list[str], url: str = "") -> list[str]:
        connection = await asyncpg.connect(url or self.environment(service)["TAPROOT_DATABASE_URL"])
        try:
            columns = await connection.fetch(_COLUMNS)
            found = []
            for table, column, kind in columns:
                condition = _condition(column, kind)
                if condition is None:
                    continue
                sql = f'SELECT count(*) FROM "{table}" WHERE {condition}'  # names from the catalogue
                if count := await connection.fetchval(sql, [word.lower() for word in words]):
                    found.append(f"{service}.{table}.{column}: {count}")
            return found
        finally:
            await connection.close()

    def in_blobs(self, words: list[str]) -> Iterator[str]:
        for path in sorted((self.suite.home / "blobs").rglob("*")):
            if path.is_file() and _says(_content(path), words):
                yield f"blob {path.name}"

    async def in_streams(self, words: list[str]) -> list[str]:
        return [
            f"{one.stream} {one.sequence} {one.subject}"
            for one in await self.messages()
            if _says(one.data + str(one.headers).encode(), words)
        ]

    async def messages(self) -> list[Message]:
        client = await nats.connect(str(self.suite.state["nats_url"]))
        try:
            jetstream = client.jetstream()
            names = [info.config.name for info in await jetstream.streams_info()]
            return [message for name in names for message in await _all(jetstream, name)]
        finally:
            await client.close()

    async def publish(self, messages: list[Message]) -> list[tuple[str, int]]:
        client = await nats.connect(str(self.suite.state["nats_url"]))
        try:
            jetstream = client.jetstream()
            acks = [await jetstream.publish(one.subject, one.data, headers=one.headers) for one in messages]
            return [(ack.stream, ack.seq) for ack in acks]
        finally:
            await client.close()

    async def take_back(self, published: list[tuple[str, int]]) -> None:
        client = await nats.connect(str(self.suite.state["nats_url"]))
        try:
            for stream, sequence in published:
                await client.jetstream().delete_msg(stream, sequence)
        finally:
            await client.close()

    async def consumed(self, seconds: float = 60.0) -> None:
        """Until every durable consumer has handled all there is."""
        client = await nats.connect(str(self.suite.state["nats_url"]))
        try:
            for _ in range(int(seconds / 0.2)):
                if not await _behind(client.jetstream()):
                    return
                await asyncio.sleep(0.2)
            raise AssertionError(f"still waiting: {await _behind(client.jetstream())}")
        finally:
            await client.close()


async def _behind(jetstream: Any) -> list[str]:
    return [
        one.name
        for stream in await jetstream.streams_info()
        for one in await jetstream.consumers_info(stream.config.name)
        if one.config.durable_name and (one.num_pending or one.num_ack_pending)
    ]


async def _all(jetstream: Any, stream: str) -> list[Message]:
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=30)
    info = await jetstream.add_consumer(stream, config)
    pull = await jetstream.pull_subscribe_bind(consumer=info.name, stream=stream)
    found: list[Message] = []
    left = info.num_pending
    while left:
        for one in await pull.fetch(min(500, left), timeout=5):
            left = one.metadata.num_pending
            sequence = one.metadata.sequence.stream
            found.append(Message(stream, sequence, one.subject, dict(one.headers or {}), one.data))
    await pull.unsubscribe()
    await jetstream.delete_consumer(stream, info.name)
    return found


def _condition(column: str, kind: str) -> str | None:
    if kind == "bytea":
        # What is no UTF-8 may still hold the word: compared byte by byte, as it is written.
        return f"EXISTS (SELECT 1 FROM unnest($1::text[]) w WHERE position(convert_to(w, 'UTF8') IN \"{column}\") > 0)"
    if kind.startswith(_TEXT) or kind.startswith("uuid"):
        return f'EXISTS (SELECT 1 FROM unnest($1::text[]) w WHERE strpos(lower("{column}"::text), w) > 0)'
    return None


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(b"PK\x03\x04"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def _says(content: bytes, words: list[str]) -> bool:
    lower = content.lower()
    return any(word.lower().encode() in lower for word in words)
