"""Projections of other services' records: a row changes only for news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from taproot_storage.statements import Statement


def put_newer(table: Any, *, keys: Sequence[str] = ("id",), kept: Sequence[str] = ()) -> Statement:
    """Insert or replace by key, unless the `version` stored is as new; `kept` columns stay as first inserted."""
    columns = getattr(table, "__table__", table).c

    def build() -> Any:
        statement = insert(table).values({c.key: bindparam(c.key, type_=c.type) for c in columns})
        changes = {c.key: statement.excluded[c.key] for c in columns if c.key not in (*keys, *kept)}
        return statement.on_conflict_do_update(
            index_elements=list(keys), set_=changes, where=columns.version < statement.excluded.version
        )

    return Statement(build)
