"""Use cases of assignment rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import branch_path
from taproot_sales.assignment_rules import queries
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_sales.base import flush_unique
from taproot_sales.fields import patched
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag


@dataclass(frozen=True)
class CreateAssignmentRule:
    id: UUID
    values: dict[str, Any]


@dataclass(frozen=True)
class UpdateAssignmentRule:
    id: UUID
    etag: str
    values: dict[str, Any]


@dataclass(frozen=True)
class DeleteAssignmentRule:
    id: UUID
    etag: str


async def create_assignment_rule(command: CreateAssignmentRule, work: UnitOfWork) -> AssignmentRule:
    await _check_targets(command.values, work)
    rule = AssignmentRule.create({"id": command.id} | command.values, work.clock.now())
    await work.add(rule)
    await flush_unique(work, {})
    return rule


async def update_assignment_rule(command: UpdateAssignmentRule, work: UnitOfWork) -> AssignmentRule:
    rule = await queries.load(work, command.id)
    check_etag(command.etag, rule.version)
    await _check_targets(command.values, work)
    rule.change(patched(command.values, rule.custom), work.clock.now())
    return rule


async def delete_assignment_rule(command: DeleteAssignmentRule, work: UnitOfWork) -> AssignmentRule:
    rule = await queries.load(work, command.id)
    check_etag(command.etag, rule.version)
    rule.delete(work.clock.now())
    return rule


async def _check_targets(values: dict[str, Any], work: UnitOfWork) -> None:
    """The branch and the users exist; a user may be disabled later and is then passed over."""
    branch_path(values.get("branch_id"))
    users = values.get("user_ids", [])
    known = await queries.active_users(work, users) if users else set()
    faults = [
        (f"assignment_rule.user_ids[{number}]", "is not an active user")
        for number, user in enumerate(users)
        if user not in known
    ]
    if faults:
        raise InvalidArgument(faults)
