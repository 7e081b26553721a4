"""Who answers for a customer: its owner, its home branch, and whoever it was shared with by name or by team."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ARRAY, Text, Uuid, and_, bindparam, cast, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from taproot_base.access import Reach
from taproot_base.context import current_call_or_none
from taproot_customer.customers.model import customer_access
from taproot_storage.visibility import unexpired

_a = customer_access.c


def _reach() -> Reach:
    call = current_call_or_none()
    found = None if call is None else call.directory.reach(call.principal, "customers.read")
    return found or Reach()


def _value(name: str, kind: Any, read: Callable[[Reach], Any]) -> ColumnElement[Any]:
    """In a subquery, so that PostgreSQL plans a statement once for all callers."""
    bound: Any = bindparam(f"near_{name}", type_=kind, callable_=lambda: read(_reach()))
    return cast(select(bound).scalar_subquery(), kind)


def near(customer_id: Any, owner_id: Any, branch_path: Any) -> ColumnElement[bool]:
    """Whether the caller answers for the customer with these values.

    A branch it was shared with does not, nor does a role that reads every customer: they see what lies in their reach.
    """
    me = _value("owner", Uuid(), lambda reach: reach.owner_id)
    teams = _value("teams", ARRAY(Uuid()), lambda reach: list(reach.team_ids))
    homes = _value("branches", ARRAY(Text()), lambda reach: list(reach.branch_paths))
    low = _value("low", ARRAY(Text()), lambda reach: list(reach.subtrees))
    high = _value("high", ARRAY(Text()), lambda reach: list(reach.subtree_ends))
    span = func.unnest(low, high).table_valued("lo", "hi", name="near_span").render_derived()
    named = or_(_a.owner_id == me, _a.team_id == func.any(teams))
    return or_(
        owner_id == me,
        branch_path == func.any(homes),
        exists(select(1).select_from(span).where(and_(branch_path >= span.c.lo, branch_path < span.c.hi))),
        exists(
            select(1)
            .select_from(customer_access)
            .where(_a.customer_id == customer_id, named, unexpired(_a.expire_time))
        ),
    )
