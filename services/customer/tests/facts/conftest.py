"""A customer service on a clock that tests move, and what other services would tell it."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.v1 import customer_pb2, profile_service_pb2
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import duplicate_service_pb2 as duplicates_rpc
from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.customer.v1.segment_service_pb2_grpc import SegmentsServiceStub
from taproot.marketing.events.v1.loyalty_account_event_pb2 import LoyaltyAccountEvent
from taproot.marketing.v1.loyalty_pb2 import LoyaltyAccount
from taproot.sales.events.v1.opportunity_event_pb2 import OpportunityEvent
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1 import opportunity_pb2, order_pb2, sales_line_pb2
from taproot.servicedesk.events.v1.survey_event_pb2 import SurveyEvent
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1 import survey_pb2, survey_response_pb2, ticket_pb2
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_base.clock import FakeClock
from taproot_base.ids import new_id
from taproot_chassis.events import Event
from taproot_customer.facts.refreshing import refresher
from taproot_customer.segments.handlers import move_due
from taproot_testkit import Harness

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
_UNREAD = """
    SELECT count(*) FROM event_log e WHERE e.type LIKE 'customer.%' AND NOT EXISTS (
        SELECT 1 FROM inbox i WHERE i.consumer = 'segments:customer' AND i.event_id = e.id
    ) OR (e.type IN ('customer.merged', 'customer.unmerged') OR e.type LIKE 'activity.%') AND NOT EXISTS (
        SELECT 1 FROM inbox i WHERE i.consumer = 'facts:customer' AND i.event_id = e.id
    )
"""


def yuan(amount: object, currency: str = "CNY") -> Money:
    return Money(currency_code=currency, amount=str(amount))


class World:
    def __init__(self, service: Harness, admin: Any) -> None:
        self.service = service
        self.clock: FakeClock = service.runtime.clock  # type: ignore[assignment]  # the fixture's
        self.customers = service.stub(CustomersServiceStub, admin)
        self.duplicates = service.stub(DuplicatesServiceStub, admin)
        self.profiles = service.stub(ProfilesServiceStub, admin)
        self.segments = service.stub(SegmentsServiceStub, admin)
        self.told: list[Event] = []
        self._versions: dict[str, int] = {}

    async def customer(self, **values: Any) -> str:
        made = customer_pb2.Customer(kind=customer_pb2.CUSTOMER_KIND_PERSON, display_name="某人", **values)
        found = await self.customers.CreateCustomer(customers_rpc.CreateCustomerRequest(customer=made))
        return str(found.id)

    async def merge(self, survivor: str, source: str) -> None:
        await self.duplicates.MergeCustomers(
            duplicates_rpc.MergeCustomersRequest(id=survivor, source_ids=[source])
        )

    async def unmerge(self, survivor: str, source: str) -> None:
        request = duplicates_rpc.UnmergeCustomerRequest(id=survivor, source_id=source)
        await self.duplicates.UnmergeCustomer(request)

    # What the other services tell.

    async def tell(self, source: str, event_type: str, key: str, customer: str, message: Any) -> Event:
        version = self._versions[key] = self._versions.get(key, 0) + 1
        event = self.service.event(
            event_type, message, key, version=version, source=source, party_id=customer
        )
        self.told.append(event)
        await self.service.deliver(event, "facts")
        return event

    async def order(
        self,
        customer: str,
        net: object = "100",
        *,
        key: str = "",
        state: str = "CONFIRMED",
        day: date | None = None,
        currency: str = "CNY",
        returned: str = "",
    ) -> str:
        key = key or str(new_id())
        line = sales_line_pb2.SalesLine(quantity="4", returned_quantity=returned, net=yuan(net, currency))
        order = order_pb2.Order(
            id=key,
            customer_id=customer,
            state=order_pb2.OrderState.Value(f"ORDER_STATE_{state}"),
            order_date=wire.to_date(day or self.clock.now().date()),
            currency_code=currency,
            lines=[line],
            totals=sales_line_pb2.SalesTotals(net=yuan(net, currency)),
        )
        await self.tell("sales", "order.updated", key, customer, OrderEvent(order=order))
        return key

    async def deal(self, customer: str, amount: object, *, key: str = "", state: str = "OPEN") -> str:
        key = key or str(new_id())
        found = opportunity_pb2.Opportunity(
            id=key,
            customer_id=customer,
            amount=yuan(amount),
            state=opportunity_pb2.OpportunityState.Value(f"OPPORTUNITY_STATE_{state}"),
        )
        await self.tell("sales", "opportunity.updated", key, customer, OpportunityEvent(opportunity=found))
        return key

    async def ticket(self, customer: str, *, key: str = "", state: str = "NEW") -> str:
        key = key or str(new_id())
        value = ticket_pb2.TicketState.Value(f"TICKET_STATE_{state}")
        ticket = ticket_pb2.Ticket(id=key, customer_id=customer, state=value)
        ticket.create_time.FromDatetime(self.clock.now())
        await self.tell("servicedesk", "ticket.updated", key, customer, TicketEvent(ticket=ticket))
        return key

    async def answer(self, customer: str, score: int, kind: str = "NPS") -> None:
        response = survey_response_pb2.SurveyResponse(
            id=str(new_id()),
            customer_id=customer,
            kind=survey_pb2.SurveyKind.Value(f"SURVEY_KIND_{kind}"),
            state=survey_response_pb2.SURVEY_RESPONSE_STATE_ANSWERED,
            score=score,
        )
        response.answer_time.FromDatetime(self.clock.now())
        message = SurveyEvent(response=response)
        await self.tell("servicedesk", "survey.answered", str(new_id()), customer, message)

    async def points(self, customer: str, balance: int, *, key: str = "") -> str:
        key = key or str(new_id())
        account = LoyaltyAccount(id=key, customer_id=customer, balance=balance)
        message = LoyaltyAccountEvent(loyalty_account=account)
        await self.tell("marketing", "loyalty_account.adjusted", key, customer, message)
        return key

    # What comes of it.

    def pass_days(self, days: float) -> None:
        self.clock.advance(timedelta(days=days))

    async def settle(self) -> None:
        """Until every event has been read and everything due has been done."""
        database = self.service.runtime.database
        deadline = time.monotonic() + 30
        while True:
            async with database.connection() as connection:
                unread = await connection.fetchval(_UNREAD)
            if not unread:
                break
            assert time.monotonic() < deadline, unread
            await asyncio.sleep(0.02)
        refresh = refresher("CNY")
        with self.service.system_call():
            while await refresh(database) + await move_due(database):
                pass

    async def facts(self, customer: str, stub: Any = None) -> Any:
        request = profile_service_pb2.GetCustomerProfileRequest(id=customer)
        return (await (stub or self.profiles).GetCustomerProfile(request)).facts

    async def matching(self, text: str, stub: Any = None) -> set[str]:
        request = customers_rpc.ListCustomersRequest(filter=text, page_size=1000)
        return {one.id for one in (await (stub or self.customers).ListCustomers(request)).customers}

    async def dynamic(self, text: str) -> str:
        segment = pb.Segment(display_name=text, kind=pb.SEGMENT_KIND_DYNAMIC, filter=text)
        return str((await self.segments.CreateSegment(rpc.CreateSegmentRequest(segment=segment))).id)

    async def static(self, *members: str) -> str:
        segment = pb.Segment(display_name="名单", kind=pb.SEGMENT_KIND_STATIC)
        made = await self.segments.CreateSegment(rpc.CreateSegmentRequest(segment=segment))
        if members:
            await self.segments.AddSegmentMembers(
                rpc.AddSegmentMembersRequest(id=made.id, customer_ids=members)
            )
        return str(made.id)

    async def combined(self, operator: str, *operands: str, name: str = "组合") -> str:
        segment = pb.Segment(
            display_name=name,
            kind=pb.SEGMENT_KIND_COMBINED,
            operator=pb.SegmentOperator.Value(f"SEGMENT_OPERATOR_{operator}"),
            operand_ids=operands,
        )
        return str((await self.segments.CreateSegment(rpc.CreateSegmentRequest(segment=segment))).id)

    async def members(self, key: str) -> set[str]:
        request = rpc.ListSegmentMembersRequest(segment_id=key, page_size=1000)
        return {one.customer_id for one in (await self.segments.ListSegmentMembers(request)).segment_members}

    async def moves(self, segment: str) -> list[tuple[str, str, int]]:
        """What was told of a segment's members: customer, entered or left, version."""
        async with self.service.runtime.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT e.party_id, e.type, e.version FROM event_log e JOIN segment_members m"
                " ON m.id = e.aggregate_id WHERE m.segment_id = $1 ORDER BY e.party_id, e.version",
                uuid.UUID(segment),
            )
        return [(str(row[0]), row[1].rpartition(".")[2], row[2]) for row in rows]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any) -> Harness:
    harness: Harness = await start_service("customer", clock=FakeClock(START))
    return harness


@pytest.fixture
def world(service: Harness, admin: Any) -> World:
    return World(service, admin)
