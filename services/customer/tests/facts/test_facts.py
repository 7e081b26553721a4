"""Figures of a customer by the events of other services, seen in the profile and in the filter language."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from taproot.customer.v1 import activity_pb2, activity_service_pb2
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.customer.v1.segment_service_pb2_grpc import SegmentsServiceStub
from taproot_base.errors import Kind
from taproot_chassis import rebuild
from taproot_customer.customers.model import Customer
from taproot_customer.facts import fields
from taproot_customer.privacy.holdings import HOLDINGS
from taproot_records.privacy import erasing
from taproot_records.privacy.holdings import Person
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

DAY = timedelta(days=1)


def amounts(moneys) -> dict[str, str]:
    return {money.currency_code: money.amount for money in moneys}


class TestFigures:
    async def test_everything_that_is_counted(self, world, service, admin):
        customer = await world.customer()
        today = world.clock.now().date()
        await world.order(customer, "100", day=today - 10 * DAY)
        await world.order(customer, "60.5", day=today - 100 * DAY)
        await world.order(customer, "7", day=today - 400 * DAY)
        await world.deal(customer, "500")
        await world.deal(customer, "900", state="LOST")
        await world.ticket(customer, state="CLOSED")
        await world.ticket(customer)
        await world.answer(customer, 9)
        world.clock.advance(timedelta(seconds=1))
        await world.answer(customer, 2)
        world.clock.advance(timedelta(seconds=1))
        await world.answer(customer, 4, "CSAT")
        await world.points(customer, 30)
        await world.points(customer, 12)
        called = activity_pb2.Activity(
            customer_id=customer, kind=activity_pb2.ACTIVITY_KIND_CALL, display_name="电话"
        )
        activities = service.stub(ActivitiesServiceStub, admin)
        made = await activities.CreateActivity(activity_service_pb2.CreateActivityRequest(activity=called))
        await world.settle()
        facts = await world.facts(customer)
        assert (facts.order_count, facts.orders_90_days, facts.orders_365_days) == (3, 1, 2)
        assert facts.lifetime_revenue.amount == "167.50"
        assert facts.revenue_90_days.amount == "100.00"
        assert facts.revenue_365_days.amount == "160.50"
        assert facts.first_order_time.ToDatetime().date() == today - 400 * DAY
        assert facts.last_order_time.ToDatetime().date() == today - 10 * DAY
        assert (facts.open_opportunities, facts.open_opportunity_amount.amount) == (1, "500.00")
        assert facts.open_tickets == 1
        assert facts.HasField("last_ticket_time")
        assert (facts.last_survey_score, facts.nps_average) == (4, "5.500000")
        assert facts.loyalty_points == 42
        assert facts.last_contact_time == made.start_time

    async def test_a_customer_nothing_is_known_of_has_counted_nothing(self, world):
        customer = await world.customer(source="nothing")
        facts = await world.facts(customer)
        assert (facts.order_count, facts.lifetime_revenue.amount) == (0, "0.00")
        assert not facts.HasField("last_order_time")
        for text in (
            "facts.orders_90_days = 0",
            "facts.lifetime_revenue < 1",
            "facts.last_order_time = null",
        ):
            assert await world.matching(f'source = "nothing" AND {text}') == {customer}

    async def test_what_was_called_off_or_came_back_is_taken_off(self, world):
        customer = await world.customer()
        off, back, part = [await world.order(customer, "100") for _ in range(3)]
        await world.order(customer, "100", key=off, state="CANCELLED")
        await world.order(customer, "100", key=back, state="RETURNED", returned="4")
        await world.order(customer, "100", key=part, state="PARTIALLY_RETURNED", returned="1")
        await world.settle()
        facts = await world.facts(customer)
        assert (facts.order_count, facts.lifetime_revenue.amount) == (1, "75.00")

    async def test_an_amount_in_two_currencies_is_not_added_up(self, world):
        customer = await world.customer(source="abroad")
        await world.order(customer, "100")
        await world.order(customer, "20", currency="USD")
        await world.settle()
        facts = await world.facts(customer)
        assert not facts.HasField("lifetime_revenue")
        assert amounts(facts.revenue_by_currency) == {"CNY": "100.00", "USD": "20.00"}
        among = 'source = "abroad" AND '
        assert await world.matching(among + "facts.revenue_by_currency.usd >= 20") == {customer}
        assert await world.matching(among + "facts.lifetime_revenue > 0") == set()
        assert await world.matching(among + "facts.revenue_by_currency.eur:*") == set()

    async def test_repeats_and_late_events_change_nothing(self, world, service):
        customer = await world.customer()
        key = await world.order(customer, "10")
        await world.order(customer, "30", key=key)
        older, newer = world.told
        for event in (newer, older):
            await service.deliver(event, "facts")
        again = service.event(
            "order.updated", _payload(older), key, version=1, source="sales", party_id=customer
        )
        await service.deliver(again, "facts")
        await world.settle()
        assert (await world.facts(customer)).lifetime_revenue.amount == "30.00"

    async def test_an_order_that_changes_hands_leaves_its_customer(self, world):
        before, after = await world.customer(), await world.customer()
        key = await world.order(before)
        await world.settle()
        await world.order(after, key=key)
        await world.settle()
        assert (await world.facts(before)).order_count == 0
        assert (await world.facts(after)).order_count == 1

    async def test_windows_roll_on_when_nothing_happens(self, world):
        customer = await world.customer(source="rolling")
        await world.order(customer, "100")
        await world.settle()
        day = datetime.combine(world.clock.now().date(), datetime.min.time(), UTC)
        for days, recent, yearly in ((90, 0, 1), (365, 0, 0)):
            world.clock.set(day + timedelta(days=days, microseconds=-1))
            await world.settle()
            assert (await world.facts(customer)).orders_90_days == (1 if days == 90 else 0)
            world.clock.set(day + timedelta(days=days))
            await world.settle()
            facts = await world.facts(customer)
            assert (facts.orders_90_days, facts.orders_365_days) == (recent, yearly)
            assert facts.order_count == 1

    async def test_events_before_their_customer_wait_for_it(self, world, service):
        from taproot.customer.v1 import customer_pb2
        from taproot_base.ids import new_id

        key = str(new_id())
        await world.order(key)
        await world.settle()
        made = customer_pb2.Customer(id=key, kind=customer_pb2.CUSTOMER_KIND_PERSON, display_name="后到")
        await world.customers.CreateCustomer(customers_rpc.CreateCustomerRequest(customer=made))
        await _until_marked(world, key)
        assert (await world.facts(key)).order_count == 1


async def _until_marked(world, key: str) -> None:
    import asyncio

    for _ in range(500):
        await world.settle()
        if (await world.facts(key)).order_count:
            return
        await asyncio.sleep(0.02)


def _payload(event):
    from taproot.sales.events.v1.order_event_pb2 import OrderEvent

    return event.decode(OrderEvent)


class TestMerges:
    async def test_figures_follow_the_survivor_and_come_back(self, world):
        survivor, source = await world.customer(source="merging"), await world.customer(source="merging")
        await world.order(survivor, "1")
        await world.order(source, "2")
        await world.merge(survivor, source)
        await world.order(source, "4")
        await world.settle()
        assert (await world.facts(survivor)).lifetime_revenue.amount == "7.00"
        assert (await world.facts(source)).lifetime_revenue.amount == "7.00"
        assert await world.matching('source = "merging" AND facts.order_count > 0') == {survivor}
        await world.unmerge(survivor, source)
        await world.settle()
        assert (await world.facts(survivor)).lifetime_revenue.amount == "1.00"
        assert (await world.facts(source)).lifetime_revenue.amount == "6.00"


class TestRebuild:
    async def test_leaves_figures_and_segments_as_they_were(self, world, service):
        customer = await world.customer(source="rebuilt")
        segment = await world.dynamic('source = "rebuilt" AND facts.order_count >= 2')
        for net in ("1", "2"):
            await world.order(customer, net)
        await world.points(customer, 5)
        await world.settle()
        before, moves = await world.facts(customer), await world.moves(segment)
        assert [move[1] for move in moves] == ["entered"]
        own = await service.events(1)
        consumers = {
            c.subscription.source: c for c in service.process.consumers if c.subscription.name == "facts"
        }
        async with AsyncExitStack() as held:
            for consumer in consumers.values():
                await held.enter_async_context(consumer.held())
            with service.system_call():
                await rebuild._empty([c.subscription for c in consumers.values()], service.runtime.database)
                for event in [*(e for e in own if _feeds(e)), *world.told]:
                    await consumers[event.source].apply([event], tended=True)
                    assert await world.facts(customer) == before
        await world.settle()
        assert await world.facts(customer) == before
        assert await world.moves(segment) == moves


def _feeds(event) -> bool:
    return event.type in ("customer.created", "customer.merged", "customer.unmerged") or (
        event.aggregate_type == "activity"
    )


class TestErasure:
    async def test_leaves_no_figure_and_nothing_to_wait_for(self, world, service):
        customer = await world.customer(source="erased")
        await world.dynamic('source = "erased" AND facts.last_order_time < now() - 30d')
        await world.order(customer)
        await world.settle()
        tables = ("fact_items", "facts_due", "customer_facts", "segment_dues")

        async def held() -> list[int]:
            async with service.runtime.database.connection() as connection:
                return [
                    await connection.fetchval(
                        f"SELECT count(*) FROM {table} WHERE customer_id = $1",  # of the names above
                        customer,
                    )
                    for table in tables
                ]

        assert await held() == [1, 1, 1, 1]
        parties, emails = frozenset({uuid.UUID(customer)}), frozenset({"nobody@example.com"})
        person = Person(party_ids=parties, emails=emails)
        with service.system_call():
            async with service.runtime.database.unit() as work:
                await erasing.erase(HOLDINGS, person, work, service.runtime.blobs)
        await world.settle()
        assert await held() == [0, 0, 0, 0]


class TestRights:
    @pytest.fixture
    def figures(self):
        return ("facts.order_count > 0", "facts.revenue_by_currency.cny > 0", "facts.last_order_time < now()")

    async def test_without_the_permission_nothing_is_told(self, world, service, failure, figures):
        clerk = await service.add_user({"customers.read": "all", "tickets.read": "all", "segments.*": "all"})
        customers, segments = (
            service.stub(stub, clerk) for stub in (CustomersServiceStub, SegmentsServiceStub)
        )
        calls = [
            call
            for text in figures
            for call in (
                customers.ListCustomers(customers_rpc.ListCustomersRequest(filter=text)),
                customers.AggregateCustomers(customers_rpc.AggregateCustomersRequest(filter=text)),
                segments.PreviewSegment(rpc.PreviewSegmentRequest(filter=text)),
                segments.CreateSegment(
                    rpc.CreateSegmentRequest(
                        segment=pb.Segment(display_name="x", kind=pb.SEGMENT_KIND_DYNAMIC, filter=text)
                    )
                ),
            )
        ]
        ordered = customers_rpc.ListCustomersRequest(order_by="facts.order_count desc")
        measured = customers_rpc.AggregateCustomersRequest(measures=["sum(facts.lifetime_revenue)"])
        grouped = customers_rpc.AggregateCustomersRequest(group_by=["facts.order_count"])
        calls.append(customers.ListCustomers(ordered))
        calls += [customers.AggregateCustomers(request) for request in (measured, grouped)]
        for call in calls:
            error = await failure(call)
            assert error.kind is Kind.INVALID
            assert "orders.read" in error.message
        found = customers_rpc.ListCustomersRequest(filter="facts.open_tickets = 0")
        await customers.ListCustomers(found)

    async def test_the_profile_leaves_out_what_may_not_be_read(self, world, service):
        customer = await world.customer()
        await world.order(customer)
        await world.ticket(customer)
        await world.settle()
        clerk = await service.add_user({"customers.read": "all", "tickets.read": "all"})
        facts = await world.facts(customer, service.stub(ProfilesServiceStub, clerk))
        assert facts.open_tickets == 1
        assert not facts.HasField("order_count")
        assert not facts.revenue_by_currency
        masked = await service.add_user({"*": "all"}, masked=("financial",))
        facts = await world.facts(customer, service.stub(ProfilesServiceStub, masked))
        assert facts.order_count == 1
        assert not facts.HasField("lifetime_revenue")
        assert not facts.revenue_by_currency

    async def test_sums_need_the_permission_as_far_as_the_customers(self, world, service, failure):
        asked = customers_rpc.ListCustomersRequest(filter="facts.order_count > 0")
        for customers, orders, allowed in (
            ("all", "branch_and_below", False),
            ("branch", "own", False),
            ("branch", "branch", True),
            ("branch", "all", True),
            ("own", "own", True),
        ):
            user = await service.add_user({"customers.read": customers, "orders.read": orders})
            call = service.stub(CustomersServiceStub, user).ListCustomers(asked)
            if allowed:
                await call
            else:
                assert (await failure(call)).kind is Kind.INVALID

    async def test_masked_amounts_are_refused(self, service, failure):
        clerk = await service.add_user({"*": "all"}, masked=("financial",))
        asked = customers_rpc.ListCustomersRequest(filter="facts.lifetime_revenue > 0")
        error = await failure(service.stub(CustomersServiceStub, clerk).ListCustomers(asked))
        assert "facts.lifetime_revenue" in error.message


class TestLists:
    async def test_ordered_paged_and_measured(self, world):
        ids = [await world.customer(source="listed") for _ in range(3)]
        for place, customer in enumerate(ids):
            for _ in range(place):
                await world.order(customer, "10")
        await world.settle()
        seen, token = [], ""
        while True:
            page = await world.customers.ListCustomers(
                customers_rpc.ListCustomersRequest(
                    filter='source = "listed"',
                    order_by="facts.order_count desc, facts.last_order_time",
                    page_size=1,
                    page_token=token,
                )
            )
            seen += [customer.id for customer in page.customers]
            token = page.next_page_token
            if not token:
                break
        assert seen == ids[::-1]
        request = customers_rpc.AggregateCustomersRequest(
            filter='source = "listed"', measures=["sum(facts.lifetime_revenue)", "max(facts.order_count)"]
        )
        (row,) = (await world.customers.AggregateCustomers(request)).rows
        assert [float(value) for value in row.values] == [30.0, 2.0]

    async def test_who_asks_for_no_figure_does_not_pay_for_them(self, service, admin):
        async with service.runtime.database.reading() as reader:
            with service.calling(admin, "customers.read"):
                statement = Statement(fields.listed().where(visible(Customer)))
                text, arguments = statement.text, statement.arguments({})
            plan = await reader.connection.fetch(f"EXPLAIN {text}", *arguments)
        assert "customer_facts" in text
        assert not any("customer_facts" in row[0] for row in plan)
