"""Who is let in to single records besides those they belong to: the rows `scope_table(shares=...)` reads.

The service of the records keeps them with its own changes; others follow its events, which tell all of a record's.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text, Uuid, bindparam, delete, insert, text

from taproot_base.context import current_call
from taproot_base.wire import optional_instant, optional_uuid
from taproot_records.mapping import Values, short_name
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement

_HOLDERS = ("branch_path", "owner_id", "team_id")


def access_table(name: str, key: str, metadata: MetaData) -> Table:
    """`key`: the column that refers to the record."""
    return Table(
        name,
        metadata,
        Column(key, Uuid, nullable=False),
        Column("id", Uuid, primary_key=True),
        Column("branch_path", Text),
        Column("owner_id", Uuid),
        Column("team_id", Uuid),
        Column("level", Text, nullable=False),
        Column("expire_time", DateTime(timezone=True)),
        Index(f"ix_{name}_{key}", key),
        *(Index(f"ix_{name}_{holder}", holder, key) for holder in _HOLDERS),
        Index(f"ix_{name}_expire_time", "expire_time", postgresql_where=text("expire_time IS NOT NULL")),
    )


class Shares:
    """Keeps one table of shares."""

    def __init__(self, table: Table) -> None:
        self._key = next(iter(table.c)).key
        key = table.c[self._key]
        self._clear = Statement(lambda: delete(table).where(key == bindparam("record")))
        names = [column.name for column in table.c]
        self._add = Statement(lambda: insert(table).values({name: bindparam(name) for name in names}))

    async def put(self, work: UnitOfWork, record: uuid.UUID, rows: Sequence[Values]) -> None:
        """These and no others let somebody in to the record."""
        await work.execute(self._clear, record=record)
        if rows:
            await work.execute_many(self._add, [{self._key: record, **row} for row in rows])


def row_of_share(share: Any) -> Values | None:
    """From the message of a share; None for one with a branch that is not known here, which lets nobody in."""
    branch = current_call().directory.branches.get(share.branch_id)
    if share.branch_id and branch is None:
        return None
    level = share.DESCRIPTOR.fields_by_name["level"].enum_type
    return {
        "id": uuid.UUID(share.id),
        "branch_path": branch.path if branch else None,
        "owner_id": optional_uuid(share.user_id),
        "team_id": optional_uuid(share.team_id),
        "level": short_name(level, share.level),
        "expire_time": optional_instant(share, "expire_time"),
    }


def rows_of_shares(shares: Sequence[Any]) -> list[Values]:
    return [row for share in shares if (row := row_of_share(share)) is not None]
