"""Customers so new that their event has not arrived."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import customer_pb2
from taproot.customer.v1.customer_service_pb2 import CreateCustomerRequest
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.sales.v1 import order_pb2
from taproot.sales.v1.order_service_pb2 import CreateOrderRequest
from taproot.sales.v1.order_service_pb2_grpc import OrdersServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id


async def test_an_order_waits_for_its_customer(start_service: Any, failure: Any, new_line: Any) -> None:
    customers = await start_service("customer")
    sales = await start_service("sales", backends=f"customer={customers.address}")
    seller = sales.stub(OrdersServiceStub, await sales.admin())
    made = await customers.stub(CustomersServiceStub, await customers.admin()).CreateCustomer(
        CreateCustomerRequest(
            customer=customer_pb2.Customer(
                kind=customer_pb2.CUSTOMER_KIND_ORGANIZATION, display_name="新客户"
            )
        )
    )
    order = order_pb2.Order(customer_id=made.id, lines=[new_line("1", "1")])
    assert (await seller.CreateOrder(CreateOrderRequest(order=order))).customer_id == made.id
    nobody = order_pb2.Order(customer_id=str(new_id()), lines=[new_line("1", "1")])
    error = await failure(seller.CreateOrder(CreateOrderRequest(order=nobody)))
    assert (error.kind, [v.field for v in error.violations]) == (Kind.INVALID, ["order.customer_id"])


async def test_while_nobody_can_say_whether_a_customer_exists_the_answer_is_to_repeat(
    start_service: Any, failure: Any, new_line: Any
) -> None:
    sales = await start_service("sales", backends="customer=127.0.0.1:1")
    seller = sales.stub(OrdersServiceStub, await sales.admin())
    order = order_pb2.Order(customer_id=str(new_id()), lines=[new_line("1", "1")])
    error = await failure(seller.CreateOrder(CreateOrderRequest(order=order)))
    assert error.kind is Kind.UNAVAILABLE
