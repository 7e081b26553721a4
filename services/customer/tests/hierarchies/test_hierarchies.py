"""Groups, subsidiaries and households through their RPCs."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot.customer.v1 import (
    contact_pb2,
    contact_service_pb2,
    hierarchy_pb2,
    hierarchy_service_pb2,
    relationship_pb2,
    relationship_service_pb2,
)
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import duplicate_service_pb2 as duplicates_rpc
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.hierarchy_service_pb2_grpc import HierarchiesServiceStub
from taproot.customer.v1.relationship_service_pb2_grpc import RelationshipsServiceStub
from taproot_base.errors import AppError, Kind
from taproot_base.ids import new_id
from taproot_customer.hierarchies.rollup import rolled_up
from taproot_testkit import Harness

Failure = Callable[[Awaitable[Any]], Awaitable[AppError]]


class Group:
    def __init__(self, service: Harness, caller: Any) -> None:
        self.customers = service.stub(CustomersServiceStub, caller)
        self.hierarchies = service.stub(HierarchiesServiceStub, caller)
        self.duplicates = service.stub(DuplicatesServiceStub, caller)

    async def put(self, key: str, parent_id: str) -> pb.Customer:
        request = customers_rpc.UpdateCustomerRequest(customer=pb.Customer(id=key, parent_id=parent_id))
        request.update_mask.paths.append("parent_id")
        changed: pb.Customer = await self.customers.UpdateCustomer(request)
        return changed

    async def read(self, key: str) -> hierarchy_pb2.CustomerHierarchy:
        request = hierarchy_service_pb2.GetCustomerHierarchyRequest(id=key)
        found: hierarchy_pb2.CustomerHierarchy = await self.hierarchies.GetCustomerHierarchy(request)
        return found

    async def shape(self, key: str) -> list[tuple[str, int]]:
        found = await self.read(key)
        return [(node.display_name, node.depth) for node in (*found.ancestors, *found.nodes)]

    async def merge(self, survivor: str, source: str) -> None:
        request = duplicates_rpc.MergeCustomersRequest(id=survivor, source_ids=[source])
        await self.duplicates.MergeCustomers(request)

    async def unmerge(self, survivor: str, source: str) -> None:
        request = duplicates_rpc.UnmergeCustomerRequest(id=survivor, source_id=source)
        await self.duplicates.UnmergeCustomer(request)


@pytest.fixture
def group(service: Harness, admin: Any) -> Group:
    return Group(service, admin)


async def eventually(read: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    deadline = time.monotonic() + 10
    while (found := await read()) != wanted:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)


class TestGetCustomerHierarchy:
    async def test_needs_a_caller_who_sees_the_customer(
        self, service: Harness, make_customer: Any, failure: Failure
    ) -> None:
        request = hierarchy_service_pb2.GetCustomerHierarchyRequest(id=(await make_customer()).id)
        nobody = service.stub(HierarchiesServiceStub, None)
        assert (await failure(nobody.GetCustomerHierarchy(request))).kind is Kind.UNAUTHENTICATED
        other = await service.add_user({"customers.*": "own"}, "/hq/w/")
        blind = service.stub(HierarchiesServiceStub, other)
        assert (await failure(blind.GetCustomerHierarchy(request))).kind is Kind.NOT_FOUND

    async def test_rolls_counts_up(
        self, service: Harness, admin: Any, group: Group, make_customer: Any
    ) -> None:
        top = await make_customer("集团")
        east = await make_customer("东区公司", parent_id=top.id)
        west = await make_customer("西区公司", parent_id=top.id)
        leaf = await make_customer("苏州分厂", parent_id=east.id)
        stub = service.stub(ContactsServiceStub, admin)
        for customer in (top, leaf, leaf, west):
            contact = contact_pb2.Contact(customer_id=customer.id, display_name="某人")
            await stub.CreateContact(contact_service_pb2.CreateContactRequest(contact=contact))

        async def totals() -> dict[str, tuple[int, int]]:
            nodes = (await group.read(top.id)).nodes
            return {node.display_name: (node.total.customers, node.total.contacts) for node in nodes}

        await eventually(totals, {"集团": (4, 4), "东区公司": (2, 2), "西区公司": (1, 1), "苏州分厂": (1, 2)})
        assert await group.shape(leaf.id) == [("集团", -2), ("东区公司", -1), ("苏州分厂", 0)]

    async def test_shows_only_what_the_caller_sees(self, service: Harness, make_customer: Any) -> None:
        seller = await service.add_user({"customers.*": "own"}, "/hq/w/")
        top = await make_customer("可见", by=seller)
        hidden = await make_customer("不可见", parent_id=top.id)
        await make_customer("其下", by=seller, parent_id=top.id)
        mine = Group(service, seller)
        assert await mine.shape(top.id) == [("可见", 0), ("其下", 1)]
        assert hidden.parent_id == top.id

    async def test_a_household_is_what_links_join_today(
        self, service: Harness, admin: Any, group: Group, make_customer: Any
    ) -> None:
        names = ("父", "母", "子", "租客")
        people = [await make_customer(name, kind=pb.CUSTOMER_KIND_PERSON) for name in names]
        stub = service.stub(RelationshipsServiceStub, admin)

        async def link(one: pb.Customer, other: pb.Customer, **values: Any) -> None:
            relationship = relationship_pb2.Relationship(
                customer_id=one.id,
                related_customer_id=other.id,
                kind=relationship_pb2.RELATIONSHIP_KIND_HOUSEHOLD,
                **values,
            )
            await stub.CreateRelationship(
                relationship_service_pb2.CreateRelationshipRequest(relationship=relationship)
            )

        father, mother, child, lodger = people
        await link(father, mother)
        await link(child, mother)
        await link(father, lodger, end_date={"year": 2020, "month": 1, "day": 1})
        for one in (father, mother, child):
            found = await group.read(one.id)
            assert {node.display_name for node in found.household} == {"父", "母", "子"}
            assert found.household_total.customers == 3
        assert not (await group.read(lodger.id)).household


class TestParent:
    async def test_what_cannot_stand_above_is_refused(
        self, group: Group, make_customer: Any, failure: Failure
    ) -> None:
        top = await make_customer()
        low = await make_customer(parent_id=top.id)
        person = await make_customer("张三", kind=pb.CUSTOMER_KIND_PERSON)
        for child, parent in (
            (top.id, top.id),
            (top.id, low.id),
            (top.id, person.id),
            (person.id, top.id),
            (top.id, str(new_id())),
        ):
            error = await failure(group.put(child, parent))
            assert [violation.field for violation in error.violations] == ["customer.parent_id"]
        assert (await group.put(low.id, "")).parent_id == ""

    async def test_a_group_has_twenty_levels_at_most(self, make_customer: Any, failure: Failure) -> None:
        customer = await make_customer()
        for _ in range(19):
            customer = await make_customer(parent_id=customer.id)
        error = await failure(make_customer(parent_id=customer.id))
        assert "20 levels" in error.message

    async def test_changes_at_once_close_no_circle(self, group: Group, make_customer: Any) -> None:
        dice = random.Random(3)
        ids = [(await make_customer()).id for _ in range(6)]

        async def put() -> str:
            child, parent = dice.sample(ids, 2)
            try:
                await group.put(child, parent)
            except AppError as error:
                return error.kind.name
            return "done"

        outcomes = await asyncio.gather(*(put() for _ in range(40)))
        assert {"done", "INVALID"} == set(outcomes)
        parents = {key: (await group.read(key)).nodes[0].parent_id for key in ids}
        for key in ids:
            seen = set()
            at = key
            while at:
                assert at not in seen
                seen.add(at)
                at = parents[at]


class TestMergedGroups:
    async def test_subsidiaries_follow_the_survivor_and_come_back(
        self, group: Group, make_customer: Any
    ) -> None:
        one, other = await make_customer("甲"), await make_customer("乙")
        await make_customer("乙之下", parent_id=other.id)
        await group.merge(one.id, other.id)
        assert await group.shape(one.id) == [("甲", 0), ("乙之下", 1)]
        await group.unmerge(one.id, other.id)
        assert await group.shape(one.id) == [("甲", 0)]
        assert await group.shape(other.id) == [("乙", 0), ("乙之下", 1)]

    async def test_merging_a_top_into_what_is_below_it_closes_no_circle(
        self, group: Group, make_customer: Any
    ) -> None:
        above = await make_customer("总部")
        top = await make_customer("顶", parent_id=above.id)
        middle = await make_customer("中", parent_id=top.id)
        low = await make_customer("底", parent_id=middle.id)
        await group.merge(low.id, top.id)
        assert await group.shape(low.id) == [("总部", -1), ("底", 0), ("中", 1)]
        await group.put(above.id, "")
        await group.unmerge(low.id, top.id)
        assert await group.shape(low.id) == [("总部", -3), ("顶", -2), ("中", -1), ("底", 0)]

    async def test_undoing_a_merge_closes_no_circle(self, group: Group, make_customer: Any) -> None:
        survivor, high = await make_customer("留"), await make_customer("高")
        source = await make_customer("源", parent_id=high.id)
        below = await make_customer("下", parent_id=source.id)
        await group.merge(survivor.id, source.id)
        await group.put(survivor.id, "")
        await group.put(high.id, below.id)
        assert await group.shape(high.id) == [("留", -2), ("下", -1), ("高", 0)]
        await group.unmerge(survivor.id, source.id)
        assert await group.shape(high.id) == [("源", -2), ("下", -1), ("高", 0)]

    async def test_a_chosen_parent_is_kept(self, group: Group, make_customer: Any) -> None:
        survivor, high = await make_customer(), await make_customer()
        source = await make_customer(parent_id=high.id)
        request = duplicates_rpc.MergeCustomersRequest(
            id=survivor.id, source_ids=[source.id], field_sources={"parent_id": survivor.id}
        )
        assert (await group.duplicates.MergeCustomers(request)).parent_id == ""


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=30))
def test_a_total_is_the_sum_of_what_is_below(drawn: list[tuple[int, int]]) -> None:
    keys = [uuid.UUID(int=n) for n in range(len(drawn) + 1)]
    parents = [(keys[0], None)] + [(keys[n + 1], keys[p % (n + 1)]) for n, (p, _) in enumerate(drawn)]
    own = {keys[n + 1]: {"orders": count} for n, (_, count) in enumerate(drawn)}
    totals = rolled_up(parents, own)
    assert totals[keys[0]]["orders"] == sum(count for _, count in drawn)
    for key in keys:
        children = [child for child, parent in parents if parent == key]
        expected = own.get(key, {}).get("orders", 0) + sum(totals[child]["orders"] for child in children)
        assert totals[key]["orders"] == expected
