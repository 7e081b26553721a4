"""Reads of assignment rules. They are the same for the whole enterprise: not scoped."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType, Resource
from taproot_sales.assignment_rules.matching import Rule
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.schema import identity_users
from taproot_storage.statements import Statement

T = AssignmentRule.__table__.c
LIVE = T.delete_time.is_(None)
ROWS = select(AssignmentRule.__table__).where(LIVE)
RESOURCE = Resource(
    "assignment_rule",
    (
        Field("id", T.id, FieldType.ID),
        Field("display_name", T.display_name, FieldType.TEXT),
        Field("priority", T.priority, FieldType.INTEGER),
        Field("branch_id", T.branch_id, FieldType.ID),
        Field("disabled", T.disabled, FieldType.BOOLEAN),
        Field("create_time", T.create_time, FieldType.INSTANT),
        Field("update_time", T.update_time, FieldType.INSTANT),
    ),
    "priority",
    T.id,
)
_one = Statement(lambda: ROWS.where(T.id == bindparam("key")))
_any = Statement(lambda: select(AssignmentRule.__table__).where(T.id == bindparam("key")))
_rules = Statement(lambda: ROWS.where(T.disabled.is_(False)))
_active = Statement(
    lambda: select(identity_users.c.id).where(
        identity_users.c.id == any_(bindparam("keys", type_=ARRAY(Uuid()))), identity_users.c.active
    )
)


async def get(reader: Reader, rule_id: str | UUID, *, deleted: bool = False) -> Stored:
    row = await reader.fetch_row(_any if deleted else _one, key=UUID(str(rule_id)))
    if row is None:
        raise NotFound("assignment rule", rule_id)
    return Stored(row)


async def load(work: UnitOfWork, rule_id: UUID) -> AssignmentRule:
    statement = select(AssignmentRule).where(T.id == rule_id, LIVE).with_for_update()
    found: AssignmentRule | None = await work.scalar(statement)
    if found is None:
        raise NotFound("assignment rule", rule_id)
    return found


async def rules_in_force(reader: Reader) -> list[Rule]:
    return [
        Rule(
            id=row["id"],
            priority=row["priority"],
            branch_id=row["branch_id"],
            regions=tuple(row["regions"]),
            product_interests=tuple(row["product_interests"]),
            product_ids=tuple(row["product_ids"]),
            sources=tuple(row["sources"]),
            user_ids=tuple(row["user_ids"]),
            max_open_leads=row["max_open_leads"],
        )
        for row in await reader.fetch(_rules)
    ]


async def active_users(reader: Reader, keys: Sequence[UUID]) -> set[UUID]:
    return {row["id"] for row in await reader.fetch(_active, keys=list(keys))}
