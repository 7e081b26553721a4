"""What merging and undoing do to the review queue, in the same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from taproot_base.context import current_call
from taproot_base.ids import new_id
from taproot_customer.review import queries
from taproot_customer.review.model import DISMISSED
from taproot_storage.database import UnitOfWork

UNDONE = "their merge was undone"


async def follow_merge(work: UnitOfWork, survivor: uuid.UUID, sources: Sequence[uuid.UUID]) -> None:
    """What was open or decided about a source holds for the survivor; the source's own rows wait for an undoing."""
    one = [survivor, *sources]
    who, now = current_call().principal.subject, work.clock.now()
    await queries.mark_merged(work, one, survivor, who, now)
    inherited = []
    for row in await queries.pairs_touching(work, sources):
        other = row["left_id"] if row["right_id"] in sources else row["right_id"]
        if other not in one:
            inherited.append(dict(row) | _sides(survivor, other) | {"id": new_id(), "version": 1})
    await queries.put_pairs(work, inherited)


async def follow_unmerge(work: UnitOfWork, survivor: uuid.UUID, source: uuid.UUID) -> None:
    """Whoever takes a merge back says that the two differ: no search may join them again."""
    now = work.clock.now()
    pair = _sides(survivor, source) | {
        "id": new_id(),
        "state": DISMISSED,
        "score": Decimal(0),
        "contradicted": True,
        "evidence": [],
        "run_id": None,
        "decided_by": current_call().principal.subject,
        "decide_time": now,
        "note": UNDONE,
        "survivor_id": None,
        "create_time": now,
        "update_time": now,
        "version": 1,
    }
    await queries.put_pairs(work, [pair])


def _sides(one: uuid.UUID, other: uuid.UUID) -> dict[str, Any]:
    left, right = sorted((one, other))
    return {"left_id": left, "right_id": right}
