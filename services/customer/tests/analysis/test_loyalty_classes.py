"""Loyalty classes: rules of the enterprise, a job that applies them, one event per change, the history."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from analysis_kit import DAY, date, line, order_of

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_service_pb2, insight_pb2
from taproot.customer.v1 import loyalty_class_pb2 as pb
from taproot.customer.v1 import loyalty_class_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.loyalty_class_service_pb2_grpc import LoyaltyClassesServiceStub
from taproot_base.errors import Kind
from taproot_customer.computing import WorkerPool
from taproot_customer.loyalty.handlers import LoyaltyClasser
from taproot_customer.loyalty.rules import DEFAULT_CLASSES

# Independent of how many customers other tests have made: by money alone, and in a currency of their own.
CUTS = insight_pb2.RfmCuts(
    recency_days=[30, 90, 180, 365], frequency=[2, 3, 5, 8], monetary=["10", "100", "500", "1000"]
)


@pytest.fixture
def rules(service, admin):
    return service.stub(LoyaltyClassesServiceStub, admin)


@pytest.fixture(scope="module")
def pool():
    made = WorkerPool(1)
    yield made
    made.close()


@pytest.fixture
def run(service, pool):
    async def job():
        with service.system_call():
            return await LoyaltyClasser(service.runtime.database, pool)(service.runtime.database)

    return job


@pytest.fixture
def bought(service, tell):
    async def orders(customer_id, count, net, currency):
        today = service.runtime.clock.now().date()
        for number in range(count):
            day = today - dt.timedelta(days=number)
            await tell(customer_id, order_of(line(net, currency=currency), day=day, currency=currency))

    return orders


async def update(stub, **values):
    request = rpc.UpdateLoyaltyClassRulesRequest(loyalty_class_rules=pb.LoyaltyClassRules(**values))
    request.update_mask.paths.extend(name for name in values if name != "etag")
    return await stub.UpdateLoyaltyClassRules(request)


class TestRules:
    async def test_need_a_caller_with_the_rights(self, service, failure):
        nobody = service.stub(LoyaltyClassesServiceStub, None)
        assert (
            await failure(nobody.GetLoyaltyClassRules(rpc.GetLoyaltyClassRulesRequest()))
        ).kind is Kind.UNAUTHENTICATED
        reader = service.stub(
            LoyaltyClassesServiceStub, await service.add_user({"loyalty_class_rules.read": "all"})
        )
        assert len((await reader.GetLoyaltyClassRules(rpc.GetLoyaltyClassRulesRequest())).classes) == 7
        assert (await failure(update(reader, active=True))).kind is Kind.DENIED
        assert (
            await failure(reader.RefreshLoyaltyClasses(rpc.RefreshLoyaltyClassesRequest()))
        ).kind is Kind.DENIED

    async def test_what_makes_no_sense_is_refused_whole(self, rules, failure):
        upside_down = pb.LoyaltyClass(code="x", least_value=4, most_value=2, least_loyalty=1, most_loyalty=5)
        wrong = await failure(update(rules, classes=[upside_down, upside_down]))
        assert [violation.field for violation in wrong.violations] == [
            "loyalty_class_rules.classes[0].most_value", "loyalty_class_rules.classes[1].code",
            "loyalty_class_rules.classes[1].most_value",
        ]  # fmt: skip
        falling = insight_pb2.RfmCuts(frequency=[4, 3, 2, 1])
        assert (await failure(update(rules, cuts=falling))).kind is Kind.INVALID
        assert (await failure(update(rules, classes=[]))).kind is Kind.INVALID

    async def test_of_another_version_are_refused(self, rules, failure):
        found = await rules.GetLoyaltyClassRules(rpc.GetLoyaltyClassRulesRequest())
        await update(rules, window_days=0, etag=found.etag)
        assert (await failure(update(rules, window_days=5, etag=found.etag))).kind is Kind.CONFLICT

    async def test_not_active_do_nothing(self, rules, run, failure):
        await update(rules, active=False)
        assert (
            await failure(rules.RefreshLoyaltyClasses(rpc.RefreshLoyaltyClassesRequest()))
        ).kind is Kind.STATE
        assert await run() == 0


class TestClassing:
    async def test_customers_come_into_their_class_once(
        self, service, admin, rules, run, make_customer, bought, failure
    ):
        premier, lapsed, none = [await make_customer(name) for name in ("尊享", "流失", "无")]
        await bought(premier.id, 8, "200", "SEK")
        await bought(lapsed.id, 1, "5", "SEK")
        await update(rules, active=True, cuts=CUTS, currency_code="SEK")
        changed = await run()
        assert changed >= 2
        customers = service.stub(CustomersServiceStub, admin)

        async def class_of(customer):
            return await customers.GetCustomer(customer_service_pb2.GetCustomerRequest(id=customer.id))

        assert [(await class_of(one)).loyalty_class for one in (premier, lapsed, none)] == [
            "premier",
            "occasional",
            "",
        ]
        again = await rules.RefreshLoyaltyClasses(rpc.RefreshLoyaltyClassesRequest())
        assert again.HasField("next_refresh_time")
        assert await run() == 0
        told = await service.events(2, of="customer.classified")
        mine = [one for one in told if str(one.aggregate_id) == premier.id]
        assert [one.decode(CustomerEvent).customer.loyalty_class for one in mine] == ["premier"]
        listed = await customers.ListCustomers(
            customer_service_pb2.ListCustomersRequest(
                filter=f'loyalty_class = "premier" AND id = "{premier.id}"'
            )
        )
        assert [one.id for one in listed.customers] == [premier.id]

    async def test_the_history_is_kept(self, service, rules, run, make_customer, bought, failure):
        customer = await make_customer()
        await update(rules, active=True, cuts=CUTS, currency_code="NOK")
        await bought(customer.id, 1, "50", "NOK")
        await run()
        await bought(customer.id, 9, "200", "NOK")
        await rules.RefreshLoyaltyClasses(rpc.RefreshLoyaltyClassesRequest())
        await run()
        request = rpc.ListLoyaltyClassChangesRequest(customer_id=customer.id)
        changes = (await rules.ListLoyaltyClassChanges(request)).loyalty_class_changes
        assert [(one.previous_class, one.loyalty_class) for one in changes] == [
            ("developing", "premier"), ("", "developing"),
        ]  # fmt: skip
        stranger = service.stub(
            LoyaltyClassesServiceStub, await service.add_user({"customers.read": "own"}, "/hq/w/")
        )
        assert (await failure(stranger.ListLoyaltyClassChanges(request))).kind is Kind.NOT_FOUND

    async def test_it_is_done_once_a_day(self, service, rules, run, make_customer, bought):
        customer = await make_customer()
        await update(rules, active=True, cuts=CUTS, currency_code="DKK")
        await run()
        await bought(customer.id, 9, "200", "DKK")
        assert await run() == 0
        found = await rules.GetLoyaltyClassRules(rpc.GetLoyaltyClassRulesRequest())
        assert found.next_refresh_time.seconds - found.refresh_time.seconds == 24 * 3600

    async def test_own_classes_of_the_enterprise(self, service, admin, rules, run, make_customer, bought):
        customer = await make_customer()
        await bought(customer.id, 1, "5", "CHF")
        whole = pb.LoyaltyClass(
            code="everybody", least_value=1, most_value=5, least_loyalty=1, most_loyalty=5
        )
        found = await update(rules, active=True, classes=[whole], currency_code="CHF")
        assert [one.code for one in found.classes] == ["everybody"]
        await run()
        customers = service.stub(CustomersServiceStub, admin)
        read = await customers.GetCustomer(customer_service_pb2.GetCustomerRequest(id=customer.id))
        assert read.loyalty_class == "everybody"
        assert (date(DAY).year, uuid.UUID(customer.id).version) == (2026, 7)
        defaults = [pb.LoyaltyClass(**one) for one in DEFAULT_CLASSES]
        await update(rules, active=False, classes=defaults, currency_code="")
