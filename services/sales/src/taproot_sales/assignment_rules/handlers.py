"""Use cases of assignment rules."""

from __future__ import annotations

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import branch_path
from taproot_records.keeping import create_record, update_record
from taproot_records.mapping import Values
from taproot_sales.assignment_rules import queries
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_storage.database import UnitOfWork


async def create_assignment_rule(chosen: str, values: Values, work: UnitOfWork) -> AssignmentRule:
    return await create_record(AssignmentRule, chosen, values, work, lambda: _check_targets(values, work))


async def update_assignment_rule(key: str, etag: str, values: Values, work: UnitOfWork) -> AssignmentRule:
    return await update_record(AssignmentRule, key, etag, values, work, lambda: _check_targets(values, work))


async def _check_targets(values: Values, work: UnitOfWork) -> None:
    """The branch and the users exist; a user may be disabled later and is then passed over."""
    users = values.get("user_ids", [])
    known = await queries.active_users(work, users) if users else set()
    faults = [
        (f"assignment_rule.user_ids[{number}]", "is not an active user")
        for number, user in enumerate(users)
        if user not in known
    ]
    try:
        branch_path(values.get("branch_id"))
    except InvalidArgument:
        faults.append(("assignment_rule.branch_id", "is not a branch"))
    if faults:
        raise InvalidArgument(faults)
