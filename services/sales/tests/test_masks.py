"""Money of customers is hidden from who may not see it: in answers, filters, orders and sums."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from taproot.sales.v1 import (
    approval_pb2,
    invoice_pb2,
    opportunity_pb2,
    order_pb2,
    payment_pb2,
    quote_pb2,
    sales_line_pb2,
)
from taproot.sales.v1.invoice_service_pb2 import AggregateInvoicesRequest, ListInvoicesRequest
from taproot.sales.v1.opportunity_service_pb2 import ListOpportunitiesRequest
from taproot.sales.v1.opportunity_service_pb2_grpc import OpportunitiesServiceStub
from taproot.sales.v1.order_service_pb2 import AggregateOrdersRequest, GetOrderRequest, ListOrdersRequest
from taproot.sales.v1.payment_service_pb2 import ListPaymentsRequest
from taproot.sales.v1.quote_service_pb2 import ListQuotesRequest
from taproot.type.v1.money_pb2 import Money
from taproot_base.descriptors import sensitive_fields
from taproot_base.errors import AppError


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clerk(selling: Any) -> Any:
    return selling.seen_by(
        await selling.service.add_user({"*.read": "all"}, "/hq/e/sh/", masked=("financial",))
    )


def money_in(message: Any, path: str = "") -> list[str]:
    found = []
    for field, value in message.ListFields():
        for part in value if field.is_repeated else [value]:
            if isinstance(part, Money):
                found.append(f"{path}{field.name}")
            elif field.message_type is not None and field.message_type.full_name.startswith("taproot."):
                found += money_in(part, f"{path}{field.name}.")
    return found


async def test_no_money_is_left_in_documents(selling: Any, clerk: Any, new_line: Any) -> None:
    customer = await selling.customer()
    order = await selling.fulfilled(customer, new_line("2", "50", discount_rate="0.1"))
    assert "totals.total" in money_in(order)
    seen = await clerk.orders.GetOrder(GetOrderRequest(id=order.id))
    assert (money_in(seen), [line.quantity for line in seen.lines]) == ([], ["2"])
    assert not seen.lines[0].discount_rate
    everything = (await selling.invoices.ListInvoices(ListInvoicesRequest())).invoices
    assert "open_amount" in money_in(everything[0])
    page = await clerk.invoices.ListInvoices(ListInvoicesRequest())
    assert len(page.invoices) == len(everything)
    assert all(money_in(invoice) == [] for invoice in page.invoices)


ASKED = {
    "orders": (lambda seen: seen.orders.ListOrders, ListOrdersRequest, "total"),
    "quotes": (lambda seen: seen.quotes.ListQuotes, ListQuotesRequest, "net"),
    "invoices": (lambda seen: seen.invoices.ListInvoices, ListInvoicesRequest, "open_amount"),
    "payments": (lambda seen: seen.payments.ListPayments, ListPaymentsRequest, "unallocated_amount"),
    "opportunities": (
        lambda seen: seen.service.stub(OpportunitiesServiceStub, seen.who).ListOpportunities,
        ListOpportunitiesRequest,
        "amount",
    ),
}


@pytest.mark.parametrize("name", ASKED)
async def test_what_is_hidden_is_no_filter_and_no_order(selling: Any, clerk: Any, name: str) -> None:
    method, request, field = ASKED[name]
    asked = request(filter=f"{field} >= 0", order_by=field)
    await method(selling)(asked)
    with pytest.raises(AppError) as refused:
        await method(clerk)(asked)
    assert {violation.field for violation in refused.value.violations} == {"filter", "order_by"}


async def test_what_is_hidden_is_not_summed(selling: Any, clerk: Any) -> None:
    for call, request in (
        (lambda seen: seen.orders.AggregateOrders, AggregateOrdersRequest(measures=["sum(total)"])),
        (
            lambda seen: seen.invoices.AggregateInvoices,
            AggregateInvoicesRequest(measures=["sum(open_amount)"]),
        ),
    ):
        await call(selling)(request)
        with pytest.raises(AppError) as refused:
            await call(clerk)(request)
        assert [violation.field for violation in refused.value.violations] == ["measures"]


DOCUMENTS = (approval_pb2, invoice_pb2, opportunity_pb2, order_pb2, payment_pb2, quote_pb2, sales_line_pb2)
OPEN_TO_ALL = {"ApprovalPolicy.max_total"}


def test_every_amount_of_a_document_is_financial() -> None:
    found = set()
    for message in [kind for file in DOCUMENTS for kind in file.DESCRIPTOR.message_types_by_name.values()]:
        hidden = {field.name for field, kind in sensitive_fields(message) if kind == "financial"}
        money = {field.name for field in message.fields if field.message_type is Money.DESCRIPTOR}
        found |= {f"{message.name}.{name}" for name in money - hidden}
    assert found == OPEN_TO_ALL
