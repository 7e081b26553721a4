"""What sales holds of a person. Documents of account stay for as long as tax law demands, without the person."""

from __future__ import annotations

from sqlalchemy import select

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_records.privacy.holdings import (
    Holding,
    Holdings,
    Person,
    any_of,
    below,
    one_of,
    party,
    reached_by,
    table_of,
    within,
)
from taproot_sales.approvals.model import Approval, ApprovalSeat, approval_access
from taproot_sales.customer_refs.model import CustomerRef
from taproot_sales.invoices.model import UNSETTLED, CreditLimit, Invoice, LedgerEntry
from taproot_sales.leads.model import Lead
from taproot_sales.opportunities.model import Opportunity, StageChange, opportunity_members
from taproot_sales.orders.model import Fulfilment, Order, OrderLine
from taproot_sales.orders.rules import OrderState
from taproot_sales.payments.model import Payment
from taproot_sales.quotes.model import Quote, QuoteLine
from taproot_storage.database import Reader

BOOKS = "accounts and their documents are kept ten years: numbers, dates and amounts, not whose they were"
OPEN_ORDERS = (
    OrderState.SUBMITTED,
    OrderState.CONFIRMED,
    OrderState.PARTIALLY_FULFILLED,
    OrderState.PARTIALLY_RETURNED,
)
_opportunities = party(Opportunity)
_lead = table_of(Lead).c
_leads = any_of(
    party(Lead),
    reached_by(Lead, email="email", phone="phone", orphan="customer_id"),
    lambda person: one_of(_lead.form_submission_id, person.record_ids) & _lead.customer_id.is_(None),
)
_PLACE = ("branch_path",)

HELD = (
    Holding(table_of(CustomerRef), party(CustomerRef, "id")),
    Holding(table_of(CreditLimit), party(CreditLimit, "id")),
    Holding(table_of(Lead), _leads, subject=True),
    Holding(approval_access, below(approval_access, "approval_id", Approval, party(Approval))),
    Holding(table_of(ApprovalSeat), below(ApprovalSeat, "approval_id", Approval, party(Approval))),
    Holding(table_of(Approval), party(Approval)),
    Holding(opportunity_members, below(opportunity_members, "opportunity_id", Opportunity, _opportunities)),
    Holding(table_of(StageChange), below(StageChange, "opportunity_id", Opportunity, _opportunities)),
    Holding(table_of(Opportunity), _opportunities),
    Holding(table_of(QuoteLine), below(QuoteLine, "quote_id", Quote, party(Quote))),
    Holding(table_of(Quote), party(Quote)),
    Holding(
        table_of(OrderLine),
        below(OrderLine, "order_id", Order, party(Order)),
        blank=("note",),
        keep=("display_name", "product_code", "product_kind"),
        retention=BOOKS,
    ),
    Holding(
        table_of(Fulfilment),
        below(Fulfilment, "order_id", Order, party(Order)),
        blank=("note",),
        keep=("lines", "fulfil_date", "actor_id"),
        retention=BOOKS,
    ),
    Holding(
        table_of(Order),
        party(Order),
        blank=("customer_reference", "delivery_address", "cancel_reason", "note", "external_id", "custom"),
        fill={"display_name": "number"},
        keep=("order_date", "requested_date", "fulfil_date", "number", "state", "currency_code", *_PLACE),
        retention=BOOKS,
    ),
    Holding(
        table_of(Invoice),
        party(Invoice),
        blank=("void_reason", "note", "external_id", "custom"),
        fill={"display_name": "number"},
        keep=("number", "kind", "state", "currency_code", "lines", "invoice_date", "due_date", *_PLACE),
        retention=BOOKS,
    ),
    Holding(
        table_of(Payment),
        party(Payment),
        blank=("reference", "reverse_reason", "note", "external_id", "custom"),
        fill={"display_name": "number"},
        keep=("number", "state", "currency_code", "payment_date", "method", *_PLACE),
        retention=BOOKS,
    ),
    Holding(
        table_of(LedgerEntry),
        party(LedgerEntry),
        blank=("description",),
        keep=("currency_code", "kind", "entry_date", "document_number"),
        retention=BOOKS,
    ),
)
_CONFIGURATION = "the enterprise's own configuration"
WITHOUT = {
    "allocations": "which payment settles which invoice: ids and amounts",
    "approval_policies": _CONFIGURATION,
    "assignment_rules": _CONFIGURATION,
    "competitors": "other enterprises",
    "document_numbers": "the last number of each series",
    "pipelines": _CONFIGURATION,
    "price_books": _CONFIGURATION,
    "price_book_entries": _CONFIGURATION,
    "products": "the catalogue",
}


async def find(reader: Reader, person: Person) -> Person:
    """The web forms the leads came from."""
    wanted = select(_lead.form_submission_id).where(
        _leads(person), _lead.form_submission_id.is_not(None), within(table_of(Lead))
    )
    return Person(record_ids=frozenset(row[0] for row in await reader.fetch(wanted)))


async def obstacles(reader: Reader, person: Person) -> list[pb.Obstacle]:
    order, invoice = table_of(Order), table_of(Invoice)
    open_orders = select(order.c.id).where(
        order.c.state.in_(OPEN_ORDERS), party(Order)(person), within(order)
    )
    unpaid = select(invoice.c.id).where(
        invoice.c.state.in_(UNSETTLED), party(Invoice)(person), within(invoice)
    )
    return [
        pb.Obstacle(reason=reason, resource=resource, id=str(row[0]))
        for reason, resource, wanted in (
            ("OPEN_ORDER", "order", open_orders),
            ("UNPAID_INVOICE", "invoice", unpaid),
        )
        for row in await reader.fetch(wanted)
    ]


HOLDINGS = Holdings("sales", HELD, WITHOUT, find, obstacles)
