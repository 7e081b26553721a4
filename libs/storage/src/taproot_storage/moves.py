"""Rows follow their branch when it moves in the tree, a chunk at a time.

Processes know the tree a few seconds late, so what is placed while a move is on its way may still bear the old
path. A move is therefore remembered, and rows found at its old path are brought along for a while after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Column, Table, bindparam, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from taproot_base.access import subtree_end
from taproot_storage.schema import identity_branches, identity_moves
from taproot_storage.statements import Statement
from taproot_storage.visibility import Rule, ScopeRule, is_scoped, unscoped

if TYPE_CHECKING:
    from taproot_storage.database import Database, Reader, UnitOfWork

CHUNK = 10_000
"""Rows of one table in one transaction."""
SETTLE = timedelta(minutes=10)
"""For so long rows are looked for where nobody should place any: longer than any transaction or stale tree lives."""
KEEP_FREE = timedelta(hours=1)
"""For so long no other branch may take the place of one that has moved."""
_m = identity_moves.c
_NAMES = ("branch_id", "version", "previous_path", "path", "moved_at", "swept_at")


@dataclass(frozen=True)
class Move:
    branch_id: UUID
    version: int
    previous_path: str
    path: str


_remember = Statement(
    lambda: (
        insert(identity_moves)
        .values({name: bindparam(name) for name in _NAMES})
        .on_conflict_do_nothing()
        .returning(_m.version)
    )
)
_place = select(1).where(
    identity_branches.c.path >= _m.previous_path,
    func.starts_with(identity_branches.c.path, _m.previous_path),
)
# After its end a move is looked at ever more seldom: the wait doubles. Where other branches have taken the place
# meanwhile, what is there is theirs.
_waited = bindparam("now", type_=_m.done_at.type) - _m.swept_at >= _m.swept_at - _m.moved_at
_open = Statement(
    lambda: (
        select(_m.branch_id, _m.version, _m.previous_path, _m.path)
        .where(or_(_m.done_at.is_(None), (_m.moved_at > bindparam("since")) & _waited & ~_place.exists()))
        .order_by(_m.moved_at, _m.version)
    )
)
_left = Statement(
    lambda: (
        select(_m.branch_id)
        .where(_m.previous_path == bindparam("path"), _m.moved_at > bindparam("since"))
        .order_by(_m.moved_at.desc())
        .limit(1)
    )
)
_last = Statement(
    lambda: (
        select(identity_moves).where(_m.branch_id == bindparam("branch")).order_by(_m.version.desc()).limit(1)
    )
)
_count = Statement(
    lambda: (
        update(identity_moves)
        .where(_m.branch_id == bindparam("branch"), _m.version == bindparam("number"))
        .values(
            row_count=_m.row_count + bindparam("rows"),
            swept_at=bindparam("now"),
            done_at=func.coalesce(_m.done_at, bindparam("done", type_=_m.done_at.type)),
        )
    )
)


async def begin(move: Move, rules: Iterable[Rule], work: UnitOfWork) -> None:
    """Remember a move and bring the first rows along; `follow` does the rest. A repeat changes nothing."""
    now = work.clock.now()
    if await work.fetch_row(_remember, **asdict(move), moved_at=now, swept_at=now) is not None:
        await _bring(move, rules, work, now)


async def left_lately(path: str, work: UnitOfWork) -> UUID | None:
    """The branch whose rows may still be looked for at this path."""
    found = await work.fetch_row(_left, path=path, since=work.clock.now() - KEEP_FREE)
    return None if found is None else UUID(str(found[0]))


async def last(reader: Reader, branch_id: UUID) -> Any:
    """Row of the last move of a branch, or None."""
    return await reader.fetch_row(_last, branch=branch_id)


async def follow(database: Database, rules: Sequence[Rule]) -> int:
    """Job: one chunk of each move that is under way or has just ended. How many rows were brought along."""
    async with database.reading() as reader:
        now = database.clock.now()
        moves = [Move(*row) for row in await reader.fetch(_open, now=now, since=now - SETTLE)]
    rows = 0
    for move in moves:
        async with database.unit() as work:
            rows += await _bring(move, rules, work, now)
    return rows


async def _bring(move: Move, rules: Iterable[Rule], work: UnitOfWork, now: datetime) -> int:
    columns = sorted(_columns(rules), key=lambda column: column.table.name)
    rows = [await work.execute(_chunk(column, move)) for column in columns]
    done = now if max(rows, default=0) < CHUNK else None
    await work.execute(_count, branch=move.branch_id, number=move.version, rows=sum(rows), now=now, done=done)
    return sum(rows)


def _columns(rules: Iterable[Rule]) -> set[Column[Any]]:
    """All paths there are in the scoped tables and in what is shared of them."""
    shares = {r.shares for r in rules if isinstance(r, ScopeRule) and r.shares is not None}
    return {r.branch for r in rules if r.branch is not None} | {table.c.branch_path for table in shares}


def _chunk(column: Column[Any], move: Move) -> Any:
    table, low = column.table, move.previous_path
    assert isinstance(table, Table)
    waived = [unscoped(table, "a branch has moved")] if is_scoped(table) else []
    found = [column >= low, column < subtree_end(low), *waived]
    if key := list(table.primary_key):
        rows = select(*key).where(*found).limit(CHUNK).with_for_update()
        found = [(tuple_(*key) if len(key) > 1 else key[0]).in_(rows), *waived]
    return (
        update(table).where(*found).values({column: literal(move.path) + func.substr(column, len(low) + 1)})
    )
