"""Use cases of tasks, and what other services ask to be done."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from zoneinfo import ZoneInfo

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer, caller_id, still_sees
from taproot_customer.care_dates.schedule import zone_of
from taproot_customer.parents import find_parent
from taproot_customer.recurrence.rules import BadRule
from taproot_customer.recurrence.zones import is_zone, zone_of_user
from taproot_customer.tasks import queries
from taproot_customer.tasks.model import Task
from taproot_records.mapping import Values
from taproot_records.writing import load, new_key, patched
from taproot_storage.database import Database, UnitOfWork

REMIND_BATCH = 200


async def create_task(chosen: str, values: Values, work: UnitOfWork) -> Task:
    customer_id = values.get("customer_id")
    parent = await find_parent(work, customer_id) if customer_id else None
    assignee = values.get("owner_id") or caller_id()
    place = await Placer("tasks", work).place(assignee, parent.branch_id if parent else None)
    held = parent.held if parent else {}
    key = await new_key(work, Task, chosen)
    task = await add_task(values | asdict(place) | held | {"creator_id": caller_id()}, work, key)
    await _check_series(task, work)
    return task


async def add_task(values: Values, work: UnitOfWork, key: uuid.UUID | None = None) -> Task:
    task = Task.create(key or new_id(), values, work.clock.now())
    await work.add(task)
    return task


async def update_task(key: str, etag: str, values: Values, work: UnitOfWork) -> Task:
    """A due time alone moves this one; with the recurrence it is the first of a new series."""
    task = await load(work, Task, key, etag)
    anew = {"recurrence", "recurrence_rule", "time_zone"} & values.keys()
    due = values.get("due_time", task.due_time)
    fresh = {"series_start": due, "occurrence_time": due} if anew else {}
    task.change(patched(task, values) | fresh, work.clock.now())
    if task.recurring and task.due_time is None:
        raise InvalidArgument([("task.due_time", "a recurring task needs a due time")])
    if anew:
        await _check_series(task, work)
    return task


async def _check_series(task: Task, work: UnitOfWork) -> None:
    faults = []
    if task.recurrence and task.recurrence_rule:
        faults.append(("task.recurrence_rule", "is given instead of recurrence, not besides"))
    if task.time_zone and not is_zone(task.time_zone):
        faults.append(("task.time_zone", "is not an IANA time zone"))
    rule = task.rule(await _zone_of(task, work)) if task.recurrence_rule else None
    try:
        if rule is not None:
            rule.check()
    except BadRule as error:
        faults.append(("task.recurrence_rule", str(error)))
    if faults:
        raise InvalidArgument(faults)


async def complete_task(key: str, etag: str, work: UnitOfWork) -> Task:
    task = await load(work, Task, key, etag)
    zone = await _zone_of(task, work)
    successor = task.complete(caller_id(), zone, work.clock.now())
    if successor is not None:
        await add_task(successor, work)
    return task


async def skip_task(key: str, etag: str, work: UnitOfWork) -> Task:
    task = await load(work, Task, key, etag)
    task.skip(await _zone_of(task, work), work.clock.now())
    return task


async def _zone_of(task: Task, work: UnitOfWork) -> ZoneInfo:
    if task.time_zone or not task.recurring:
        return zone_of(task.time_zone)
    return await zone_of_user(work, task.owner_id)


async def reopen_task(key: str, etag: str, work: UnitOfWork) -> Task:
    task = await load(work, Task, key, etag)
    task.reopen(work.clock.now())
    return task


async def assign_task(key: str, etag: str, owner_id: uuid.UUID, work: UnitOfWork) -> tuple[Task, bool]:
    """The task, and whether the caller still sees it."""
    task = await load(work, Task, key, etag)
    place = await Placer("tasks", work).place(owner_id, None, "assign")
    home = (task.branch_id, task.branch_path) if task.customer_id else (place.branch_id, place.branch_path)
    task.assign(owner_id, home[0], home[1], work.clock.now())
    return task, still_sees(task, "tasks.read")


async def remind_due(database: Database) -> int:
    """Job: raise `task.reminded` and `task.overdue`, each once."""
    async with database.unit() as work:
        now = work.clock.now()
        tasks: list[Task] = await work.scalars(queries.to_remind(now, REMIND_BATCH))
        for task in tasks:
            task.remind(now)
    return len(tasks)
