"""Use cases of tasks, and what other services ask to be done."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer, caller_id, still_sees
from taproot_customer.parents import find_parent
from taproot_customer.reading import load_one
from taproot_customer.tasks import queries
from taproot_customer.tasks.model import Task
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.updates import merge_patch

REMIND_BATCH = 200


@dataclass(frozen=True)
class CreateTask:
    id: uuid.UUID | None
    customer_id: uuid.UUID | None
    values: Mapping[str, Any]
    owner_id: uuid.UUID | None = None
    business_key: str | None = None


@dataclass(frozen=True)
class UpdateTask:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


async def create_task(command: CreateTask, work: UnitOfWork) -> Task:
    parent = await find_parent(work, command.customer_id) if command.customer_id else None
    assignee = command.owner_id or caller_id()
    place = await Placer("tasks", work).place(assignee, parent.branch_id if parent else None)
    values = {
        **command.values,
        "customer_id": parent.id if parent else None,
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
        "creator_id": caller_id(),
        "business_key": command.business_key,
    }
    return await add_task(values, work, command.id)


async def add_task(values: Mapping[str, Any], work: UnitOfWork, key: uuid.UUID | None = None) -> Task:
    task = Task.create(key or new_id(), values, work.clock.now())
    await work.add(task)
    return task


async def update_task(command: UpdateTask, work: UnitOfWork) -> Task:
    task = await _load(work, command.id, command.etag)
    values = dict(command.values)
    if "custom" in values:
        values["custom"] = merge_patch(task.custom, values["custom"])
    task.change(values, work.clock.now())
    if task.recurrence and task.due_time is None:
        raise InvalidArgument([("task.due_time", "a recurring task needs a due time")])
    return task


async def complete_task(key: uuid.UUID, etag: str, work: UnitOfWork) -> Task:
    task = await _load(work, key, etag)
    successor = task.complete(caller_id(), work.clock.now())
    if successor is not None:
        await add_task(successor, work)
    return task


async def reopen_task(key: uuid.UUID, etag: str, work: UnitOfWork) -> Task:
    task = await _load(work, key, etag)
    task.reopen(work.clock.now())
    return task


async def assign_task(key: uuid.UUID, etag: str, owner_id: uuid.UUID, work: UnitOfWork) -> tuple[Task, bool]:
    """The task, and whether the caller still sees it."""
    task = await _load(work, key, etag)
    place = await Placer("tasks", work).place(owner_id, None, "assign")
    home = (task.branch_id, task.branch_path) if task.customer_id else (place.branch_id, place.branch_path)
    task.assign(owner_id, home[0], home[1], work.clock.now())
    return task, still_sees(task, "tasks.read")


async def delete_task(key: uuid.UUID, etag: str, work: UnitOfWork) -> Task:
    task = await _load(work, key, etag)
    task.delete(work.clock.now())
    return task


async def undelete_task(key: uuid.UUID, work: UnitOfWork) -> Task:
    task = await _load(work, key)
    task.undelete(work.clock.now())
    return task


async def _load(work: UnitOfWork, key: uuid.UUID, etag: str = "") -> Task:
    found: Task = await load_one(work, Task, key, etag)
    return found


async def remind_due(database: Database) -> int:
    """Job: raise `task.reminded` and `task.overdue`, each once."""
    async with database.unit() as work:
        now = work.clock.now()
        tasks: list[Task] = await work.scalars(queries.to_remind(now, REMIND_BATCH))
        for task in tasks:
            task.remind(now)
    return len(tasks)
