"""A sales service in this process, and short ways to sell something with it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent, CustomerMerge
from taproot.customer.v1 import customer_pb2
from taproot.sales.v1 import order_pb2, product_pb2
from taproot.sales.v1.approval_policy_service_pb2_grpc import ApprovalPoliciesServiceStub
from taproot.sales.v1.approval_service_pb2_grpc import ApprovalsServiceStub
from taproot.sales.v1.credit_limit_service_pb2_grpc import CreditLimitsServiceStub
from taproot.sales.v1.invoice_service_pb2_grpc import InvoicesServiceStub
from taproot.sales.v1.order_service_pb2 import (
    ConfirmOrderRequest,
    CreateOrderRequest,
    FulfilOrderRequest,
    SubmitOrderRequest,
)
from taproot.sales.v1.order_service_pb2_grpc import OrdersServiceStub
from taproot.sales.v1.payment_service_pb2_grpc import PaymentsServiceStub
from taproot.sales.v1.product_service_pb2 import CreateProductRequest
from taproot.sales.v1.product_service_pb2_grpc import ProductsServiceStub
from taproot.sales.v1.quote_service_pb2_grpc import QuotesServiceStub
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot.sales.v1.statement_service_pb2_grpc import StatementsServiceStub
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.errors import AppError
from taproot_base.ids import new_id
from taproot_testkit import Caller, Harness, branch_id


def line(quantity: str, price: str, currency: str = "CNY", **values: Any) -> SalesLine:
    """A line without product."""
    money = Money(currency_code=currency, amount=price)
    return SalesLine(**{"display_name": "Beratung", "quantity": quantity, "unit_price": money} | values)


class Selling:
    """The service seen as one principal (a user who may do everything, unless another is given)."""

    def __init__(self, service: Harness, who: Principal | None) -> None:
        self.service = service
        self.who = who

    line = staticmethod(line)

    def seen_by(self, who: Principal | None) -> Selling:
        return Selling(self.service, who)

    def _stub(self, kind: Any) -> Caller:
        return self.service.stub(kind, self.who)

    @property
    def orders(self) -> Caller:
        return self._stub(OrdersServiceStub)

    @property
    def quotes(self) -> Caller:
        return self._stub(QuotesServiceStub)

    @property
    def approvals(self) -> Caller:
        return self._stub(ApprovalsServiceStub)

    @property
    def policies(self) -> Caller:
        return self._stub(ApprovalPoliciesServiceStub)

    @property
    def invoices(self) -> Caller:
        return self._stub(InvoicesServiceStub)

    @property
    def payments(self) -> Caller:
        return self._stub(PaymentsServiceStub)

    @property
    def limits(self) -> Caller:
        return self._stub(CreditLimitsServiceStub)

    @property
    def statements(self) -> Caller:
        return self._stub(StatementsServiceStub)

    async def customer(self, name: str = "远东贸易", branch: str = "/hq/e/sh/", value_class: str = "") -> str:
        """A customer as the customer service would announce it."""
        key = str(new_id())
        customer = customer_pb2.Customer(
            id=key,
            kind=customer_pb2.CUSTOMER_KIND_ORGANIZATION,
            display_name=name,
            branch_id=branch_id(branch),
            value_class=value_class,
        )
        event = CustomerEvent(customer=customer)
        await self.service.deliver(self.service.event("customer.created", event, key, source="customer"))
        return key

    async def move(self, customer: str, branch: str) -> None:
        """To another branch, and to nobody there."""
        state = customer_pb2.Customer(id=customer, display_name="甲", branch_id=branch_id(branch))
        event = CustomerEvent(customer=state)
        await self.service.deliver(
            self.service.event("customer.assigned", event, customer, version=2, source="customer")
        )

    async def merge(self, root: str, *members: str) -> None:
        """The members are merged into the root, which stays as it is otherwise."""
        customer = customer_pb2.Customer(id=root, display_name="甲", merged_ids=members)
        event = CustomerEvent(customer=customer, merge=CustomerMerge(source_ids=members))
        await self.service.deliver(
            self.service.event("customer.merged", event, root, version=2, source="customer")
        )

    async def product(self, price: str = "100", **values: Any) -> product_pb2.Product:
        product = product_pb2.Product(
            code=f"P-{new_id()}",
            display_name="砂轮机",
            list_price=Money(currency_code="CNY", amount=price),
            **values,
        )
        stub = self._stub(ProductsServiceStub)
        made: product_pb2.Product = await stub.CreateProduct(CreateProductRequest(product=product))
        return made

    async def order(self, customer: str, *lines: SalesLine, **values: Any) -> order_pb2.Order:
        order = order_pb2.Order(customer_id=customer, lines=lines or [line("2", "50")], **values)
        made: order_pb2.Order = await self.orders.CreateOrder(CreateOrderRequest(order=order))
        return made

    async def confirmed(self, customer: str, *lines: SalesLine, **values: Any) -> order_pb2.Order:
        order = await self.order(customer, *lines, **values)
        await self.orders.SubmitOrder(SubmitOrderRequest(id=order.id))
        made: order_pb2.Order = await self.orders.ConfirmOrder(ConfirmOrderRequest(id=order.id))
        return made

    async def fulfilled(self, customer: str, *lines: SalesLine, **values: Any) -> order_pb2.Order:
        order = await self.confirmed(customer, *lines, **values)
        made: order_pb2.Order = await self.orders.FulfilOrder(FulfilOrderRequest(id=order.id))
        return made


async def _failure(call: Awaitable[Any]) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


@pytest.fixture(scope="session")
def failure() -> Any:
    """Awaits a call that must fail; the failure."""
    return _failure


@pytest.fixture(scope="session")
def new_line() -> Any:
    return line


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sales(start_service: Any) -> Harness:
    harness: Harness = await start_service("sales")
    return harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def selling(sales: Harness) -> Selling:
    return Selling(sales, await sales.admin())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(sales: Harness) -> Principal:
    return await sales.admin()
