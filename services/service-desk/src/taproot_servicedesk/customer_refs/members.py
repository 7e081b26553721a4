"""Conditions on a customer hold for those merged into it too: references to merged ones are never rewritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BinaryExpression, and_, func, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ColumnElement

from taproot_servicedesk.customer_refs.model import CustomerRef
from taproot_storage.visibility import unscoped

Condition = ColumnElement[bool]


def with_members(column: ColumnElement[Any]) -> Callable[[Condition], Condition]:
    """For `Field.through`: `customer_id = X` becomes any customer with the same survivor as X.

    An array and not a join, so that an index on the column serves both parts; other tests stay as they are.
    """

    def through(condition: Condition) -> Condition:
        if not isinstance(condition, BinaryExpression) or condition.operator is not operators.eq:
            return condition
        asked = aliased(CustomerRef.__table__, name="asked_customer")
        member = aliased(CustomerRef.__table__, name="member_customer")
        members = (
            select(member.c.id)
            .join(asked, asked.c.root_id == member.c.root_id)
            .where(
                asked.c.id == condition.right,
                unscoped(CustomerRef, "only keys of customers are compared"),
                unscoped(CustomerRef, "the listed rows are scoped themselves"),
            )
        )
        same = column == func.any(func.array(members.scalar_subquery()))
        return and_(column.is_not(None), or_(condition, same))

    return through


MEMBERS = {"customer_id": with_members}
"""For `resource_of`."""
