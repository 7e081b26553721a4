"""Reads of invoices and credit limits: SQL straight to rows."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from sqlalchemy import Date, Select, Uuid, bindparam, case, cast, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import invoice_pb2 as pb
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.paging import page_size_of
from taproot_records.reading import resource_of
from taproot_sales.invoices.model import UNSETTLED, CreditLimit, Invoice
from taproot_sales.invoices.rules import InvoiceKind
from taproot_sales.payments.model import Payment, PaymentState
from taproot_sales.sales_lines.customers import members_of, names_of
from taproot_storage.database import Reader
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

BUCKETS = ("current", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90")
_c = Invoice.__table__.c
_p = Payment.__table__.c
_k = CreditLimit.__table__.c

RESOURCE = resource_of(
    "invoice",
    Invoice,
    pb.Invoice,
    "id number display_name kind state customer_id external_id order_id fulfilment_id credited_invoice_id "
    "currency_code net tax open_amount invoice_date due_date owner_id branch_id team_id create_time update_time custom",
    references=("customer_id",),
).with_fields(
    Field("total", _c.net + _c.tax, FieldType.NUMBER, nullable=False, sensitive_class="financial"),
)
LIMITS = Resource(
    "credit_limit",
    [
        Field("customer_id", _k.id, FieldType.ID, sortable=False),
        Field("limit", _k.limit_amount, FieldType.NUMBER, sensitive_class="financial"),
        Field("currency_code", _k.currency_code, FieldType.TEXT),
        *(Field(name, _k[name], FieldType.INSTANT) for name in ("create_time", "update_time")),
    ],
    default_order="create_time desc",
    id_column=_k.id,
)


def _ageing() -> Select[Any]:
    """Open amounts by lateness and free credit per customer and currency, largest balance first."""
    as_of = cast(bindparam("as_of"), Date)
    late = as_of - _c.due_date
    owed = _c.kind == InvoiceKind.INVOICE
    limits = (
        (late <= 0, "current"),
        (late <= 30, "days_1_to_30"),
        (late <= 60, "days_31_to_60"),
        (late <= 90, "days_61_to_90"),
    )
    bucket = case(*((limit, name) for limit, name in limits), else_="days_over_90")
    invoices = select(
        _c.customer_id,
        _c.currency_code,
        case((owed, bucket), else_="unallocated_credit").label("bucket"),
        _c.open_amount.label("amount"),
    ).where(_c.state.in_(UNSETTLED), visible(Invoice), _only(_c.customer_id))
    payments = select(_p.customer_id, _p.currency_code, literal("unallocated_credit"), _p.unallocated).where(
        _p.state == PaymentState.UNALLOCATED, visible(Payment), _only(_p.customer_id)
    )
    found = union_all(invoices, payments).subquery("found")
    root = func.coalesce(redirects.c.root_id, found.c.customer_id).label("customer_id")
    parts = (
        select(root, found.c.currency_code, found.c.bucket, found.c.amount)
        .outerjoin(redirects, redirects.c.member_id == found.c.customer_id)
        .subquery("parts")
    )
    sums = {
        name: func.coalesce(func.sum(parts.c.amount).filter(parts.c.bucket == name), 0)
        for name in (*BUCKETS, "unallocated_credit")
    }
    signed = case((parts.c.bucket == "unallocated_credit", -parts.c.amount), else_=parts.c.amount)
    balance = func.sum(signed).label("balance")
    return (
        select(parts.c.customer_id, parts.c.currency_code, *(s.label(n) for n, s in sums.items()), balance)
        .group_by(parts.c.customer_id, parts.c.currency_code)
        .order_by(balance.desc(), parts.c.customer_id, parts.c.currency_code)
        .limit(bindparam("most"))
    )


def _only(column: Any) -> Any:
    asked = bindparam("customers", type_=ARRAY(Uuid()))
    return or_(func.cardinality(asked) == 0, column == func.any(asked))


_ageing_rows = Statement(_ageing)


async def ageing(
    reader: Reader, customer_id: uuid.UUID | None, as_of: date | None, page_size: int
) -> list[dict[str, Any]]:
    rows = await reader.fetch(
        _ageing_rows,
        as_of=as_of or reader.clock.now().date(),
        customers=await members_of(customer_id, reader) if customer_id else [],
        most=page_size_of(page_size),
    )
    names = await names_of([row["customer_id"] for row in rows], reader)
    return [dict(row) | {"customer_name": names.get(row["customer_id"])} for row in rows]
