"""What is wrong with a request is told in one answer, whichever checks find it."""

from __future__ import annotations

from typing import Any

import pytest
from google.type.date_pb2 import Date

from taproot.sales.v1 import (
    assignment_rule_pb2,
    assignment_rule_service_pb2,
    invoice_pb2,
    lead_pb2,
    lead_service_pb2,
    opportunity_pb2,
    opportunity_service_pb2,
    payment_pb2,
    product_pb2,
    product_service_pb2,
)
from taproot.sales.v1.assignment_rule_service_pb2_grpc import AssignmentRulesServiceStub
from taproot.sales.v1.invoice_service_pb2 import CreateInvoiceRequest
from taproot.sales.v1.lead_service_pb2_grpc import LeadsServiceStub
from taproot.sales.v1.opportunity_service_pb2_grpc import OpportunitiesServiceStub
from taproot.sales.v1.order_pb2 import Order
from taproot.sales.v1.order_service_pb2 import BatchCreateOrdersRequest, CreateOrderRequest
from taproot.sales.v1.payment_service_pb2 import CreatePaymentRequest
from taproot.sales.v1.product_service_pb2_grpc import ProductsServiceStub
from taproot.type.v1.money_pb2 import Money
from taproot_base.errors import AppError
from taproot_base.ids import new_id

NOBODY = str(new_id())


async def faults(call: Any) -> set[str]:
    with pytest.raises(AppError) as refused:
        await call
    return {violation.field for violation in refused.value.violations}


async def test_leads(selling: Any) -> None:
    leads = selling.service.stub(LeadsServiceStub, selling.who)
    lead = lead_pb2.Lead(product_id=NOBODY, owner_id=NOBODY)
    request = lead_service_pb2.CreateLeadRequest(lead=lead)
    assert await faults(leads.CreateLead(request)) >= {
        "lead.name",
        "lead.phone",
        "lead.product_id",
        "owner_id",
    }


async def test_opportunities(selling: Any) -> None:
    deals = selling.service.stub(OpportunitiesServiceStub, selling.who)
    deal = opportunity_pb2.Opportunity(
        stage="nowhere",
        owner_id=NOBODY,
        lines=[opportunity_pb2.OpportunityLine(product_id=NOBODY)],
        competitors=[opportunity_pb2.OpportunityCompetitor(competitor_id=NOBODY)],
    )
    request = opportunity_service_pb2.CreateOpportunityRequest(opportunity=deal)
    assert await faults(deals.CreateOpportunity(request)) >= {
        "opportunity.stage",
        "opportunity.lines[0].product_id",
        "opportunity.competitors[0].competitor_id",
        "opportunity.display_name",
        "owner_id",
    }


async def test_products_and_assignment_rules(selling: Any) -> None:
    products = selling.service.stub(ProductsServiceStub, selling.who)
    bundle = product_pb2.Product(components=[product_pb2.BundleComponent(product_id=NOBODY)])
    request = product_service_pb2.CreateProductRequest(product=bundle)
    assert await faults(products.CreateProduct(request)) >= {
        "product.components[0].product_id",
        "product.code",
        "product.display_name",
    }
    rules = selling.service.stub(AssignmentRulesServiceStub, selling.who)
    rule = assignment_rule_pb2.AssignmentRule(branch_id=NOBODY, user_ids=[NOBODY])
    asked = assignment_rule_service_pb2.CreateAssignmentRuleRequest(assignment_rule=rule)
    assert await faults(rules.CreateAssignmentRule(asked)) >= {
        "assignment_rule.branch_id",
        "assignment_rule.user_ids[0]",
        "assignment_rule.display_name",
    }


async def test_orders_one_and_many(selling: Any, new_line: Any) -> None:
    customer = await selling.customer()
    amount = Money(currency_code="CNY", amount="1")
    bad = Order(
        customer_id=customer,
        discount_rate="0.1",
        discount_amount=amount,
        lines=[new_line("1", "5", "USD"), new_line("", "5")],
        currency_code="CNY",
    )
    own = {"discount_amount", "lines[0].unit_price.currency_code", "lines[1].quantity"}
    assert await faults(selling.orders.CreateOrder(CreateOrderRequest(order=bad))) == {
        f"order.{field}" for field in own
    }
    stranger = Order(customer_id=NOBODY, lines=[new_line("1", "5")])
    many = BatchCreateOrdersRequest(requests=[CreateOrderRequest(order=order) for order in (bad, stranger)])
    assert await faults(selling.orders.BatchCreateOrders(many)) == {
        *(f"requests[0].order.{field}" for field in own),
        "requests[1].order.customer_id",
    }


async def test_invoices_and_payments(selling: Any) -> None:
    line = invoice_pb2.InvoiceLine(display_name="x", net=Money(currency_code="CNY", amount="-1"))
    invoice = invoice_pb2.Invoice(customer_id=NOBODY, owner_id=NOBODY, currency_code="CNY", lines=[line])
    assert await faults(selling.invoices.CreateInvoice(CreateInvoiceRequest(invoice=invoice))) == {
        "invoice.lines[0].net",
        "invoice.customer_id",
        "owner_id",
    }
    payment = payment_pb2.Payment(
        customer_id=NOBODY, owner_id=NOBODY, amount=Money(currency_code="CNY", amount="0.001")
    )
    assert await faults(selling.payments.CreatePayment(CreatePaymentRequest(payment=payment))) == {
        "payment.amount",
        "payment.customer_id",
        "owner_id",
    }
    unread = payment_pb2.Payment(
        payment_date=Date(year=2026, month=2, day=30), allocations=[payment_pb2.Allocation(invoice_id=NOBODY)]
    )
    assert await faults(selling.payments.CreatePayment(CreatePaymentRequest(payment=unread))) >= {
        "payment.customer_id",
        "payment.amount",
        "payment.payment_date",
        "payment.allocations[0].amount",
    }
