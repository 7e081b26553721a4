"""Statements of the bulk search: blocks in the order of their keys, findings, and how far it has come."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from taproot_base.ids import new_id
from taproot_customer.customers.model import Customer
from taproot_customer.matching.blocking import BLOCK_LIMIT
from taproot_customer.merging.model import customer_blocks, customer_traits
from taproot_customer.reading import column_names
from taproot_customer.review.comparing import Finding
from taproot_customer.review.model import DISMISSED, OPEN, DuplicatePair, duplicate_searches
from taproot_customer.review.queries import seen
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

PAGE_KEYS = 4000
SAMPLE = 4000
_FIRST = -(2**63)
_b, _c, _t = customer_blocks.c, Customer.__table__.c, customer_traits.c
_p, _s = DuplicatePair.__table__.c, duplicate_searches.c
_of_run = _s.id == bindparam("of")

_keys = Statement(
    lambda: (
        select(_b.key)
        .where(_b.key > bindparam("after"))
        .group_by(_b.key)
        .having(func.count().between(2, BLOCK_LIMIT))
        .order_by(_b.key)
        .limit(bindparam("most"))
    )
)
_members = Statement(
    lambda: (
        select(_b.key, _b.customer_id, _t.traits)
        .where(
            _b.key == func.any(bindparam("keys", type_=ARRAY(BigInteger))),
            _t.customer_id == _b.customer_id,
            _c.id == _b.customer_id,
            _c.delete_time.is_(None),
            visible(Customer, by_key=True),
        )
        .order_by(_b.key)
    )
)
# Keys are hashes: who stands under the lowest is as good as drawn by lot, and the same in a search that goes on.
_sample = Statement(
    lambda: (
        select(_b.key, _t.customer_id, _t.traits)
        .ext(distinct_on(_b.key))
        .where(
            _t.customer_id == _b.customer_id,
            _c.id == _b.customer_id,
            _c.delete_time.is_(None),
            visible(Customer),
        )
        .order_by(_b.key)
        .limit(SAMPLE)
    )
)
_population = Statement(lambda: select(func.count()).select_from(customer_traits))
_begin = Statement(
    lambda: (
        upsert(duplicate_searches)
        .values({name: bindparam(name) for name in column_names(duplicate_searches)})
        .on_conflict_do_nothing()
    )
)
_position = Statement(lambda: select(_s.position).where(_of_run))
_advance = Statement(
    lambda: (
        update(duplicate_searches)
        .where(_of_run, _s.position == bindparam("after"))
        .values(position=bindparam("last"), compared_count=_s.compared_count + bindparam("compared"))
    )
)
_count_merge = Statement(
    lambda: update(duplicate_searches).where(_of_run).values(merged_count=_s.merged_count + 1)
)


def _put_statement() -> Any:
    put = upsert(DuplicatePair).values(
        {name: bindparam(name) for name in column_names(DuplicatePair.__table__)}
    )
    fresh = ("score", "contradicted", "evidence", "run_id", "update_time")
    return put.on_conflict_do_update(
        index_elements=["left_id", "right_id"],
        set_={name: put.excluded[name] for name in fresh} | {"version": _p.version + 1},
        where=_p.run_id.is_distinct_from(put.excluded.run_id),
    )


_put = Statement(_put_statement)
_forget = Statement(
    lambda: delete(DuplicatePair).where(
        _p.state == OPEN, _p.run_id.is_distinct_from(bindparam("run")), seen()
    )
)
_to_merge = Statement(
    lambda: (
        select(_p.id)
        .where(
            _p.run_id == bindparam("run"),
            _p.state == OPEN,
            _p.score >= bindparam("floor"),
            _p.contradicted.is_(False),
            _p.id != func.all(bindparam("tried", type_=ARRAY(Uuid))),
            seen(),
        )
        .order_by(_p.score.desc(), _p.id)
        .limit(bindparam("most"))
    )
)
_open = Statement(
    lambda: select(_p.id).where(_p.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), _p.state == OPEN)
)
_counts = Statement(
    lambda: (
        select(_p.state, func.count().label("pairs"))
        .where(_p.run_id == bindparam("run"), seen())
        .group_by(_p.state)
    )
)
_search = Statement(lambda: select(duplicate_searches).where(_of_run))


async def next_keys(reader: Reader, after: int, most: int) -> list[int]:
    return [row["key"] for row in await reader.fetch(_keys, after=after, most=most)]


async def read_members(reader: Reader, keys: Sequence[int]) -> list[Any]:
    """key, customer_id, traits of the customers the caller sees, in the order of the keys."""
    return await reader.fetch(_members, keys=list(keys)) if keys else []


async def population(reader: Reader) -> int:
    """Of the whole enterprise: chance knows no branches."""
    return int(await reader.fetch_value(_population))


async def read_sample(reader: Reader) -> list[bytes]:
    """Traits of some customers the caller sees, each once."""
    rows = await reader.fetch(_sample)
    return [traits for _, traits in sorted({row["customer_id"]: row["traits"] for row in rows}.items())]


async def begin(work: UnitOfWork, run_id: uuid.UUID) -> None:
    """Nothing happens when the search was begun before."""
    start = {"id": run_id, "position": _FIRST, "compared_count": 0, "merged_count": 0}
    await work.execute(_begin, **start, create_time=work.clock.now())


async def read_position(reader: Reader, run_id: uuid.UUID) -> int:
    return int(await reader.fetch_value(_position, of=run_id))


async def advance(work: UnitOfWork, run_id: uuid.UUID, after: int, last: int, compared: int) -> bool:
    """False when the search is no longer at `after`."""
    return await work.execute(_advance, of=run_id, after=after, last=last, compared=compared) == 1


async def count_merge(work: UnitOfWork, run_id: uuid.UUID) -> None:
    await work.execute(_count_merge, of=run_id)


async def put_findings(work: UnitOfWork, run_id: uuid.UUID, found: Sequence[Finding]) -> None:
    """What was decided before stays decided; evidence and score are those of now."""
    now = work.clock.now()
    rows = [
        {
            "id": new_id(),
            "left_id": uuid.UUID(bytes=one.left),
            "right_id": uuid.UUID(bytes=one.right),
            "state": OPEN,
            "score": Decimal(str(one.score)),
            "contradicted": one.contradicted,
            "evidence": [list(each) for each in one.evidence],
            "run_id": run_id,
            "decided_by": "",
            "decide_time": None,
            "note": "",
            "survivor_id": None,
            "create_time": now,
            "update_time": now,
            "version": 1,
        }
        for one in found
    ]
    await work.execute_many(_put, rows)


async def forget_unfound(work: UnitOfWork, run_id: uuid.UUID) -> None:
    """Open pairs the caller sees that this search has not found again."""
    await work.execute(_forget, run=run_id)


async def to_merge(
    reader: Reader, run_id: uuid.UUID, floor: float, tried: Sequence[uuid.UUID], most: int
) -> list[uuid.UUID]:
    rows = await reader.fetch(_to_merge, run=run_id, floor=Decimal(str(floor)), tried=list(tried), most=most)
    return [row["id"] for row in rows]


async def open_among(reader: Reader, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    return {row["id"] for row in await reader.fetch(_open, ids=list(ids))}


async def read_counts(reader: Reader, run_id: uuid.UUID) -> dict[str, int]:
    search = await reader.fetch_row(_search, of=run_id)
    states = {row["state"]: row["pairs"] for row in await reader.fetch(_counts, run=run_id)}
    return {
        "compared_count": search["compared_count"],
        "merged_count": search["merged_count"],
        "open_count": states.get(OPEN, 0),
        "dismissed_count": states.get(DISMISSED, 0),
    }
