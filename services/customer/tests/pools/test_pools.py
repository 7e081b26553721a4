"""Pools: who may claim what, once, how many, and what goes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import activity_pb2, activity_service_pb2, pool_pb2
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import pool_rule_service_pb2 as rules_rpc
from taproot.customer.v1 import pool_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.pool_rule_service_pb2_grpc import PoolRulesServiceStub
from taproot.customer.v1.pool_service_pb2_grpc import PoolsServiceStub
from taproot_base.errors import AppError, Kind
from taproot_base.ids import new_id
from taproot_customer.pools.handlers import recall_due, warn_due
from taproot_testkit import Harness, branch_id

Failure = Callable[[Awaitable[Any]], Awaitable[AppError]]
SELLER = {"customers.*": "own", "activities.*": "own"}


class World:
    """A pool of one branch, sellers in it, and customers nobody owns."""

    def __init__(self, service: Harness, admin: Any, make_customer: Any) -> None:
        self.service = service
        self.admin = admin
        self.make_customer = make_customer
        self.rules = service.stub(PoolRulesServiceStub, admin)

    async def open_pool(self, branch: str = "/hq/e/sh/", **values: Any) -> pool_pb2.PoolRule:
        found = await self.rules.ListPoolRules(rules_rpc.ListPoolRulesRequest())
        for rule in found.pool_rules:
            await self.rules.DeletePoolRule(rules_rpc.DeletePoolRuleRequest(id=rule.id))
        rule = pool_pb2.PoolRule(display_name="公海", branch_id=branch_id(branch), **values)
        made: pool_pb2.PoolRule = await self.rules.CreatePoolRule(
            rules_rpc.CreatePoolRuleRequest(pool_rule=rule)
        )
        return made

    async def seller(self, branch: str = "/hq/e/sh/") -> Any:
        return await self.service.add_user(SELLER, branch)

    def pools(self, caller: Any) -> Any:
        return self.service.stub(PoolsServiceStub, caller)

    async def owned(self, by: Any) -> pb.Customer:
        """A customer of the seller's branch."""
        made: pb.Customer = await self.make_customer("客户", by=by)
        return made

    async def unowned(self, branch: str = "/hq/e/sh/") -> str:
        seller = await self.seller(branch)
        customer = await self.owned(seller)
        await self.pools(seller).ReleaseCustomer(rpc.ReleaseCustomerRequest(id=customer.id, reason="离职"))
        return customer.id

    async def claim(self, caller: Any, key: str) -> pb.Customer:
        claimed: pb.Customer = await self.pools(caller).ClaimCustomer(rpc.ClaimCustomerRequest(id=key))
        return claimed

    async def age(self, key: str, days: int) -> None:
        """As if the claim had been made days before."""
        async with self.service.runtime.database.unit() as work:
            await work.connection.execute(
                "UPDATE claims SET claim_time = claim_time - $2 * interval '1 day', "
                "touch_time = touch_time - $2 * interval '1 day' WHERE customer_id = $1",
                key,
                days,
            )

    async def recall(self) -> int:
        with self.service.system_call():
            return await recall_due(self.service.runtime.database)

    async def warn(self) -> int:
        with self.service.system_call():
            return await warn_due(self.service.runtime.database)

    async def get(self, key: str) -> pb.Customer:
        stub = self.service.stub(CustomersServiceStub, self.admin)
        found: pb.Customer = await stub.GetCustomer(customers_rpc.GetCustomerRequest(id=key))
        return found

    async def history(self, key: str) -> list[tuple[str, str, str]]:
        request = rpc.ListOwnershipChangesRequest(filter=f'customer_id = "{key}"', order_by="create_time")
        found = await self.pools(self.admin).ListOwnershipChanges(request)
        return [
            (pool_pb2.OwnershipKind.Name(c.kind)[15:], c.from_owner_id, c.to_owner_id)
            for c in found.ownership_changes
        ]


@pytest.fixture
def world(service: Harness, admin: Any, make_customer: Any) -> World:
    return World(service, admin, make_customer)


class TestPoolRules:
    async def test_needs_the_permissions(self, service: Harness, failure: Failure) -> None:
        key = str(new_id())
        rule = pool_pb2.PoolRule(id=key, display_name="x")
        for caller, kind in ((None, Kind.UNAUTHENTICATED), (await service.add_user(SELLER), Kind.DENIED)):
            rules, pools = service.stub(PoolRulesServiceStub, caller), service.stub(PoolsServiceStub, caller)
            for call in (
                rules.GetPoolRule(rules_rpc.GetPoolRuleRequest(id=key)),
                rules.ListPoolRules(rules_rpc.ListPoolRulesRequest()),
                rules.CreatePoolRule(rules_rpc.CreatePoolRuleRequest(pool_rule=rule)),
                rules.UpdatePoolRule(rules_rpc.UpdatePoolRuleRequest(pool_rule=rule)),
                rules.DeletePoolRule(rules_rpc.DeletePoolRuleRequest(id=key)),
            ):
                assert (await failure(call)).kind is kind
        reader = service.stub(PoolsServiceStub, await service.add_user({"customers.read": "all"}))
        for pools, kind in (
            (service.stub(PoolsServiceStub, None), Kind.UNAUTHENTICATED),
            (reader, Kind.DENIED),
        ):
            for call in (
                pools.ListPoolCustomers(rpc.ListPoolCustomersRequest()),
                pools.ClaimCustomer(rpc.ClaimCustomerRequest(id=key)),
                pools.ReleaseCustomer(rpc.ReleaseCustomerRequest(id=key)),
            ):
                assert (await failure(call)).kind is kind

    async def test_a_branch_has_one_pool(self, world: World, failure: Failure) -> None:
        rule = await world.open_pool(claim_quota=3)
        again = pool_pb2.PoolRule(display_name="又一个", branch_id=rule.branch_id)
        error = await failure(world.rules.CreatePoolRule(rules_rpc.CreatePoolRuleRequest(pool_rule=again)))
        assert error.reason == "POOL_EXISTS"
        change = pool_pb2.PoolRule(id=rule.id, etag=rule.etag, claim_quota=5)
        changed = await world.rules.UpdatePoolRule(rules_rpc.UpdatePoolRuleRequest(pool_rule=change))
        assert (changed.claim_quota, changed.display_name) == (5, "公海")

    async def test_rules_are_scoped_by_branch(self, service: Harness, world: World) -> None:
        await world.open_pool("/hq/w/")
        east = service.stub(PoolRulesServiceStub, await service.add_user({"*": "branch_and_below"}, "/hq/e/"))
        assert not (await east.ListPoolRules(rules_rpc.ListPoolRulesRequest())).pool_rules


class TestClaim:
    async def test_of_many_at_once_one_gets_it(self, world: World) -> None:
        await world.open_pool()
        key = await world.unowned()
        sellers = [await world.seller() for _ in range(12)]
        results = await asyncio.gather(*(world.claim(one, key) for one in sellers), return_exceptions=True)
        won = [one for one, result in zip(sellers, results, strict=True) if isinstance(result, pb.Customer)]
        assert len(won) == 1
        lost = [result for result in results if not isinstance(result, pb.Customer)]
        assert {getattr(result, "reason", result) for result in lost} == {"CUSTOMER_TAKEN"}
        assert (await world.get(key)).owner_id == won[0].subject
        assert [kind for kind, *_ in await world.history(key)] == ["RELEASED", "CLAIMED"]

    async def test_haste_does_not_exceed_the_quota(self, world: World) -> None:
        await world.open_pool(claim_quota=3)
        keys = [await world.unowned() for _ in range(8)]
        seller = await world.seller()
        results = await asyncio.gather(*(world.claim(seller, key) for key in keys), return_exceptions=True)
        assert sum(isinstance(result, pb.Customer) for result in results) == 3
        reasons = {getattr(r, "reason", r) for r in results if not isinstance(r, pb.Customer)}
        assert reasons == {"CLAIM_QUOTA_REACHED"}
        held = next(r for r in results if isinstance(r, pb.Customer))
        await world.pools(seller).ReleaseCustomer(rpc.ReleaseCustomerRequest(id=held.id))
        free = next(k for k, r in zip(keys, results, strict=True) if not isinstance(r, pb.Customer))
        assert (await world.claim(seller, free)).owner_id == seller.subject

    async def test_who_gave_it_back_waits(self, world: World, failure: Failure) -> None:
        await world.open_pool(cool_down_days=7)
        seller, other = await world.seller(), await world.seller()
        key = (await world.owned(seller)).id
        await world.pools(seller).ReleaseCustomer(rpc.ReleaseCustomerRequest(id=key))
        error = await failure(world.claim(seller, key))
        assert (error.reason, error.kind) == ("COOLING_DOWN", Kind.STATE)
        assert "until" in error.metadata
        assert (await world.claim(other, key)).owner_id == other.subject

    async def test_a_pool_is_its_branches(self, world: World, failure: Failure) -> None:
        await world.open_pool("/hq/e/")
        key = await world.unowned("/hq/e/sh/")
        stranger, colleague = await world.seller("/hq/w/"), await world.seller("/hq/e/sh/")

        async def listed(caller: Any) -> set[str]:
            request = rpc.ListPoolCustomersRequest(page_size=1000)
            return {c.id for c in (await world.pools(caller).ListPoolCustomers(request)).customers}

        assert key in await listed(colleague)
        assert key not in await listed(stranger)
        assert (await failure(world.claim(stranger, key))).kind is Kind.NOT_FOUND
        await world.claim(colleague, key)
        assert key not in await listed(colleague)
        west = await world.owned(stranger)
        release = world.pools(stranger).ReleaseCustomer(rpc.ReleaseCustomerRequest(id=west.id))
        assert (await failure(release)).reason == "NO_POOL"

    async def test_only_the_owner_gives_back(self, service: Harness, world: World, failure: Failure) -> None:
        await world.open_pool()
        customer = await world.owned(await world.seller())
        head = await service.add_user({"customers.*": "branch"}, "/hq/e/sh/")
        release = world.pools(head).ReleaseCustomer(rpc.ReleaseCustomerRequest(id=customer.id))
        assert (await failure(release)).reason == "NOT_OWNER"


class TestRecall:
    async def test_untouched_customers_go_back_after_a_warning(self, service: Harness, world: World) -> None:
        await world.open_pool(no_touch_days=30, warn_days=3)
        seller = await world.seller()
        key = await world.unowned()
        await world.claim(seller, key)
        assert (await world.warn(), await world.recall()) == (0, 0)
        await world.age(key, 28)
        assert (await world.warn(), await world.warn(), await world.recall()) == (1, 0, 0)
        await world.age(key, 3)
        assert (await world.recall(), await world.recall()) == (1, 0)
        assert (await world.get(key)).owner_id == ""
        assert (await world.history(key))[-1] == ("RECALLED", seller.subject, "")
        events = [e for e in await service.events(1, of="customer.*") if str(e.aggregate_id) == key]
        told = {e.type: e.decode(CustomerEvent) for e in events}
        assert told["customer.recall_warned"].HasField("recall_time")
        assert told["customer.assigned"].ownership_kind == pool_pb2.OWNERSHIP_KIND_RECALLED
        assert told["customer.assigned"].previous_owner_id == seller.subject

    async def test_a_touch_keeps_it(self, service: Harness, world: World) -> None:
        await world.open_pool(no_touch_days=30)
        seller = await world.seller()
        key = await world.unowned()
        await world.claim(seller, key)
        await world.age(key, 31)
        stub = service.stub(ActivitiesServiceStub, seller)
        for kind in (activity_pb2.ACTIVITY_KIND_NOTE, activity_pb2.ACTIVITY_KIND_CALL):
            activity = activity_pb2.Activity(customer_id=key, kind=kind, display_name="联系")
            request = activity_service_pb2.CreateActivityRequest(activity=activity)
            await stub.CreateActivity(request)
        deadline = time.monotonic() + 10
        while not await self._touched(world, key):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert await world.recall() == 0

    async def _touched(self, world: World, key: str) -> bool:
        async with world.service.runtime.database.unit() as work:
            found = await work.connection.fetchval(
                "SELECT touch_time > claim_time + interval '30 days' FROM claims WHERE customer_id = $1", key
            )
            return bool(found)

    async def test_what_is_not_won_in_time_goes_back_and_what_is_won_stays(
        self, service: Harness, admin: Any, world: World
    ) -> None:
        await world.open_pool(not_won_days=90)
        seller = await world.seller()
        won, open_ = [await world.unowned() for _ in range(2)]
        for key in (won, open_):
            await world.claim(seller, key)
            await world.age(key, 91)
        change = pb.Customer(id=won, status=pb.CUSTOMER_STATUS_WON)
        customers = service.stub(CustomersServiceStub, admin)
        await customers.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=change))
        assert await world.recall() == 1
        assert (await world.get(won)).owner_id == seller.subject
        assert (await world.get(open_)).owner_id == ""

    async def test_what_was_assigned_and_what_a_paused_rule_holds_stays(
        self, service: Harness, admin: Any, world: World
    ) -> None:
        rule = await world.open_pool(no_touch_days=30, recalls_paused=True)
        seller, other = await world.seller(), await world.seller()
        kept, given_on = [await world.unowned() for _ in range(2)]
        for key in (kept, given_on):
            await world.claim(seller, key)
            await world.age(key, 31)
        assert await world.recall() == 0
        customers = service.stub(CustomersServiceStub, admin)
        await customers.AssignCustomer(
            customers_rpc.AssignCustomerRequest(id=given_on, owner_id=other.subject)
        )
        change = pool_pb2.PoolRule(id=rule.id, recalls_paused=False)
        request = rules_rpc.UpdatePoolRuleRequest(pool_rule=change)
        request.update_mask.paths.append("recalls_paused")
        await world.rules.UpdatePoolRule(request)
        assert await world.recall() == 1
        assert (await world.get(given_on)).owner_id == other.subject


class TestOwnershipChanges:
    async def test_is_whole_and_scoped_by_customer(
        self, service: Harness, admin: Any, world: World, failure: Failure
    ) -> None:
        await world.open_pool()
        first, second = await world.seller(), await world.seller()
        customer = await world.owned(first)
        customers = service.stub(CustomersServiceStub, admin)
        for owner in (second, second, first):
            await customers.AssignCustomer(
                customers_rpc.AssignCustomerRequest(id=customer.id, owner_id=owner.subject)
            )
        await world.pools(first).ReleaseCustomer(rpc.ReleaseCustomerRequest(id=customer.id, reason="不合适"))
        assert await world.history(customer.id) == [
            ("ASSIGNED", first.subject, second.subject),
            ("ASSIGNED", second.subject, first.subject),
            ("RELEASED", first.subject, ""),
        ]
        request = rpc.ListOwnershipChangesRequest(filter=f'customer_id = "{customer.id}"')
        assert not (await world.pools(second).ListOwnershipChanges(request)).ownership_changes
        nobody = world.pools(None)
        assert (await failure(nobody.ListOwnershipChanges(request))).kind is Kind.UNAUTHENTICATED
