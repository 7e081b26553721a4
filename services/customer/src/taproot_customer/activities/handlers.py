"""Use cases of activities."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import caller_id
from taproot_customer.activities.model import Activity
from taproot_customer.parents import find_parent
from taproot_customer.reading import load_one
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import merge_patch


@dataclass(frozen=True)
class CreateActivity:
    id: uuid.UUID | None
    customer_id: uuid.UUID
    values: Mapping[str, Any]
    owner_id: uuid.UUID | None = None


@dataclass(frozen=True)
class UpdateActivity:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


async def create_activity(command: CreateActivity, work: UnitOfWork) -> Activity:
    """Lies in the customer's branch, whoever did it: who sees the customer's branch sees its touches."""
    parent = await find_parent(work, command.customer_id)
    values = {
        **command.values,
        "customer_id": parent.id,
        "owner_id": command.owner_id or caller_id(),
        "branch_id": parent.branch_id,
        "branch_path": parent.branch_path,
    }
    activity = Activity.create(command.id or new_id(), values, work.clock.now())
    await work.add(activity)
    return activity


async def update_activity(command: UpdateActivity, work: UnitOfWork) -> Activity:
    activity = await _load(work, command.id, command.etag)
    values = dict(command.values)
    if "custom" in values:
        values["custom"] = merge_patch(activity.custom, values["custom"])
    if values.get("start_time", activity.start_time) is None:
        raise InvalidArgument([("activity.start_time", "cannot be taken away")])
    activity.change(values, work.clock.now())
    return activity


async def complete_activity(key: uuid.UUID, etag: str, outcome: str, body: str, work: UnitOfWork) -> Activity:
    activity = await _load(work, key, etag)
    activity.complete(outcome, body, work.clock.now())
    return activity


async def cancel_activity(key: uuid.UUID, etag: str, work: UnitOfWork) -> Activity:
    activity = await _load(work, key, etag)
    activity.cancel(work.clock.now())
    return activity


async def comment_activity(key: uuid.UUID, etag: str, comment: str, work: UnitOfWork) -> Activity:
    activity = await _load(work, key, etag)
    activity.leave_comment(comment, caller_id(), work.clock.now())
    return activity


async def delete_activity(key: uuid.UUID, etag: str, work: UnitOfWork) -> Activity:
    activity = await _load(work, key, etag)
    activity.delete(work.clock.now())
    return activity


async def undelete_activity(key: uuid.UUID, work: UnitOfWork) -> Activity:
    activity = await _load(work, key)
    activity.undelete(work.clock.now())
    return activity


async def _load(work: UnitOfWork, key: uuid.UUID, etag: str = "") -> Activity:
    found: Activity = await load_one(work, Activity, key, etag)
    return found
