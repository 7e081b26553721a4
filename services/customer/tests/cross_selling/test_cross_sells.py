"""What else customers buy: from orders told, through the job, to the page; against figures worked out by hand."""

from __future__ import annotations

import itertools
import random
import uuid
from decimal import Decimal

import pytest
import pytest_asyncio
from sqlalchemy import select

from taproot.customer.v1 import duplicate_service_pb2 as duplicates
from taproot.customer.v1 import profile_service_pb2 as profile_rpc
from taproot.customer.v1 import suggestion_rule_pb2 as rules_pb
from taproot.customer.v1 import suggestion_rule_service_pb2 as rules_rpc
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.customer.v1.suggestion_rule_service_pb2_grpc import SuggestionRulesServiceStub
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.events.v1.product_event_pb2 import ProductEvent
from taproot.sales.v1 import order_pb2, product_pb2
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot_customer.cross_selling.model import cross_sells
from taproot_customer.cross_selling.refreshing import refresh_due
from taproot_customer.suggestions.kinds import CROSS_SELL, DEFAULTS

BUYERS, PRODUCTS, LEAST = 24, 7, 3
NAMES = ["打印机", "墨盒", "纸张", "扫描仪", "投影仪", "幕布", "碎纸机"]
_versions = itertools.count(1)


class Shop:
    """What was bought, and what follows from it by a second way of counting."""

    def __init__(self, service, admin) -> None:
        self.service, self.admin = service, admin
        self.products = [str(uuid.UUID(int=7_000 + number)) for number in range(PRODUCTS)]
        self.bought: dict[str, set[str]] = {}

    async def stock(self, key: str, **values) -> None:
        product = product_pb2.Product(id=key, display_name=NAMES[self.products.index(key)], **values)
        event = self.service.event(
            "product.updated", ProductEvent(product=product), key, version=next(_versions), source="sales"
        )
        await self.service.deliver(event, "products")

    async def order(
        self, customer_id: str, *products: str, state=order_pb2.ORDER_STATE_CONFIRMED, branch_path=None
    ) -> None:
        lines = [SalesLine(product_id=one, quantity="1") for one in products]
        made = order_pb2.Order(id=str(uuid.uuid4()), state=state, currency_code="CNY", lines=lines)
        event = self.service.event(
            "order.confirmed", OrderEvent(order=made), made.id, version=next(_versions), source="sales",
            party_id=customer_id, branch_path=branch_path,
        )  # fmt: skip
        await self.service.deliver(event, "purchases")
        if state == order_pb2.ORDER_STATE_CONFIRMED:
            self.bought.setdefault(customer_id, set()).update(products)

    async def rule(self, **values) -> None:
        rule = {
            "kind": rules_pb.SUGGESTION_KIND_CROSS_SELL, "enabled": True, "priority": 8, "days": 400,
            "least_percent": 1, "least_customers": LEAST, **values,
        }  # fmt: skip
        wanted = rules_pb.SuggestionRules(rules=[rules_pb.SuggestionRule(**rule)])
        stub = self.service.stub(SuggestionRulesServiceStub, self.admin)
        await stub.UpdateSuggestionRules(rules_rpc.UpdateSuggestionRulesRequest(suggestion_rules=wanted))

    async def refresh(self) -> int:
        with self.service.system_call():
            return await refresh_due(self.service.runtime.database)

    async def page(self, customer_id: str, by=None):
        stub = self.service.stub(ProfilesServiceStub, by or self.admin)
        return await stub.GetCustomerProfile(profile_rpc.GetCustomerProfileRequest(id=customer_id))

    async def stored(self) -> dict[tuple[str, str], tuple[int, Decimal]]:
        async with self.service.runtime.database.reading() as reader:
            rows = await reader.fetch(select(cross_sells))
        return {
            (str(row["owned_id"]), str(row["offered_id"])): (row["customer_count"], row["confidence"])
            for row in rows
        }

    def by_hand(self) -> dict[tuple[str, str], tuple[int, float]]:
        """(owned, offered) -> customers and confidence, of pairs that are bought together more often than by chance."""
        found = {}
        for owned, offered in itertools.permutations(self.products, 2):
            first = [one for one in self.bought.values() if owned in one]
            second = [one for one in self.bought.values() if offered in one]
            both = [one for one in first if offered in one]
            if len(both) >= LEAST and len(both) * len(self.bought) > len(first) * len(second):
                found[owned, offered] = (len(both), len(both) / len(first))
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(service, admin) -> Shop:
    return Shop(service, admin)


@pytest.fixture
async def open_shop(shop, make_customer, service, admin) -> Shop:
    """Filled once: seeded baskets, one customer made of two, orders that do not count."""
    if shop.bought:
        return shop
    chance = random.Random(20260501)
    for key in shop.products:
        await shop.stock(key)
    for number in range(BUYERS):
        customer = await make_customer(f"买家{number}")
        first = chance.randrange(PRODUCTS - 1)
        # Neighbours in the list go together; a second order brings something at random.
        await shop.order(customer.id, *shop.products[first : first + 2])
        await shop.order(customer.id, chance.choice(shop.products))
        await shop.order(customer.id, *shop.products, state=order_pb2.ORDER_STATE_DRAFT)
    left, right = list(shop.bought)[:2]
    request = duplicates.MergeCustomersRequest(id=left, source_ids=[right])
    await service.stub(DuplicatesServiceStub, admin).MergeCustomers(request)
    shop.bought[left] |= shop.bought.pop(right)
    await shop.rule()
    await shop.refresh()
    return shop


async def test_the_job_counts_what_a_second_calculation_counts(open_shop):
    wanted = open_shop.by_hand()
    found = await open_shop.stored()
    assert found.keys() == wanted.keys()
    assert len(found) > 4
    for key, (count, confidence) in found.items():
        assert (count, float(confidence)) == (wanted[key][0], pytest.approx(wanted[key][1], abs=1e-6))


async def test_pages_offer_what_speaks_most_for_itself_and_is_not_owned(open_shop):
    wanted = open_shop.by_hand()
    offered = 0
    for customer_id, owned in open_shop.bought.items():
        best: dict[str, float] = {}
        for (one, other), (_, confidence) in wanted.items():
            if one in owned and other not in owned:
                best[other] = max(confidence, best.get(other, 0))
        page = await open_shop.page(customer_id)
        shown = {one.product_id: float(one.confidence) for one in page.cross_sells}
        assert shown == pytest.approx(best, abs=1e-6)
        assert list(shown.values()) == sorted(shown.values(), reverse=True)
        told = [one.resource_id for one in page.suggestions if one.action == "offer_product"]
        assert told == list(shown)[:3]
        offered += len(shown)
    assert offered > 5


async def test_the_reason_says_what_it_rests_on(open_shop):
    pages = [await open_shop.page(key) for key in open_shop.bought]
    page = next(one for one in pages if one.cross_sells)
    first = page.cross_sells[0]
    told = next(one for one in page.suggestions if one.action == "offer_product")
    share, support = (f"{Decimal(value) * 100:.1f}" for value in (first.confidence, first.support))
    figures = f"{first.customer_count} customers; support {support}%, lift {Decimal(first.lift):.1f}"
    assert told.reason_en == (
        f"{share}% of those who bought “{first.owned_display_name}” also bought “{first.display_name}” ({figures})"
    )
    assert f"“{first.display_name}”" in told.reason_zh
    assert f"支持度 {support}%" in told.reason_zh


async def test_who_may_not_read_orders_is_offered_nothing(open_shop):
    clerk = await open_shop.service.add_user({"customers.read": "all"})
    for customer_id in open_shop.bought:
        page = await open_shop.page(customer_id, clerk)
        assert not page.cross_sells
        assert "offer_product" not in {one.action for one in page.suggestions}


async def test_a_rule_holds_at_the_next_reading(open_shop):
    pages = {key: await open_shop.page(key) for key in open_shop.bought}
    customer_id = next(key for key, page in pages.items() if page.cross_sells)
    most = max(one.customer_count for one in pages[customer_id].cross_sells)
    for values in ({"least_customers": most + 1}, {"least_percent": 100}, {"enabled": False}):
        await open_shop.rule(**values)
        page = await open_shop.page(customer_id)
        assert "offer_product" not in {one.action for one in page.suggestions}
    await open_shop.rule()


async def test_is_counted_again_only_when_due(open_shop):
    await open_shop.rule()
    assert await open_shop.refresh() > 0
    assert await open_shop.refresh() == 0


async def test_what_is_no_longer_sold_is_not_offered(open_shop):
    pages = [await open_shop.page(key) for key in open_shop.bought]
    page = next(one for one in pages if one.cross_sells)
    gone = page.cross_sells[0].product_id
    await open_shop.stock(gone, discontinued=True)
    again = await open_shop.page(page.customer.id)
    assert gone not in {one.product_id for one in again.cross_sells}
    await open_shop.stock(gone)


def test_the_rule_begins_with_a_least_support():
    assert DEFAULTS[CROSS_SELL].least_customers == 10
