"""Aggregate -> its event with the full state."""

from __future__ import annotations

from collections.abc import Mapping

from taproot_sales.approvals import messages as approvals
from taproot_sales.approvals.model import Approval, ApprovalPolicy
from taproot_sales.assignment_rules import messages as assignment_rules
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_sales.catalog import messages as catalog
from taproot_sales.catalog.model import Product
from taproot_sales.competitors import messages as competitors
from taproot_sales.competitors.model import Competitor
from taproot_sales.invoices import messages as invoices
from taproot_sales.invoices.model import CreditLimit, Invoice
from taproot_sales.leads import messages as leads
from taproot_sales.leads.model import Lead
from taproot_sales.opportunities import messages as opportunities
from taproot_sales.opportunities.model import Opportunity
from taproot_sales.orders import messages as orders
from taproot_sales.orders.model import Order
from taproot_sales.payments import messages as payments
from taproot_sales.payments.model import Payment
from taproot_sales.pipelines import messages as pipelines
from taproot_sales.pipelines.model import Pipeline
from taproot_sales.price_books import messages as price_books
from taproot_sales.price_books.model import PriceBook
from taproot_sales.quotes import messages as quotes
from taproot_sales.quotes.model import Quote
from taproot_storage.eventlog import Encoder

ENCODERS: Mapping[type, Encoder] = {
    Lead: leads.to_event,
    AssignmentRule: assignment_rules.to_event,
    Pipeline: pipelines.to_event,
    Opportunity: opportunities.to_event,
    Product: catalog.to_event,
    PriceBook: price_books.to_event,
    Competitor: competitors.to_event,
    Quote: quotes.to_event,
    Approval: approvals.to_event,
    ApprovalPolicy: approvals.policy_event,
    Order: orders.to_event,
    Invoice: invoices.to_event,
    CreditLimit: invoices.limit_event,
    Payment: payments.to_event,
}
