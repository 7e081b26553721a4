"""Reads of work plans, and the figures of somebody's work."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Uuid, and_, bindparam, case, distinct, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.customer.v1 import work_plan_pb2 as pb
from taproot_customer.activities.model import DONE as TOOK_PLACE
from taproot_customer.activities.model import Activity
from taproot_customer.customers.model import Customer
from taproot_customer.tasks.model import DONE, OPEN, Task
from taproot_customer.work_plans.model import WorkPlan
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.visibility import unscoped, visible

_c, _a, _t, _customer = (model.__table__.c for model in (WorkPlan, Activity, Task, Customer))
_OWN = "figures of one's own work, which one sees"
_CONTACTS = {"calls": "call", "visits": "visit", "meetings": "meeting", "emails": "email"}

RESOURCE = resource_of(
    "work_plan",
    WorkPlan,
    pb.WorkPlan,
    "id period start_date end_date plan report state submit_time review_time reviewer_id owner_id branch_id create_time "
    "update_time custom",
    "start_date desc",
)
SHELF = Shelf(RESOURCE, WorkPlan, pb.WorkPlan, where=_c.delete_time.is_(None))


async def of_period(reader: Reader, owner_id: uuid.UUID, period: str, start: dt.date) -> uuid.UUID | None:
    """The plan there is of it."""
    statement = select(_c.id).where(
        _c.owner_id == owner_id,
        _c.period == period,
        _c.start_date == start,
        _c.delete_time.is_(None),
        unscoped(WorkPlan, "one plan per period, wherever the owner was when it was begun"),
    )
    found: uuid.UUID | None = await reader.fetch_value(statement)
    return found


async def seen_customers(reader: Reader, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the customers that the caller may see."""
    keys = bindparam(None, list(ids), type_=ARRAY(Uuid))
    statement = select(_customer.id).where(_customer.id == func.any(keys), visible(Customer, by_key=True))
    return {row[0] for row in await reader.fetch(statement)} if ids else set()


async def figures(
    reader: Reader, owner_id: uuid.UUID, since: dt.datetime, before: dt.datetime
) -> dict[str, int]:
    """Of the owner's work in [since, before), under the names of the contract."""
    row = await reader.fetch_row(_contacts(owner_id, since, before))
    found = {name: int(row[name]) for name in (*_CONTACTS, "customers_contacted")}
    row = await reader.fetch_row(_tasks(owner_id, since, before))
    found |= {name: int(row[name]) for name in ("tasks_completed", "tasks_open")}
    made = select(func.count()).where(
        _customer.owner_id == owner_id,
        _customer.create_time >= since,
        _customer.create_time < before,
        _customer.delete_time.is_(None),
        unscoped(Customer, _OWN),
    )
    return found | {"customers_created": int(await reader.fetch_value(made))}


def _contacts(owner_id: uuid.UUID, since: dt.datetime, before: dt.datetime) -> Any:
    counts = [func.count(case((_a.kind == kind, 1))).label(name) for name, kind in _CONTACTS.items()]
    return select(*counts, func.count(distinct(_a.customer_id)).label("customers_contacted")).where(
        _a.owner_id == owner_id,
        _a.kind.in_(sorted(_CONTACTS.values())),
        _a.state == TOOK_PLACE,
        _a.start_time >= since,
        _a.start_time < before,
        _a.delete_time.is_(None),
        unscoped(Activity, _OWN),
    )


def _tasks(owner_id: uuid.UUID, since: dt.datetime, before: dt.datetime) -> Any:
    completed = and_(_t.state == DONE, _t.complete_time >= since, _t.complete_time < before)
    left = or_(_t.state == OPEN, _t.complete_time >= before)
    due = and_(_t.due_time >= since, _t.due_time < before)
    return select(
        func.count(case((completed, 1))).label("tasks_completed"),
        func.count(case((and_(due, left), 1))).label("tasks_open"),
    ).where(_t.owner_id == owner_id, or_(completed, due), _t.delete_time.is_(None), unscoped(Task, _OWN))
