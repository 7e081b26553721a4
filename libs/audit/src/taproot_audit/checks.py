"""Verifying the audit: a live database in one snapshot, or an export without any database."""

from __future__ import annotations

import bisect
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import BigInteger, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_audit.chain import START, Block, Chain, Fault, Signed
from taproot_audit.sealing import block_of, events_numbered, last_block
from taproot_storage.schema import audit_blocks, audit_events, audit_unsealed
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

if TYPE_CHECKING:
    from taproot_storage.database import Database, Reader

BLOCKS_AT_ONCE = 50
NUMBERS_AT_ONCE = 10_000
_e, _b, _u = audit_events.c, audit_blocks.c, audit_unsealed.c
_after = Statement(
    lambda: (
        select(audit_blocks).where(_b.number > bindparam("after")).order_by(_b.number).limit(BLOCKS_AT_ONCE)
    )
)
_block = Statement(lambda: select(audit_blocks).where(_b.number == bindparam("number")))
_first_since = Statement(
    lambda: select(_b.number).where(_b.seal_time >= bindparam("since")).order_by(_b.number).limit(1)
)
_existing = Statement(
    lambda: (
        select(_e.number)
        .where(_e.number > bindparam("after"), unscoped(audit_events, "verified for all"))
        .order_by(_e.number)
        .limit(NUMBERS_AT_ONCE)
    )
)
_waiting = Statement(lambda: select(_u.number))
_holding = Statement(
    lambda: select(_b.number).where(_b.numbers.contains(bindparam("numbers", type_=ARRAY(BigInteger))))
)


@dataclass(frozen=True)
class Verified:
    """What was found in order. `waiting`: events no block holds yet."""

    blocks: int
    events: int
    waiting: int
    head: Block | None

    def __str__(self) -> str:
        text = f"{self.blocks} blocks with {self.events} events are as they were sealed"
        waiting = f"; {self.waiting} events wait for the sealer" if self.waiting else ""
        head = f"; the head is block {self.head.number}, {self.head.hash.hex()}" if self.head else ""
        return text + waiting + head


class _Numbers:
    """A set of numbers that is nearly without gaps, as spans."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, number: int) -> None:
        at = bisect.bisect_right(self._starts, number)
        follows = at > 0 and self._ends[at - 1] == number - 1
        precedes = at < len(self._starts) and self._starts[at] == number + 1
        if follows and precedes:
            self._ends[at - 1] = self._ends.pop(at)
            del self._starts[at]
        elif follows:
            self._ends[at - 1] = number
        elif precedes:
            self._starts[at] = number
        else:
            self._starts.insert(at, number)
            self._ends.insert(at, number)

    def __contains__(self, number: int) -> bool:
        at = bisect.bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ends[at]

    @property
    def first(self) -> int:
        return self._starts[0] if self._starts else 0

    @property
    def last(self) -> int:
        return self._ends[-1] if self._ends else 0


async def verify(
    database: Database,
    service: str,
    signed: Signed,
    since: datetime | None = None,
    until: datetime | None = None,
    head: str = "",
) -> Verified:
    """Blocks sealed in a time, or all of them, and that no event stands outside. Raises Fault."""
    async with database.unit() as work:
        await work.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        previous = await _before(work, service, since)
        chain = Chain(service, signed, previous, whole=since is None, head=head)
        covered = _Numbers()
        async for block, events in _blocks(work, service, previous, until):
            chain.check(block, events)
            for number in block.numbers:
                covered.add(number)
        chain.check_head()
        waiting = {row["number"] for row in await work.fetch(_waiting)}
        partial = since is not None or until is not None
        await _check_outside(work, covered, waiting, partial=partial)
        return Verified(chain.blocks, chain.events, len(waiting), chain.last)


async def export(
    database: Database, service: str, since: datetime | None = None, until: datetime | None = None
) -> AsyncIterator[bytes]:
    """The blocks and their events as JSON lines that `verify_export` understands."""
    async with database.unit() as work:
        await work.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        previous = await _before(work, service, since)
        after = {"number": previous.number if previous else 0}
        after |= {"hash": (previous.hash if previous else START).hex()}  # type: ignore[dict-item]  # JSON
        yield _line(export={"service": service, "after": after})
        blocks, last = 0, previous.hash if previous else START
        async for block, events in _blocks(work, service, previous, until):
            blocks, last = blocks + 1, block.hash
            yield _line(block=block.as_json())
            for event in events:
                yield _line(event=event)
        yield _line(end={"blocks": blocks, "hash": last.hex()})


def verify_export(lines: Iterable[bytes], service: str, signed: Signed, head: str = "") -> Verified:
    """An export as `export` wrote it. Raises Fault."""
    parts = _parts(lines)
    kind, said = next(parts, ("end", {}))
    if kind != "export" or said["service"] != service:
        raise Fault(f"this does not begin as an export of {service}")
    number, before = int(said["after"]["number"]), bytes.fromhex(said["after"]["hash"])
    previous = Block(service, number, "", (), b"", b"", before) if number else None
    if number == 0 and before != START:
        raise Fault("the beginning of the export was altered")
    chain = Chain(service, signed, previous, head=head)
    block: Block | None = None
    events: list[dict[str, Any]] = []
    for kind, said in parts:
        if kind == "event":
            if block is None:
                raise Fault(f"event {said.get('number')} was inserted: it stands in no block")
            events.append(said)
            continue
        if kind == "export":
            raise Fault("another export begins inside this one")
        if block is not None:
            chain.check(block, events)
        block, events = (Block.from_json(said), []) if kind == "block" else (None, [])
        if kind == "end":
            _check_end(said, chain, before)
            if next(parts, None) is not None:
                raise Fault("something was added behind the end of the export")
            chain.check_head()
            return Verified(chain.blocks, chain.events, 0, chain.last)
    raise Fault("the end of the export is missing")


def _check_end(said: dict[str, Any], chain: Chain, before: bytes) -> None:
    last = chain.last.hash if chain.last is not None else before
    if (said.get("blocks"), said.get("hash")) != (chain.blocks, last.hex()):
        raise Fault(f"the end of the export tells of {said.get('blocks')} blocks; there are {chain.blocks}")


def _parts(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        try:
            [(kind, said)] = orjson.loads(line).items()
            if kind not in ("export", "block", "event", "end") or not isinstance(said, dict):
                raise ValueError(kind)  # noqa: TRY301  # told like the others
            if kind == "block":
                Block.from_json(said)
            if kind == "event":
                int(said["number"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Fault(f"line {number} of the export is not what was exported") from error
        yield kind, said


def _line(**part: Any) -> bytes:
    return orjson.dumps(part) + b"\n"


async def _before(reader: Reader, service: str, since: datetime | None) -> Block | None:
    """The block before the first that is asked for."""
    if since is None:
        return None
    first = await reader.fetch_value(_first_since, since=since)
    if first is None:
        return await last_block(reader, service)
    row = await reader.fetch_row(_block, number=first - 1)
    return None if row is None else block_of(row, service)


async def _blocks(
    reader: Reader, service: str, previous: Block | None, until: datetime | None
) -> AsyncIterator[tuple[Block, list[dict[str, Any]]]]:
    after = previous.number if previous is not None else -(2**62)
    while rows := await reader.fetch(_after, after=after):
        for row in rows:
            if until is not None and row["seal_time"] >= until:
                return
            block = block_of(row, service)
            yield block, await events_numbered(reader, block.numbers)
            after = block.number


async def _check_outside(reader: Reader, covered: _Numbers, waiting: set[int], *, partial: bool) -> None:
    """No event stands in no block, except those that wait for the sealer."""
    after = covered.first - 1 if partial else -(2**62)
    while rows := await reader.fetch(_existing, after=after):
        for row in rows:
            number = after = row["number"]
            if partial and number > covered.last:
                return
            if number in covered or number in waiting:
                continue
            if not partial or await reader.fetch_value(_holding, numbers=[number]) is None:
                raise Fault(f"event {number} was inserted: no block holds it and it does not wait for one")
