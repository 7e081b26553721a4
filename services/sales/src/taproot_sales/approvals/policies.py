"""Use cases of approval policies."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from taproot_base.errors import InvalidArgument, NotFound, Violation
from taproot_base.ids import new_id
from taproot_chassis.placement import branch_path
from taproot_sales.approvals.model import ApprovalPolicy
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag

Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CreateApprovalPolicy:
    id: uuid.UUID | None
    values: dict[str, Any]


def step_violations(steps: list[Step], path: str) -> list[Violation]:
    """Each step names exactly one kind of approver; a permission or role is decided by the first who does."""
    found = []
    for number, step in enumerate(steps):
        kinds = [name for name in ("approver_ids", "permission", "role_id") if step.get(name)]
        if len(kinds) != 1:
            found.append(
                Violation(f"{path}[{number}]", "name approver_ids, a permission or a role_id, one of them")
            )
        elif kinds != ["approver_ids"] and step["mode"] != "any_of":
            found.append(Violation(f"{path}[{number}].mode", "must be ANY_OF for a permission or role"))
    return found


async def create_policy(command: CreateApprovalPolicy, work: UnitOfWork) -> ApprovalPolicy:
    now = work.clock.now()
    policy = ApprovalPolicy(id=command.id or new_id(), create_time=now, **_placed(command.values))
    _check(policy)
    policy.record("created", now)
    (await work.session()).add(policy)
    return policy


async def change_policy(
    policy_id: uuid.UUID, etag: str, values: dict[str, Any], work: UnitOfWork
) -> ApprovalPolicy:
    policy = await load_policy(policy_id, work, etag)
    policy.set_all(_placed(values))
    _check(policy)
    policy.record("updated", work.clock.now())
    return policy


async def delete_policy(policy_id: uuid.UUID, etag: str, work: UnitOfWork) -> ApprovalPolicy:
    policy = await load_policy(policy_id, work, etag)
    policy.record("deleted", work.clock.now())
    await work.flush()
    await (await work.session()).delete(policy)
    return policy


async def load_policy(policy_id: uuid.UUID, work: UnitOfWork, etag: str = "") -> ApprovalPolicy:
    policy: ApprovalPolicy | None = await work.scalar(
        select(ApprovalPolicy).where(ApprovalPolicy.id == policy_id).with_for_update()
    )
    if policy is None:
        raise NotFound("approval policy", policy_id)
    check_etag(etag, policy.version)
    return policy


def _placed(values: dict[str, Any]) -> dict[str, Any]:
    if "branch_id" not in values:
        return values
    branch = values["branch_id"]
    return values | {"branch_path": branch_path(branch) if branch else None}


def _check(policy: ApprovalPolicy) -> None:
    violations = step_violations(policy.steps, "approval_policy.steps")
    violations += [
        Violation(f"approval_policy.{name}", "is required")
        for name in ("display_name", "subject_type", "steps")
        if not getattr(policy, name)
    ]
    if violations:
        raise InvalidArgument(violations)
