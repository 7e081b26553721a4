"""A customer service on a clock of the tests, a seller and what other services would tell of the customers."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest_asyncio
from google.type.date_pb2 import Date

from taproot.customer.v1 import activity_pb2, care_date_pb2, customer_pb2, task_pb2
from taproot.customer.v1 import activity_service_pb2 as activity_rpc
from taproot.customer.v1 import care_date_service_pb2 as care_rpc
from taproot.customer.v1 import contact_list_service_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customer_rpc
from taproot.customer.v1 import task_service_pb2 as task_rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.care_date_service_pb2_grpc import CareDatesServiceStub
from taproot.customer.v1.contact_list_service_pb2_grpc import ContactListsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.task_service_pb2_grpc import TasksServiceStub
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1 import order_pb2, sales_line_pb2
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_base.clock import FakeClock
from taproot_base.ids import new_id
from taproot_customer.facts.refreshing import refresher
from taproot_testkit import Harness

NOW = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
_UNREAD = """
    SELECT count(*) FROM event_log e WHERE e.type LIKE 'activity.%' AND NOT EXISTS (
        SELECT 1 FROM inbox i WHERE i.consumer = 'facts:customer' AND i.event_id = e.id
    )
"""
EVERYTHING = {f"{name}.*": "own" for name in ("customers", "activities", "tasks", "care_dates")} | {
    "orders.read": "own",
    "duplicates.*": "all",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any) -> Harness:
    harness: Harness = await start_service("customer", clock=FakeClock(NOW))
    return harness


class Seller:
    def __init__(self, service: Harness, user: Any) -> None:
        self.service, self.user = service, user
        self.lists = service.stub(ContactListsServiceStub, user)

    async def customer(self, name: str = "海尔") -> str:
        made = customer_pb2.Customer(kind=customer_pb2.CUSTOMER_KIND_ORGANIZATION, display_name=name)
        stub = self.service.stub(CustomersServiceStub, self.user)
        return str((await stub.CreateCustomer(customer_rpc.CreateCustomerRequest(customer=made))).id)

    async def task(self, customer: str, due: dt.datetime, name: str = "回访") -> str:
        made = task_pb2.Task(display_name=name, customer_id=customer, due_time=wire.to_timestamp(due))
        stub = self.service.stub(TasksServiceStub, self.user)
        return str((await stub.CreateTask(task_rpc.CreateTaskRequest(task=made))).id)

    async def meet(self, customer: str, start: dt.datetime) -> str:
        """In the past: it took place, and tells when one of us was last in contact."""
        made = activity_pb2.Activity(
            kind=activity_pb2.ACTIVITY_KIND_VISIT,
            display_name="拜访",
            customer_id=customer,
            start_time=wire.to_timestamp(start),
        )
        stub = self.service.stub(ActivitiesServiceStub, self.user)
        return str((await stub.CreateActivity(activity_rpc.CreateActivityRequest(activity=made))).id)

    async def remember(self, customer: str, day: Date, kind: str) -> str:
        number = care_date_pb2.CareDateKind.Value(f"CARE_DATE_KIND_{kind}")
        made = care_date_pb2.CareDate(customer_id=customer, kind=number, display_name="王总", date=day)
        stub = self.service.stub(CareDatesServiceStub, self.user)
        return str((await stub.CreateCareDate(care_rpc.CreateCareDateRequest(care_date=made))).id)

    async def orders(self, customer: str, *days_ago: int, amount: str = "100") -> None:
        for ago in days_ago:
            key, money = str(new_id()), Money(currency_code="CNY", amount=amount)
            order = order_pb2.Order(
                id=key,
                customer_id=customer,
                state=order_pb2.ORDER_STATE_CONFIRMED,
                order_date=wire.to_date((NOW - ago * DAY).date()),
                currency_code="CNY",
                lines=[sales_line_pb2.SalesLine(quantity="1", net=money)],
                totals=sales_line_pb2.SalesTotals(net=money),
            )
            event = self.service.event(
                "order.updated", OrderEvent(order=order), key, version=1, source="sales", party_id=customer
            )
            await self.service.deliver(event, "facts")
        await self.settle()

    async def settle(self) -> None:
        """Until the figures know of every activity and order."""
        database = self.service.runtime.database
        async with asyncio.timeout(30), database.connection() as connection:
            while await connection.fetchval(_UNREAD):
                await asyncio.sleep(0.02)
        refresh = refresher("CNY")
        with self.service.system_call():
            while await refresh(database):
                await asyncio.sleep(0)

    async def read(self, **values: Any) -> list[pb.ContactListEntry]:
        return list((await self.lists.ReadContactList(pb.ReadContactListRequest(**values))).entries)


@pytest_asyncio.fixture
async def seller(service: Harness) -> Seller:
    return Seller(service, await service.add_user(EVERYTHING, "/hq/e/sh/"))
