"""The profile as one read: the customer's row with all sections beside it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import (
    ARRAY,
    Date,
    Numeric,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
    values,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from taproot_base.errors import NotFound
from taproot_customer.cross_selling.queries import offers_to
from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer
from taproot_customer.facts.fields import FIELDS
from taproot_customer.facts.model import customer_facts
from taproot_customer.nearness import near
from taproot_customer.profiles.model import competitor_refs, profile_items
from taproot_customer.suggestions.model import suggestion_rules
from taproot_customer.timeline.model import timeline
from taproot_storage.database import Reader
from taproot_storage.mixed import visible_mixed
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

SECTION_SIZE = 20
TOUCHES = 10
MEETINGS = 200
LISTED = (
    "contacts", "opportunities", "orders", "entitlements", "tickets", "resolved_tickets", "consents", "segments",
    "relationships", "tasks", "loyalty", "quotes", "surveys", "care_dates",
)  # fmt: skip
_c = Customer.__table__.c
_i = profile_items.c


def _statement() -> Any:
    asked: Any = bindparam("customer_id")
    root_of = select(redirects.c.root_id).where(redirects.c.member_id == asked).scalar_subquery()
    root = (
        select(*customers.columns, near(_c.id, _c.owner_id, _c.branch_path).label("near"))
        .where(
            _c.id == func.coalesce(root_of, asked), _c.delete_time.is_(None), visible(Customer, by_key=True)
        )
        .cte("root")
    )
    members = (
        select(root.c.id.label("id"))
        .union_all(select(redirects.c.member_id).join(root, redirects.c.root_id == root.c.id))
        .cte("members")
    )
    close = select(root.c.near).scalar_subquery()
    return select(
        root,
        *(field.column.label(field.name) for field in FIELDS),
        _sections(members, close).label("sections"),
        _met(members, close).label("met"),
        _money(members, close).label("money"),
        _competitors(members, close).label("competitors"),
        _touches(members, close).label("touches"),
        offers_to(members, close).label("offers"),
        select(suggestion_rules.c.rules).scalar_subquery().label("rules"),
    ).select_from(root.outerjoin(customer_facts, customer_facts.c.customer_id == root.c.id))


def _readable(close: Any) -> Any:
    return visible_mixed(profile_items, close)


def _section(name: str) -> Any:
    """A constant in the text, not a parameter: PostgreSQL would plan the statement anew each time to see it."""
    return _i.section == literal_column(f"'{name}'")


def _sections(members: Any, close: Any) -> Any:
    """The first rows of each section, each taken from the end of an index scan."""
    names = values(column("name", Text), name="wanted").data([(name,) for name in LISTED])
    first = (
        select(_i.section, _i.data, _i.rank, _i.item_id)
        .where(_i.customer_id == members.c.id, _i.section == names.c.name, _i.shown, _readable(close))
        .order_by(_i.rank.desc(), _i.item_id)
        .limit(literal_column(str(SECTION_SIZE)))
        .lateral("first")
    )
    rows = select(first).select_from(names.join(members, true()).join(first, true())).subquery("rows")
    found = aggregate_order_by(
        func.jsonb_build_array(rows.c.section, rows.c.data),
        rows.c.section,
        rows.c.rank.desc(),
        rows.c.item_id,
    )
    return select(func.jsonb_agg(found)).scalar_subquery()


def _met(members: Any, close: Any) -> Any:
    """[contact, who of us, when last, how often] over the last meetings, from the end of each member's index."""
    last = (
        select(_i.data["contacts"].label("contacts"), _i.data["users"].label("users"), _i.rank)
        .where(_i.customer_id == members.c.id, _section("met"), _i.shown, _readable(close))
        .order_by(_i.rank.desc())
        .limit(literal_column(str(MEETINGS)))
        .lateral("last_met")
    )
    contact, user = (
        func.jsonb_array_elements_text(column).table_valued("value", name=name).render_derived()
        for name, column in (("met_contact", last.c.contacts), ("met_user", last.c.users))
    )
    sums = (
        select(
            contact.c.value.label("contact"),
            user.c.value.label("user"),
            func.max(last.c.rank).label("at"),
            func.count().label("count"),
        )
        .select_from(members.join(last, true()).join(contact, true()).join(user, true()))
        .group_by(contact.c.value, user.c.value)
        .subquery("met")
    )
    rows = aggregate_order_by(func.jsonb_build_array(*sums.c), sums.c.at.desc(), sums.c.user)
    return select(func.jsonb_agg(rows)).scalar_subquery()


def _money(members: Any, close: Any) -> Any:
    """Sums by section and currency: [section, currency, sum, overdue, count, overdue since]."""
    late = _i.due_date < bindparam("today", type_=Date())
    sums = (
        select(
            _i.section,
            _i.currency_code,
            cast(func.sum(_i.amount), Text).label("total"),
            cast(func.coalesce(func.sum(_i.amount).filter(late), cast(0, Numeric())), Text).label("late"),
            func.count().label("count"),
            func.min(_i.due_date).filter(late).label("since"),
        )
        .where(
            _i.customer_id.in_(select(members.c.id)),
            or_(*(_section(name) for name in ("invoices", "payments", "credit_limits"))),
            _i.shown,
            _readable(close),
        )
        .group_by(_i.section, _i.currency_code)
        .subquery("sums")
    )
    return select(func.jsonb_agg(func.jsonb_build_array(*sums.c))).scalar_subquery()


def _competitors(members: Any, close: Any) -> Any:
    """Competitor -> name, for those seen in the open opportunities."""
    seen = (
        func.jsonb_array_elements_text(_i.data["competitors"])
        .table_valued("value", name="seen")
        .render_derived()
    )
    ids = (
        select(seen.c.value)
        .select_from(profile_items)
        .join(seen, true())
        .where(
            _i.customer_id.in_(select(members.c.id)), _section("opportunities"), _i.shown, _readable(close)
        )
    )
    names = (
        select(competitor_refs.c.id, competitor_refs.c.display_name)
        .where(
            cast(competitor_refs.c.id, Text) == func.any(cast(func.array(ids.scalar_subquery()), ARRAY(Text)))
        )
        .subquery("names")
    )
    return select(func.jsonb_object_agg(cast(names.c.id, Text), names.c.display_name)).scalar_subquery()


def _touches(members: Any, close: Any) -> Any:
    """Latest timeline rows: a few from the end of each member's index."""
    last = (
        select(timeline)
        .where(timeline.c.customer_id == members.c.id, visible_mixed(timeline, close))
        .order_by(timeline.c.occurred_at.desc(), timeline.c.id.desc())
        .limit(literal_column(str(TOUCHES)))
        .lateral("last")
    )
    shown = (
        select(last)
        .select_from(members.join(last, true()))
        .order_by(last.c.occurred_at.desc(), last.c.id.desc())
        .limit(literal_column(str(TOUCHES)))
        .subquery("shown")
    )
    return (
        select(cast(func.jsonb_agg(func.to_jsonb(literal_column("shown"))), JSONB))
        .select_from(shown)
        .scalar_subquery()
    )


_read = Statement(_statement)


async def read_profile(reader: Reader, customer_id: uuid.UUID, today: Any) -> Any:
    """The customer's columns and `sections`, `met`, `money`, `competitors`, `touches`, `offers`, `rules`. Raises NotFound."""
    row = await reader.fetch_row(_read, customer_id=customer_id, today=today)
    if row is None:
        raise NotFound("customer", customer_id)
    return row
