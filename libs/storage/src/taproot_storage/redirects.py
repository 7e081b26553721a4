"""Keys that mean the same record: one survives a merge and answers for its members."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from taproot_storage.schema import redirects


def root_of(asked: Any) -> ColumnElement[Any]:
    """The survivor of what `asked`, a column or a value, was merged into; itself when it never was."""
    one = redirects.alias()
    survivor = _beside(asked, select(one.c.root_id).where(one.c.member_id == asked))
    return func.coalesce(survivor.scalar_subquery(), asked)


def keys_of(asked: Any) -> ColumnElement[Any]:
    """All keys of the record `asked`: its survivor's and its members'.

    An array and not a join, so that an index on the compared column serves `column = ANY(keys)`.
    """
    root, member = root_of(asked), redirects.alias()
    members = select(member.c.member_id).where(member.c.root_id == root)
    return func.array(union_all(_beside(asked, select(root)), _beside(asked, members)).scalar_subquery())


def _beside(asked: Any, rows: Select[Any]) -> Select[Any]:
    """A column is the enclosing statement's: not to be selected from once more."""
    table = getattr(asked, "table", None)
    return rows if table is None else rows.correlate(table)
