"""Who answers for a customer: its owner, and whoever it was shared with by name or by team."""

from __future__ import annotations

from sqlalchemy import ARRAY, Uuid, bindparam, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from taproot_base.access import Reach
from taproot_base.context import current_call_or_none
from taproot_customer.customers.model import customer_access

_a = customer_access.c


def _reach() -> Reach:
    call = current_call_or_none()
    found = None if call is None else call.directory.reach(call.principal, "customers.read")
    return found or Reach()


def near(customer_id: ColumnElement[object], owner_id: ColumnElement[object]) -> ColumnElement[bool]:
    """Whether the caller answers for the customer. Branches do not: they see what lies in them."""
    me = bindparam("near_owner", type_=Uuid(), callable_=lambda: _reach().owner_id)
    teams = bindparam("near_teams", type_=ARRAY(Uuid()), callable_=lambda: list(_reach().team_ids))
    named = or_(_a.owner_id == me, _a.team_id == func.any(teams))
    return or_(owner_id == me, exists(select(1).where(_a.customer_id == customer_id, named)))
