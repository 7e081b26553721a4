"""Reads of assignment rules. They are the same for the whole enterprise: not scoped."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import assignment_rule_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_sales.assignment_rules.matching import Rule
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_storage.database import Reader
from taproot_storage.schema import identity_users
from taproot_storage.statements import Statement

T = AssignmentRule.__table__.c
LIVE = T.delete_time.is_(None)
RESOURCE = resource_of(
    "assignment_rule",
    AssignmentRule,
    pb.AssignmentRule,
    "id display_name priority branch_id disabled create_time update_time custom",
    "priority",
)
SHELF = Shelf(RESOURCE, AssignmentRule, pb.AssignmentRule, live=LIVE)
_rules = Statement(lambda: select(AssignmentRule.__table__).where(LIVE, T.disabled.is_(False)))
_active = Statement(
    lambda: select(identity_users.c.id).where(
        identity_users.c.id == any_(bindparam("keys", type_=ARRAY(Uuid()))), identity_users.c.active
    )
)


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
