"""Customers opened to users, teams and branches that they do not belong to."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import customer_share_pb2 as share_pb
from taproot.customer.v1 import customer_share_service_pb2 as rpc
from taproot.customer.v1 import duplicate_service_pb2 as merge_rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.customer_share_service_pb2_grpc import CustomerSharesServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.identity.events.v1.branch_event_pb2 import BranchEvent
from taproot.identity.v1.branch_pb2 import Branch
from taproot_base.errors import AppError, Kind
from taproot_customer.sharing.handlers import expire_due
from taproot_testkit import branch_id

SHANGHAI, WEST, CHENGDU = "/hq/e/sh/", "/hq/w/", "/hq/w/cd/"
READ, WRITE = share_pb.CUSTOMER_SHARE_LEVEL_READ, share_pb.CUSTOMER_SHARE_LEVEL_WRITE
ALL = {"customers.*": "branch"}
TEAM = str(uuid.UUID(int=77))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(service: Any) -> Any:
    return await service.add_user(ALL, SHANGHAI)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stranger(service: Any) -> Any:
    return await service.add_user(ALL, WEST, teams=(TEAM,))


@pytest.fixture
def act(service: Any, failure: Any) -> Any:
    """What the tests do, in one line each."""

    async def share(by: Any, customer: pb.Customer, **values: Any) -> share_pb.CustomerShare:
        stub = service.stub(CustomerSharesServiceStub, by)
        made: share_pb.CustomerShare = await stub.ShareCustomer(
            rpc.ShareCustomerRequest(id=customer.id, **values)
        )
        return made

    async def unshare(by: Any, customer_id: str, share_id: str, **values: Any) -> share_pb.CustomerShare:
        stub = service.stub(CustomerSharesServiceStub, by)
        ended: share_pb.CustomerShare = await stub.UnshareCustomer(
            rpc.UnshareCustomerRequest(id=customer_id, share_id=share_id, **values)
        )
        return ended

    async def sees(who: Any, customer: pb.Customer) -> bool:
        """By key and in lists the same."""
        stub = service.stub(CustomersServiceStub, who)

        async def found() -> bool:
            try:
                await stub.GetCustomer(customers_rpc.GetCustomerRequest(id=customer.id))
            except AppError as error:
                return error.kind is not Kind.NOT_FOUND
            return True

        before = await found()
        listed = await stub.ListCustomers(customers_rpc.ListCustomersRequest(page_size=1000))
        by_list = customer.id in {one.id for one in listed.customers}
        by_key = await found()
        if by_key != before:  # it changed in between
            return by_key
        assert by_key == by_list
        return by_key

    async def rename(who: Any, customer: pb.Customer) -> Any:
        stub = service.stub(CustomersServiceStub, who)
        changed = pb.Customer(id=customer.id, note="changed")
        return await stub.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=changed))

    async def shares_of(who: Any, customer_id: str, **values: Any) -> list[share_pb.CustomerShare]:
        stub = service.stub(CustomerSharesServiceStub, who)
        page = await stub.ListCustomerShares(rpc.ListCustomerSharesRequest(customer_id=customer_id, **values))
        return list(page.customer_shares)

    return SimpleNamespace(
        share=share, unshare=unshare, sees=sees, rename=rename, shares_of=shares_of, failure=failure
    )


class TestShareCustomer:
    async def test_needs_the_permission(self, service, make_customer, home, act):
        customer = await make_customer(by=home)
        reader = await service.add_user({"customers.read": "all", "customers.update": "all"})
        for caller, kind in ((None, Kind.UNAUTHENTICATED), (reader, Kind.DENIED)):
            assert (await act.failure(act.share(caller, customer, team_id=TEAM))).kind is kind

    async def test_needs_a_customer_in_reach(self, make_customer, home, stranger, act):
        customer = await make_customer(by=home)
        refused = await act.failure(act.share(stranger, customer, user_id=stranger.subject))
        assert refused.kind is Kind.NOT_FOUND

    @pytest.mark.parametrize("holder", ["user_id", "team_id", "branch_id"])
    async def test_lets_its_holder_read_and_nobody_else(
        self, service, make_customer, home, stranger, act, holder
    ):
        customer, other = await make_customer(by=home), await make_customer(by=home)
        bystander = await service.add_user(ALL, CHENGDU)
        holders = {"user_id": stranger.subject, "team_id": TEAM, "branch_id": branch_id(WEST)}
        assert not await act.sees(stranger, customer)
        made = await act.share(home, customer, **{holder: holders[holder]}, reason="joint account")
        assert (made.level, made.state) == (READ, share_pb.CUSTOMER_SHARE_STATE_ACTIVE)
        assert await act.sees(stranger, customer)
        assert not await act.sees(stranger, other)
        assert not await act.sees(bystander, customer)
        assert (await act.failure(act.rename(stranger, customer))).kind is Kind.NOT_FOUND
        ended = await act.unshare(home, customer.id, made.id, reason="closed")
        assert (ended.state, ended.end_reason) == (share_pb.CUSTOMER_SHARE_STATE_ENDED, "closed")
        assert not await act.sees(stranger, customer)

    async def test_a_write_share_lets_change_and_no_more(self, service, make_customer, home, stranger, act):
        customer = await make_customer(by=home)
        await act.share(home, customer, user_id=stranger.subject, level=WRITE)
        assert (await act.rename(stranger, customer)).note == "changed"
        stub = service.stub(CustomersServiceStub, stranger)
        assign = customers_rpc.AssignCustomerRequest(id=customer.id, owner_id=stranger.subject)
        delete = customers_rpc.DeleteCustomerRequest(id=customer.id)
        for call in (
            stub.AssignCustomer(assign),
            stub.DeleteCustomer(delete),
            act.share(stranger, customer, branch_id=branch_id(CHENGDU)),
        ):
            assert (await act.failure(call)).kind is Kind.NOT_FOUND

    async def test_nobody_gives_more_than_he_has(self, service, make_customer, home, stranger, act):
        customer = await make_customer(by=home)
        sharer = await service.add_user(
            {"customers.share": "branch", "customers.read": "branch", "customers.update": "own"}, SHANGHAI
        )
        refused = await act.failure(act.share(sharer, customer, user_id=stranger.subject, level=WRITE))
        assert refused.kind is Kind.DENIED
        await act.share(sharer, customer, user_id=stranger.subject, level=READ)

    async def test_says_everything_that_is_wrong(self, make_customer, home, act):
        customer = await make_customer(by=home)
        past = datetime(2020, 1, 1, tzinfo=UTC)
        nobody = str(uuid.uuid4())
        for holder in ("user_id", "team_id", "branch_id"):
            error = await act.failure(act.share(home, customer, **{holder: nobody}, expire_time=past))
            assert {v.field for v in error.violations} == {holder, "expire_time"}
        neither = await act.failure(act.share(home, customer))
        both = await act.failure(act.share(home, customer, team_id=TEAM, branch_id=branch_id(WEST)))
        assert neither.kind is both.kind is Kind.INVALID

    async def test_a_newer_share_takes_the_place_of_the_same_holders(
        self, make_customer, home, stranger, act
    ):
        customer = await make_customer(by=home)
        first = await act.share(home, customer, user_id=stranger.subject, level=WRITE)
        second = await act.share(home, customer, user_id=stranger.subject)
        assert (await act.failure(act.rename(stranger, customer))).kind is Kind.NOT_FOUND
        found = {one.id: one.state for one in await act.shares_of(home, customer.id)}
        assert found == {
            first.id: share_pb.CUSTOMER_SHARE_STATE_REPLACED,
            second.id: share_pb.CUSTOMER_SHARE_STATE_ACTIVE,
        }
        active = await act.shares_of(home, customer.id, filter="state = ACTIVE")
        assert [one.id for one in active] == [second.id]

    async def test_is_told_with_all_shares_that_hold(self, service, make_customer, home, stranger, act):
        customer = await make_customer(by=home)
        made = await act.share(home, customer, user_id=stranger.subject, level=WRITE)
        await act.rename(stranger, customer)
        await act.unshare(home, customer.id, made.id)
        told = [
            event for event in await service.events(1, of="customer.unshared")
            if str(event.aggregate_id) == customer.id
        ]  # fmt: skip
        assert [event.decode(CustomerEvent).share.id for event in told] == [made.id]
        assert not told[0].decode(CustomerEvent).shares
        between = [
            event.decode(CustomerEvent) for event in await service.events(1, of="customer.updated")
            if str(event.aggregate_id) == customer.id
        ]  # fmt: skip
        assert [(one.user_id, one.level) for one in between[-1].shares] == [(stranger.subject, WRITE)]

    async def test_a_repeat_shares_once(self, make_customer, home, stranger, act):
        customer = await make_customer(by=home)
        once = await act.share(home, customer, user_id=stranger.subject, request_id="share-once")
        again = await act.share(home, customer, user_id=stranger.subject, request_id="share-once")
        assert once == again
        assert len(await act.shares_of(home, customer.id)) == 1

    async def test_the_shares_are_hidden_from_who_does_not_see_the_customer(
        self, make_customer, home, stranger, act
    ):
        customer = await make_customer(by=home)
        assert (await act.failure(act.shares_of(stranger, customer.id))).kind is Kind.NOT_FOUND


class TestTheEndOfAShare:
    async def test_comes_by_itself(self, service, make_customer, home, stranger, act):
        customer = await make_customer(by=home)
        soon = datetime.now(UTC) + timedelta(seconds=1)
        made = await act.share(home, customer, user_id=stranger.subject, expire_time=soon)
        assert await act.sees(stranger, customer)
        async with asyncio.timeout(10):  # no job has run: the instant alone ends it
            while await act.sees(stranger, customer):
                await asyncio.sleep(0.1)
        with service.system_call():
            while await expire_due(service.runtime.database):
                pass
        (ended,) = await act.shares_of(home, customer.id)
        assert (ended.id, ended.state) == (made.id, share_pb.CUSTOMER_SHARE_STATE_EXPIRED)
        told = [
            event.decode(CustomerEvent) for event in await service.events(1, of="customer.unshared")
            if str(event.aggregate_id) == customer.id
        ]  # fmt: skip
        assert [list(one.shares) for one in told] == [[]]

    async def test_leaves_the_customer_of_a_moved_branch_open(self, service, make_customer, home, act):
        """The path of the branch is kept with the share, and follows."""
        new = str(uuid.uuid4())
        branch = Branch(id=new, path="/hq/w/mv/", code="mv", display_name="Moving")
        await service.deliver(
            service.event("branch.created", BranchEvent(branch=branch), new, source="identity")
        )
        await service.runtime.access.refresh()
        customer = await make_customer(by=home)
        await act.share(home, customer, branch_id=new)
        branch.path = "/hq/e/mv/"
        moved = BranchEvent(branch=branch, previous_path="/hq/w/mv/")
        await service.deliver(service.event("branch.moved", moved, new, version=2, source="identity"))
        await service.runtime.access.refresh()
        there = await service.add_user({"customers.read": "branch_and_below"}, "/hq/e/mv/")
        above = await service.add_user({"customers.read": "branch_and_below"}, WEST)
        assert await act.sees(there, customer)
        assert not await act.sees(above, customer)


class TestMergedCustomers:
    async def test_shares_go_with_the_survivor_and_come_back(
        self, service, make_customer, home, stranger, act
    ):
        survivor, source = await make_customer("甲", by=home), await make_customer("甲", by=home)
        made = await act.share(home, source, user_id=stranger.subject)
        merging = service.stub(DuplicatesServiceStub, home)
        await merging.MergeCustomers(merge_rpc.MergeCustomersRequest(id=survivor.id, source_ids=[source.id]))
        assert await act.sees(stranger, survivor)
        assert [one.id for one in await act.shares_of(stranger, survivor.id)] == [made.id]
        await merging.UnmergeCustomer(merge_rpc.UnmergeCustomerRequest(id=survivor.id, source_id=source.id))
        assert not await act.sees(stranger, survivor)
        assert await act.sees(stranger, source)

    async def test_a_share_ended_while_merged_does_not_come_back(
        self, service, make_customer, home, stranger, act
    ):
        survivor, source = await make_customer("乙", by=home), await make_customer("乙", by=home)
        made = await act.share(home, source, user_id=stranger.subject)
        merging = service.stub(DuplicatesServiceStub, home)
        await merging.MergeCustomers(merge_rpc.MergeCustomersRequest(id=survivor.id, source_ids=[source.id]))
        await act.unshare(home, survivor.id, made.id)
        assert not await act.sees(stranger, survivor)
        await merging.UnmergeCustomer(merge_rpc.UnmergeCustomerRequest(id=survivor.id, source_id=source.id))
        assert not await act.sees(stranger, source)
