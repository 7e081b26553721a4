"""Where the parts of exports lie, and which of them an export has."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from math import inf

from sqlalchemy import ARRAY, Uuid, bindparam, func, select

from taproot_customer.exports.model import Export
from taproot_customer.results import RUNNING
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FOLDER = "exports"
_t = Export.__table__.c
_known = Statement(
    lambda: select(_t.id, _t.state, _t.part_count).where(
        _t.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        unscoped(Export, "a file is an orphan or not in all branches"),
    )
)


def part_key(key: uuid.UUID, part: int) -> str:
    return f"{FOLDER}/{key}-{part}"


async def known_files(reader: Reader, keys: Sequence[str]) -> set[str]:
    """Those of an export that still runs, and those it ended with. What is named otherwise is nobody's of ours."""
    parts = {key: found for key in keys if (found := _part_of(key)) is not None}
    rows = await reader.fetch(_known, ids=list({of for of, _ in parts.values()}))
    ends = {row["id"]: inf if row["state"] == RUNNING else row["part_count"] for row in rows}
    kept = {key for key, (of, number) in parts.items() if number < ends.get(of, 0)}
    return kept | (set(keys) - parts.keys())


def _part_of(key: str) -> tuple[uuid.UUID, int] | None:
    name, _, number = key.removeprefix(f"{FOLDER}/").rpartition("-")
    try:
        return uuid.UUID(name), int(number)
    except ValueError:
        return None
