"""The figures in the list language: `facts.<figure>`, each with the permission that reads what it sums up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import BigInteger, Select, case, func, type_coerce
from sqlalchemy.types import Numeric

from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer
from taproot_customer.facts.model import customer_facts
from taproot_listing.fields import Field, FieldType, Member

ROOT = "facts"
ORDERS, DEALS, TICKETS = "orders.read", "opportunities.read", "tickets.read"
ANSWERS, ACTIVITIES, POINTS = "survey_responses.read", "activities.read", "loyalty_accounts.read"
_FINANCIAL = "financial"
_c = Customer.__table__.c
_f = customer_facts.c

PERMISSIONS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "first_order_time", "last_order_time", "order_count", "orders_90_days", "orders_365_days",
            "revenue_90_days", "revenue_365_days", "lifetime_revenue", "revenue_by_currency",
        ),
        ORDERS,
    ),
    **dict.fromkeys(
        ("open_opportunities", "open_opportunity_amount", "open_amount_by_currency"), DEALS
    ),
    **dict.fromkeys(("open_tickets", "last_ticket_time"), TICKETS),
    **dict.fromkeys(("last_survey_score", "nps_average"), ANSWERS),
    "last_contact_time": ACTIVITIES,
    "loyalty_points": POINTS,
}  # fmt: skip


class _AnyCurrency(Mapping[str, Member]):
    """Amounts by currency code: which ones there are is known by the rows alone."""

    _member = Member(FieldType.NUMBER)

    def __getitem__(self, key: str) -> Member:
        if len(key) == 3 and key.isascii() and key.isalpha():
            return self._member
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _field(name: str, permission: str) -> Field:
    """A customer nothing is known of has counted nothing: no row reads as zero."""
    column: Any = _f[name]
    label = f"{ROOT}.{name}"
    if name.endswith("_by_currency"):
        return Field(
            label, column, FieldType.JSON, nullable=True, members=_AnyCurrency(),
            sensitive_class=_FINANCIAL, permission=permission,
        )  # fmt: skip
    if name.endswith("_time"):
        return Field(label, column, FieldType.INSTANT, nullable=True, permission=permission)
    if isinstance(column.type, BigInteger):
        zero = type_coerce(func.coalesce(column, 0), BigInteger())
        return Field(label, zero, FieldType.INTEGER, nullable=False, permission=permission)
    if name in ("last_survey_score", "nps_average"):
        kind = FieldType.NUMBER if isinstance(column.type, Numeric) else FieldType.INTEGER
        return Field(label, column, kind, nullable=True, permission=permission)
    amount = type_coerce(case((_f.customer_id.is_(None), 0), else_=column), column.type)
    return Field(
        label, amount, FieldType.NUMBER, nullable=True, sensitive_class=_FINANCIAL, permission=permission
    )


FIELDS = tuple(_field(name, permission) for name, permission in PERMISSIONS.items())
RESOURCE = customers.RESOURCE.with_fields(*FIELDS)
WITH_FACTS = Customer.__table__.outerjoin(customer_facts, _f.customer_id == _c.id)


def listed() -> Select[Any]:
    """What lists and aggregates are taken from; the planner leaves the join away where no figure is asked for."""
    return customers.listed().select_from(WITH_FACTS)


def record_columns() -> list[Any]:
    """All that filters speak of, under the names `record_of` reads."""
    return [*_c, *(field.column.label(field.name) for field in FIELDS)]


def record_of(row: Any) -> dict[str, Any]:
    """A row of `record_columns` under the names filters use."""
    plain = {field.name: row[field.column.name] for field in customers.RESOURCE.fields}
    return plain | {field.name: row[field.name] for field in FIELDS}
