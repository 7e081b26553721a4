"""Composition root of the sales service."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from taproot_chassis.service import Definition, Parts, Runtime
from taproot_records.privacy import servicer as privacy
from taproot_sales.approvals import jobs as approvals
from taproot_sales.approvals.servicer import ApprovalPoliciesServicer, ApprovalsServicer
from taproot_sales.assignment_rules.servicer import AssignmentRulesServicer
from taproot_sales.catalog.servicer import ProductsServicer
from taproot_sales.competitors.servicer import CompetitorsServicer
from taproot_sales.encoders import ENCODERS
from taproot_sales.invoices import jobs as invoices
from taproot_sales.invoices.servicer import CreditLimitsServicer, InvoicesServicer
from taproot_sales.leads import jobs as leads
from taproot_sales.leads import measuring as leads_measuring
from taproot_sales.leads.servicer import LeadsServicer
from taproot_sales.opportunities import jobs as opportunities
from taproot_sales.opportunities.servicer import OpportunitiesServicer
from taproot_sales.orders.servicer import OrdersServicer
from taproot_sales.payments.servicer import PaymentsServicer
from taproot_sales.pipelines.handlers import ensure_default
from taproot_sales.pipelines.servicer import PipelinesServicer
from taproot_sales.price_books.servicer import PriceBooksServicer
from taproot_sales.privacy.holdings import HOLDINGS
from taproot_sales.quotes import jobs as quotes
from taproot_sales.quotes.servicer import QuotesServicer
from taproot_sales.settings import SalesSettings
from taproot_sales.statements.servicer import StatementsServicer
from taproot_sales.subscribers import SUBSCRIPTIONS

SERVICERS: dict[str, Any] = {
    "Leads": LeadsServicer,
    "AssignmentRules": AssignmentRulesServicer,
    "Pipelines": PipelinesServicer,
    "Opportunities": OpportunitiesServicer,
    "Products": ProductsServicer,
    "PriceBooks": PriceBooksServicer,
    "Competitors": CompetitorsServicer,
    "Quotes": QuotesServicer,
    "Approvals": ApprovalsServicer,
    "ApprovalPolicies": ApprovalPoliciesServicer,
    "Orders": OrdersServicer,
    "Invoices": InvoicesServicer,
    "CreditLimits": CreditLimitsServicer,
    "Payments": PaymentsServicer,
    "Statements": StatementsServicer,
}
JOBS = (*leads.JOBS, *opportunities.JOBS, *approvals.JOBS, *quotes.JOBS, *invoices.JOBS)


def build(runtime: Runtime[SalesSettings]) -> Parts:
    return Parts(
        servicers={
            **{f"taproot.sales.v1.{name}Service": make(runtime) for name, make in SERVICERS.items()},
            privacy.SERVICE: privacy.PersonalDataServicer(runtime, HOLDINGS, SUBSCRIPTIONS),
        },
        subscriptions=SUBSCRIPTIONS,
        jobs=JOBS,
        measurements=[leads_measuring.measure],
        startup=[functools.partial(ensure_default, runtime.database)],
    )


DEFINITION = Definition("sales", SalesSettings, ENCODERS, build, Path(__file__).parent)
