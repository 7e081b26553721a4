"""Purchases follow orders: once each, the newest state, whatever the order of arrival, and merges."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from decimal import Decimal

import pytest
from analysis_kit import DAY, line, money, order_of
from sqlalchemy import select

from taproot.customer.v1 import duplicate_service_pb2 as duplicates
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.sales.v1 import order_pb2
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot_base.ids import new_id
from taproot_chassis.rebuild import _empty
from taproot_customer.purchases.model import purchases
from taproot_customer.purchases.queries import Sight, Span, figures
from taproot_customer.purchases.reading import purchase_of
from taproot_storage.visibility import unscoped

NOW = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
STATES = order_pb2.OrderState.keys()
COUNTED = {"CONFIRMED", "PARTIALLY_FULFILLED", "FULFILLED", "PARTIALLY_RETURNED"}


@pytest.fixture
def stored(service):
    async def read(customer_id):
        with service.system_call():
            async with service.runtime.database.reading() as reader:
                condition = unscoped(purchases, "the test")
                of = purchases.c.customer_id == uuid.UUID(customer_id)
                return await reader.fetch(
                    select(purchases).where(of, condition).order_by(purchases.c.order_id)
                )

    return read


@pytest.fixture
def bought(service):
    """Figures of one customer: first day, last day, orders, net, repeat days and their net."""

    async def read(customer_id, currency="CNY"):
        with service.system_call():
            async with service.runtime.database.reading() as reader:
                statement = figures([uuid.UUID(customer_id)], Span(currency, DAY), Sight("the test"))
                row = await reader.fetch_row(statement)
        return tuple(row)[1:] if row is not None else None

    return read


class TestReading:
    @pytest.mark.parametrize("name", STATES[1:])
    def test_what_is_not_confirmed_or_called_off_is_no_purchase(self, name):
        order = order_of(line(5), state=order_pb2.OrderState.Value(name))
        assert purchase_of(order, NOW)["counted"] is (name.removeprefix("ORDER_STATE_") in COUNTED)

    def test_what_came_back_was_not_bought(self):
        kept, gone = str(new_id()), str(new_id())
        lines = [line("30.10", kept, "3", "1"), line("7", gone, "2", "2"), line("0.05")]
        row = purchase_of(order_of(*lines, state=order_pb2.ORDER_STATE_PARTIALLY_RETURNED), NOW)
        assert row["net"] == Decimal("20.116667")
        assert row["product_ids"] == [uuid.UUID(kept)]
        whole = order_of(line(7, gone, "2", "2"), state=order_pb2.ORDER_STATE_PARTIALLY_RETURNED)
        assert purchase_of(whole, NOW)["counted"] is False

    def test_lines_without_exact_net_and_orders_without_a_day(self):
        plain = order_pb2.Order(
            state=order_pb2.ORDER_STATE_FULFILLED, lines=[SalesLine(quantity="1", net=money("9.99"))]
        )
        row = purchase_of(plain, NOW)
        assert (row["net"], row["day"]) == (Decimal("9.990000"), NOW.date())


class TestProjection:
    async def test_an_order_counts_once_and_as_it_is_now(self, make_customer, tell, bought):
        customer = await make_customer()
        order = order_of(line("100", quantity="2"))
        event = await tell(customer.id, order)
        assert await bought(customer.id) == (DAY, DAY, 1, Decimal(100), 0, Decimal(0))
        order.state, order.lines[0].returned_quantity = order_pb2.ORDER_STATE_PARTIALLY_RETURNED, "1"
        await tell(customer.id, order, "returned")
        assert (await bought(customer.id))[3] == 50
        assert event.aggregate_id == uuid.UUID(order.id)
        order.state = order_pb2.ORDER_STATE_CANCELLED
        await tell(customer.id, order, "cancelled")
        assert await bought(customer.id) is None

    async def test_the_newest_wins_in_any_order_and_repeats_change_nothing(
        self, service, make_customer, tell, stored
    ):
        for told in itertools.permutations(((1, "CONFIRMED"), (2, "FULFILLED"), (3, "RETURNED"))):
            customer, order = await make_customer(), order_of(line(5))
            for version, state in told:
                order.state = order_pb2.OrderState.Value(f"ORDER_STATE_{state}")
                event = await tell(customer.id, order, version=version)
                await service.deliver(event, "purchases")
            ((row),) = await stored(customer.id)
            assert (row["version"], row["counted"]) == (3, False)

    async def test_a_rebuild_gives_the_same_rows(self, service, make_customer, tell, stored):
        customer = await make_customer()
        orders = [order_of(line(n), day=DAY - dt.timedelta(days=n)) for n in range(1, 6)]
        events = [await tell(customer.id, order, version=n) for order in orders for n in (1, 2)]
        before = await stored(customer.id)
        mine = [one.subscription for one in service.process.consumers if one.subscription.name == "purchases"]
        with service.system_call():
            await _empty(mine, service.runtime.database)
        assert await stored(customer.id) == []
        for event in reversed(events):
            await service.deliver(event, "purchases")
        assert await stored(customer.id) == before
        assert len(before) == 5

    async def test_currencies_are_kept_apart(self, make_customer, tell, bought):
        customer = await make_customer()
        await tell(customer.id, order_of(line(10)))
        await tell(customer.id, order_of(line(99, currency="EUR"), currency="EUR"))
        assert (await bought(customer.id))[3] == 10
        assert (await bought(customer.id, "EUR"))[3] == 99

    async def test_days_repeated_are_told_from_orders(self, make_customer, buy, bought):
        customer = await make_customer()
        for days_ago, net in ((9, "1"), (9, "2"), (4, "10.5"), (4, "0.25"), (0, "20")):
            await buy(customer.id, net, days_ago=days_ago)
        first, last = DAY - dt.timedelta(days=9), DAY
        assert await bought(customer.id) == (first, last, 5, Decimal("33.75"), 2, Decimal("30.75"))

    async def test_it_is_fed_by_the_bus(self, service, make_customer, stored):
        from taproot.sales.events.v1.order_event_pb2 import OrderEvent

        customer, order = await make_customer(), order_of(line(12))
        event = service.event(
            "order.confirmed", OrderEvent(order=order), order.id, source="sales", party_id=customer.id
        )
        await service.publish(event)
        await service.publish(event)
        import asyncio

        for _ in range(400):
            if rows := await stored(customer.id):
                break
            await asyncio.sleep(0.02)
        assert [row["net"] for row in rows] == [12]


class TestMerges:
    async def test_a_survivor_has_bought_what_its_members_bought_until_they_part(
        self, service, admin, make_customer, buy, bought
    ):
        one, other = await make_customer("甲"), await make_customer("乙")
        await buy(one.id, "10", days_ago=8)
        await buy(other.id, "5", days_ago=20)
        stub = service.stub(DuplicatesServiceStub, admin)
        await stub.MergeCustomers(duplicates.MergeCustomersRequest(id=one.id, source_ids=[other.id]))
        assert (await bought(one.id))[2:4] == (2, 15)
        await buy(one.id, "1")
        await stub.UnmergeCustomer(duplicates.UnmergeCustomerRequest(id=one.id, source_id=other.id))
        assert (await bought(one.id))[2:4] == (2, 11)
        assert (await bought(other.id))[2:4] == (1, 5)
