"""Entitlements: given by deliveries, taken back by returns, announced before they end."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.type.date_pb2 import Date

from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1 import order_pb2, product_pb2
from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot.servicedesk.v1 import entitlement_pb2 as pb
from taproot.servicedesk.v1 import entitlement_service_pb2 as rpc
from taproot.servicedesk.v1 import ticket_pb2
from taproot.servicedesk.v1.entitlement_service_pb2_grpc import EntitlementsServiceStub
from taproot_base.ids import new_id
from taproot_base.wire import from_date
from taproot_servicedesk.entitlements.handlers import announce_ends, expire_ended, last_day
from taproot_testkit import Caller, branch_id

ZONE = "Asia/Shanghai"
ACTIVE, EXPIRED, REVOKED = (1, 2, 3)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rights(desk, admin) -> Caller:
    return desk.stub(EntitlementsServiceStub, admin)


async def of_customer(rights: Caller, customer: str) -> list[pb.Entitlement]:
    request = rpc.ListEntitlementsRequest(filter=f'customer_id = "{customer}"', order_by="product_code")
    return list((await rights.ListEntitlements(request)).entitlements)


def line(
    kind: Any, months: int, quantity: str, code: str = "PC-1", key: str = ""
) -> order_pb2.FulfilmentLine:
    return order_pb2.FulfilmentLine(
        line_id=key or str(new_id()),
        product_id=str(new_id()),
        display_name=f"product {code}",
        product_code=code,
        product_kind=kind,
        entitlement_months=months,
        quantity=quantity,
    )


def delivery(
    customer: str, *lines: order_pb2.FulfilmentLine, back: bool = False, order: str = ""
) -> OrderEvent:
    order = order or str(new_id())
    return OrderEvent(
        order=order_pb2.Order(id=order, customer_id=customer, branch_id=branch_id("/hq/e/sh/")),
        fulfilment=order_pb2.Fulfilment(
            id=str(new_id()),
            order_id=order,
            is_return=back,
            lines=lines,
            fulfil_date=Date(year=2026, month=11, day=23),
        ),
    )


async def announce(desk, change: OrderEvent, version: int = 1) -> Any:
    name = "order.returned" if change.fulfilment.is_return else "order.fulfilled"
    event = desk.event(name, change, change.order.id, version=version, source="sales")
    await desk.deliver(event)
    return event


class TestDeliveries:
    async def test_one_per_line_that_entitles(self, desk, rights):
        customer = str(new_id())
        change = delivery(
            customer,
            line(product_pb2.PRODUCT_KIND_LICENCE, 12, "3", "A"),
            line(product_pb2.PRODUCT_KIND_WARRANTY, 24, "1", "B"),
            line(product_pb2.PRODUCT_KIND_SERVICE, 0, "1", "C"),
            line(product_pb2.PRODUCT_KIND_GOODS, 0, "9", "D"),
            line(product_pb2.PRODUCT_KIND_GOODS, 6, "1", "E"),
        )
        await announce(desk, change)
        found = await of_customer(rights, customer)
        assert [(e.product_code, e.kind, e.quantity) for e in found] == [
            ("A", 1, "3"), ("B", 2, "1"), ("C", 3, "1"), ("E", 2, "1"),
        ]  # fmt: skip
        assert [from_date(e.end_date) for e in found if e.HasField("end_date")] == [
            date(2027, 11, 22), date(2028, 11, 22), date(2027, 5, 22),
        ]  # fmt: skip
        assert {e.branch_id for e in found} == {branch_id("/hq/e/sh/")}

    async def test_the_same_delivery_entitles_once(self, desk, rights, failure):
        customer = str(new_id())
        change = delivery(customer, line(product_pb2.PRODUCT_KIND_LICENCE, 12, "1"))
        event = await announce(desk, change)
        await desk.deliver(event)
        for version in (2, 3):  # announced anew under other event ids, as after a loss of the inbox
            await announce(desk, change, version)
        found = await of_customer(rights, customer)
        assert len(found) == 1
        double = pb.Entitlement(
            kind=1,
            customer_id=customer,
            order_line_id=found[0].order_line_id,
            fulfilment_id=found[0].fulfilment_id,
        )
        error = await failure(rights.CreateEntitlement(rpc.CreateEntitlementRequest(entitlement=double)))
        assert error.reason == "ENTITLEMENT_EXISTS"

    async def test_a_return_shortens_and_then_revokes(self, desk, rights, events_of):
        customer, key = str(new_id()), str(new_id())
        change = delivery(customer, line(product_pb2.PRODUCT_KIND_LICENCE, 12, "3", key=key))
        await announce(desk, change)
        order = change.order.id
        back = delivery(
            customer, line(product_pb2.PRODUCT_KIND_LICENCE, 12, "1", key=key), back=True, order=order
        )
        await announce(desk, back, 2)
        [left] = await of_customer(rights, customer)
        assert (left.quantity, left.state) == ("2", ACTIVE)
        rest = delivery(
            customer, line(product_pb2.PRODUCT_KIND_LICENCE, 12, "2", key=key), back=True, order=order
        )
        await announce(desk, rest, 3)
        [gone] = await of_customer(rights, customer)
        assert (gone.state, gone.revoke_reason) == (REVOKED, "goods returned")
        assert from_date(gone.end_date) == date(2026, 11, 23)
        types = [kind for kind, _ in await events_of(gone.id, EntitlementEvent)]
        assert types == ["entitlement.created", "entitlement.updated", "entitlement.revoked"]

    async def test_comes_over_the_bus(self, desk, rights):
        customer = str(new_id())
        change = delivery(customer, line(product_pb2.PRODUCT_KIND_LICENCE, 12, "1"))
        await desk.publish(desk.event("order.fulfilled", change, change.order.id, source="sales"))
        for _ in range(200):
            if found := await of_customer(rights, customer):
                break
            await asyncio.sleep(0.05)
        assert len(found) == 1


class TestEnds:
    async def test_the_end_is_announced_once_in_the_customers_zone(
        self, desk, clock, rights, events_of, known_customer
    ):
        honolulu = await known_customer(time_zone="Pacific/Honolulu")
        made = await rights.CreateEntitlement(
            rpc.CreateEntitlementRequest(
                entitlement=pb.Entitlement(
                    kind=1,
                    customer_id=honolulu,
                    start_date=Date(year=2026, month=1, day=1),
                    end_date=Date(year=2027, month=1, day=31),
                )
            )
        )

        async def types() -> list[str]:
            return [kind for kind, _ in await events_of(made.id, EntitlementEvent)]

        async def run(job: Any) -> None:
            with desk.system_call():
                await job(ZONE, desk.runtime.database)

        clock.set(datetime(2027, 1, 1, 9, tzinfo=UTC))  # there it is still 31 December, 31 days before
        await run(announce_ends)
        assert await types() == ["entitlement.created"]
        clock.advance(timedelta(hours=2))
        await asyncio.gather(*(run(announce_ends) for _ in range(4)))
        assert await types() == ["entitlement.created", "entitlement.expiring"]
        longer = pb.Entitlement(id=made.id, end_date=Date(year=2027, month=3, day=31))
        await rights.UpdateEntitlement(rpc.UpdateEntitlementRequest(entitlement=longer))
        await run(announce_ends)
        assert (await types())[-1] == "entitlement.updated"
        clock.set(datetime(2027, 3, 15, tzinfo=UTC))
        await run(announce_ends)
        assert (await types())[-1] == "entitlement.expiring"
        clock.set(datetime(2027, 4, 1, 9, tzinfo=UTC))
        await run(expire_ended)
        assert (await types())[-1] == "entitlement.expiring"
        clock.advance(timedelta(hours=2))
        await asyncio.gather(*(run(expire_ended) for _ in range(4)))
        assert (await types())[-1] == "entitlement.expired"
        assert (await types()).count("entitlement.expired") == 1


class TestCoverage:
    async def test_is_checked_when_a_ticket_opens(self, rights, opened, known_customer):
        customer = await known_customer()
        made = await rights.CreateEntitlement(
            rpc.CreateEntitlementRequest(
                entitlement=pb.Entitlement(
                    kind=pb.ENTITLEMENT_KIND_WARRANTY, customer_id=customer, product_code="PC-1"
                )
            )
        )
        covered = await opened(customer_id=customer, product_code="pc-1", kind=ticket_pb2.TICKET_KIND_REPAIR)
        assert (covered.coverage.covered, covered.coverage.entitlement_id) == (True, made.id)
        other = await opened(customer_id=customer, product_code="PC-2")
        assert (other.coverage.covered, other.coverage.reason) == (False, "OTHER_PRODUCT")
        await rights.RevokeEntitlement(rpc.RevokeEntitlementRequest(id=made.id, reason="fraud"))
        revoked = await opened(customer_id=customer, product_code="PC-1")
        assert revoked.coverage.reason == "REVOKED"
        assert (await opened()).coverage.reason == "NO_CUSTOMER"

    async def test_an_entitlement_of_a_merged_customer_counts(self, desk, rights, opened, known_customer):

        old, survivor = await known_customer(), await known_customer()
        entitlement = pb.Entitlement(kind=1, customer_id=old)
        await rights.CreateEntitlement(rpc.CreateEntitlementRequest(entitlement=entitlement))
        await known_customer(key=survivor, event="merged", merged_ids=[old])
        assert (await opened(customer_id=survivor)).coverage.covered
        await known_customer(key=survivor, event="unmerged")
        assert not (await opened(customer_id=survivor)).coverage.covered


class TestRules:
    async def test_what_is_wrong_is_listed(self, rights, failure):
        bad = pb.Entitlement(
            customer_id=str(new_id()),
            start_date=Date(year=2026, month=5, day=2),
            end_date=Date(year=2026, month=5, day=1),
            quantity="0",
        )
        error = await failure(rights.CreateEntitlement(rpc.CreateEntitlementRequest(entitlement=bad)))
        assert {v.field for v in error.violations} == {
            "entitlement.kind", "entitlement.end_date", "entitlement.quantity",
        }  # fmt: skip
        made = await rights.CreateEntitlement(
            rpc.CreateEntitlementRequest(entitlement=pb.Entitlement(kind=1, customer_id=str(new_id())))
        )
        emptied = rpc.UpdateEntitlementRequest(
            entitlement=pb.Entitlement(id=made.id), update_mask={"paths": ["quantity", "start_date"]}
        )
        error = await failure(rights.UpdateEntitlement(emptied))
        assert {v.field for v in error.violations} == {"entitlement.quantity", "entitlement.start_date"}
        nonsense = pb.Entitlement(
            kind=1, customer_id=str(new_id()), end_date=Date(year=2026, month=2, day=30)
        )
        error = await failure(rights.CreateEntitlement(rpc.CreateEntitlementRequest(entitlement=nonsense)))
        assert [v.field for v in error.violations] == ["entitlement.end_date"]

    @pytest.mark.parametrize(
        ("start", "months", "end"),
        [
            (date(2026, 1, 31), 1, date(2026, 2, 27)),
            (date(2027, 12, 31), 2, date(2028, 2, 28)),
            (date(2026, 3, 1), 12, date(2027, 2, 28)),
        ],
    )
    def test_last_day(self, start: date, months: int, end: date) -> None:
        assert last_day(start, months) == end
        assert last_day(start, 0) is None
