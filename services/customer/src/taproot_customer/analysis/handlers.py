"""Use cases of insights."""

from __future__ import annotations

import uuid
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import PermissionDenied
from taproot_chassis import operations
from taproot_customer.analysis import queries
from taproot_customer.analysis.kinds import BY_MONEY, FUNNEL
from taproot_customer.analysis.model import Insight
from taproot_customer.purchases.model import PERMISSION
from taproot_customer.purchases.queries import usual_currency
from taproot_customer.results import CANCELLED, FAILED, SUCCEEDED
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, new_key, placed
from taproot_storage.database import UnitOfWork

RUN = "insight"


async def create_insight(chosen: str, given: Values, work: UnitOfWork) -> Insight:
    """Refuses at once what the run could not read. Raises InvalidListing, PermissionDenied."""
    require_rights(given["kind"])
    now = work.clock.now()
    queries.wanted(given.get("filter", ""), now)
    key = await new_key(work, Insight, chosen)
    day = given.get("reference_date") or now.date()
    values = given | {
        "reference_date": day,
        "currency_code": given.get("currency_code") or await usual_currency(work),
        "display_name": given.get("display_name") or f"{given['kind']} {day}",
        "operation_id": await operations.start(work, RUN, str(key), {}),
    }
    insight = Insight.create(key, await placed(work, "insights", values), now)
    await work.add(insight)
    return insight


def require_rights(kind: str) -> None:
    """Ranks and groups by money would tell what a mask hides."""
    call = current_call()
    call.directory.require(call.principal, "customers.read")
    if kind != FUNNEL:
        call.directory.require(call.principal, PERMISSION)
    if kind in BY_MONEY and "financial" in call.masked:
        raise PermissionDenied("money is masked for you, and this is worked out from it")


async def delete_insight(key: str, etag: str, work: UnitOfWork) -> Insight:
    insight = await load(work, Insight, key, etag)
    insight.require(SUCCEEDED, FAILED, CANCELLED)
    insight.record("deleted", work.clock.now())
    await queries.forget_results(work, insight.id)
    await discard(work, insight)
    return insight


async def fetch_part(key: uuid.UUID, part: int, work: UnitOfWork) -> Any:
    """The row of an insight whose results may be taken along."""
    insight = await load(work, Insight, key)
    insight.require(SUCCEEDED)
    if part == 0:
        insight.fetched(work.clock.now())
    return {"id": insight.id, "state": insight.state}
