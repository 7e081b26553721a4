"""Finding duplicates, merging and undoing, through the RPCs."""

from __future__ import annotations

import asyncio
import time

import pytest
from google.type.date_pb2 import Date

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import activity_pb2 as act
from taproot.customer.v1 import activity_service_pb2 as act_rpc
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import duplicate_service_pb2 as rpc
from taproot.customer.v1 import profile_service_pb2 as profile_rpc
from taproot.customer.v1 import timeline_service_pb2 as timeline_rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.customer.v1.timeline_service_pb2_grpc import TimelineServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id

PHONE, EMAIL, TAX = pb.IDENTIFIER_KIND_PHONE, pb.IDENTIFIER_KIND_EMAIL, pb.IDENTIFIER_KIND_TAX_NUMBER


@pytest.fixture
def duplicates(service, admin):
    return service.stub(DuplicatesServiceStub, admin)


@pytest.fixture
def customers(service, admin):
    return service.stub(CustomersServiceStub, admin)


def identifier(kind: int, value: str) -> pb.Identifier:
    return pb.Identifier(kind=kind, value=value)


def essence(customer: pb.Customer) -> pb.Customer:
    """Without what changes with every change."""
    copy = pb.Customer()
    copy.CopyFrom(customer)
    for name in ("etag", "update_time"):
        copy.ClearField(name)
    return copy


class TestFindDuplicates:
    async def test_needs_a_caller(self, service, failure):
        nobody = service.stub(DuplicatesServiceStub, None)
        request = rpc.FindDuplicateCustomersRequest(customer=pb.Customer(display_name="x"))
        assert (await failure(nobody.FindDuplicateCustomers(request))).kind is Kind.UNAUTHENTICATED

    async def test_by_name_and_birth_date_without_identifiers(self, duplicates, make_customer):
        stored = await make_customer(
            "欧阳小明", kind=pb.CUSTOMER_KIND_PERSON, birth_date=Date(year=1990, month=5, day=17)
        )
        await make_customer(
            "李大力", kind=pb.CUSTOMER_KIND_PERSON, birth_date=Date(year=1990, month=5, day=17)
        )
        proposed = pb.Customer(
            kind=pb.CUSTOMER_KIND_PERSON, display_name="歐陽曉明", birth_date=Date(year=1990, month=5, day=17)
        )
        request = rpc.FindDuplicateCustomersRequest(customer=proposed)
        deadline = time.monotonic() + 10
        while not (found := (await duplicates.FindDuplicateCustomers(request)).candidates):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert [c.customer.id for c in found] == [stored.id]
        assert found[0].reasons == ["given name", "family name", "birth date"]
        told = {one.field: one.outcome for one in found[0].evidence}
        assert told == {"given name": "alike", "family name": "same, Chinese", "birth date": "same"}
        assert found[0].score >= 0.5

    async def test_of_a_stored_one_within_what_the_caller_sees(self, service, duplicates, make_customer):
        seller = await service.add_user({"customers.*": "own"}, "/hq/w/")
        first = await make_customer("华为技术有限公司", identifiers=[identifier(TAX, "91350100M000100Y43")])
        second = await make_customer("华为技术", by=seller)
        await make_customer("中兴通讯")
        request = rpc.FindDuplicateCustomersRequest(customer=pb.Customer(id=first.id))
        deadline = time.monotonic() + 10
        while not (found := (await duplicates.FindDuplicateCustomers(request)).candidates):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert [c.customer.id for c in found] == [second.id]
        mine = service.stub(DuplicatesServiceStub, seller)
        proposed = rpc.FindDuplicateCustomersRequest(
            customer=pb.Customer(kind=pb.CUSTOMER_KIND_ORGANIZATION, display_name="华为技术有限公司")
        )
        assert [c.customer.id for c in (await mine.FindDuplicateCustomers(proposed)).candidates] == [
            second.id
        ]


class TestMerge:
    async def test_needs_the_permission(self, service, failure):
        request = rpc.MergeCustomersRequest(id=str(new_id()), source_ids=[str(new_id())])
        nobody = service.stub(DuplicatesServiceStub, None)
        assert (await failure(nobody.MergeCustomers(request))).kind is Kind.UNAUTHENTICATED
        undo = rpc.UnmergeCustomerRequest(id=str(new_id()), source_id=str(new_id()))
        assert (await failure(nobody.UnmergeCustomer(undo))).kind is Kind.UNAUTHENTICATED
        reader = service.stub(DuplicatesServiceStub, await service.add_user({"customers.read": "all"}))
        assert (await failure(reader.MergeCustomers(request))).kind is Kind.DENIED

    async def test_joins_and_undoes(self, service, duplicates, customers, make_customer, failure):
        a = await make_customer(
            "甲公司", identifiers=[identifier(PHONE, "13300000001")], industry="钢铁", tags=["x"]
        )
        b = await make_customer(
            "甲有限公司", identifiers=[identifier(EMAIL, "b@x.cn")], region="华东", tags=["y"]
        )
        c = await make_customer("甲集团", identifiers=[identifier(TAX, "DE111222333")], note="注")
        request = rpc.MergeCustomersRequest(
            id=a.id, source_ids=[b.id, c.id], field_sources={"display_name": c.id}, request_id="m1"
        )
        merged = await duplicates.MergeCustomers(request)
        assert (merged.display_name, merged.industry, merged.region, merged.note) == (
            "甲集团",
            "钢铁",
            "华东",
            "注",
        )
        assert {i.value for i in merged.identifiers} == {"13300000001", "b@x.cn", "DE111222333"}
        assert set(merged.tags) == {"x", "y"}
        assert set(merged.merged_ids) == {b.id, c.id}
        assert (await duplicates.MergeCustomers(request)).etag == merged.etag
        for source in (b, c):
            found = await customers.GetCustomer(customers_rpc.GetCustomerRequest(id=source.id))
            assert found.id == a.id
        listed = await customers.ListCustomers(customers_rpc.ListCustomersRequest(filter='search : "甲"'))
        assert [x.id for x in listed.customers] == [a.id]
        taken = pb.Customer(
            kind=pb.CUSTOMER_KIND_ORGANIZATION,
            display_name="别家",
            identifiers=[identifier(TAX, "DE111222333")],
        )
        exists = await failure(customers.CreateCustomer(customers_rpc.CreateCustomerRequest(customer=taken)))
        assert exists.metadata["customer_id"] == a.id

        later = await customers.UpdateCustomer(
            customers_rpc.UpdateCustomerRequest(customer=pb.Customer(id=a.id, industry="有色金属"))
        )
        freed = await duplicates.UnmergeCustomer(rpc.UnmergeCustomerRequest(id=a.id, source_id=c.id))
        assert (freed.display_name, freed.note, freed.region) == ("甲公司", "", "华东")
        assert freed.industry == later.industry == "有色金属"
        assert {i.value for i in freed.identifiers} == {"13300000001", "b@x.cn"}
        assert list(freed.merged_ids) == [b.id]
        back = await customers.GetCustomer(customers_rpc.GetCustomerRequest(id=c.id))
        assert essence(back) == essence(c)
        again = await failure(duplicates.UnmergeCustomer(rpc.UnmergeCustomerRequest(id=a.id, source_id=c.id)))
        assert again.reason == "NOT_MERGED"
        await duplicates.UnmergeCustomer(rpc.UnmergeCustomerRequest(id=a.id, source_id=b.id))
        rest = await customers.GetCustomer(customers_rpc.GetCustomerRequest(id=a.id))
        assert {i.value for i in rest.identifiers} == {"13300000001"}
        assert list(rest.tags) == ["x"]
        matched = await customers.MatchOrCreateCustomer(
            customers_rpc.MatchOrCreateCustomerRequest(
                customer=pb.Customer(
                    kind=pb.CUSTOMER_KIND_ORGANIZATION,
                    display_name="?",
                    identifiers=[identifier(EMAIL, "B@x.cn")],
                )
            )
        )
        assert matched.customer_id == b.id
        events = [e for e in await service.events(2, of="customer.*") if str(e.aggregate_id) == a.id]
        told = [
            (e.type, list(e.decode(CustomerEvent).merge.source_ids)) for e in events if "merged" in e.type
        ]
        assert told[0][0] == "customer.merged"
        assert set(told[0][1]) == {b.id, c.id}
        assert told[1:] == [("customer.unmerged", [c.id]), ("customer.unmerged", [b.id])]

    async def test_chains(self, duplicates, customers, make_customer, failure):
        a, b, c = [await make_customer(name) for name in ("链一", "链二", "链三")]
        await duplicates.MergeCustomers(rpc.MergeCustomersRequest(id=b.id, source_ids=[a.id]))
        await duplicates.MergeCustomers(rpc.MergeCustomersRequest(id=c.id, source_ids=[b.id]))

        async def root(key: str) -> str:
            return (await customers.GetCustomer(customers_rpc.GetCustomerRequest(id=key))).id

        assert [await root(x.id) for x in (a, b, c)] == [c.id] * 3
        twice = await failure(
            duplicates.MergeCustomers(rpc.MergeCustomersRequest(id=c.id, source_ids=[b.id]))
        )
        assert twice.kind is Kind.STATE
        await duplicates.UnmergeCustomer(rpc.UnmergeCustomerRequest(id=c.id, source_id=b.id))
        assert [await root(x.id) for x in (a, b, c)] == [b.id, b.id, c.id]
        await duplicates.UnmergeCustomer(rpc.UnmergeCustomerRequest(id=b.id, source_id=a.id))
        assert [await root(x.id) for x in (a, b, c)] == [a.id, b.id, c.id]

    async def test_refuses(self, duplicates, make_customer, failure):
        company = await make_customer("公司")
        person = await make_customer("张三", kind=pb.CUSTOMER_KIND_PERSON)
        other = await make_customer("另一家")
        bad = (
            (rpc.MergeCustomersRequest(id=company.id, source_ids=[person.id]), Kind.INVALID),
            (rpc.MergeCustomersRequest(id=company.id, source_ids=[company.id]), Kind.INVALID),
            (rpc.MergeCustomersRequest(id=company.id, source_ids=[str(new_id())]), Kind.NOT_FOUND),
            (rpc.MergeCustomersRequest(id=company.id, source_ids=[other.id], etag="9"), Kind.CONFLICT),
            (
                rpc.MergeCustomersRequest(
                    id=company.id, source_ids=[other.id], field_sources={"id": other.id}
                ),
                Kind.INVALID,
            ),
        )
        for request, kind in bad:
            assert (await failure(duplicates.MergeCustomers(request))).kind is kind

    async def test_parallel_merges_of_one_source_succeed_once(self, duplicates, customers, make_customer):
        source = await make_customer("抢手")
        targets = [await make_customer(f"目标{n}") for n in range(5)]
        results = await asyncio.gather(
            *(
                duplicates.MergeCustomers(rpc.MergeCustomersRequest(id=t.id, source_ids=[source.id]))
                for t in targets
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(r, pb.Customer) for r in results) == 1

    async def test_the_timeline_joins_and_parts(self, service, admin, duplicates, make_customer):
        a, b = await make_customer("时间线一"), await make_customer("时间线二")
        stub = service.stub(ActivitiesServiceStub, admin)
        note = act.Activity(customer_id=b.id, kind=act.ACTIVITY_KIND_NOTE, display_name="乙的备注")
        await stub.CreateActivity(act_rpc.CreateActivityRequest(activity=note))
        lists = service.stub(TimelineServiceStub, admin)

        async def notes(key: str) -> int:
            request = timeline_rpc.ListTimelineEntriesRequest(customer_id=key, filter="kind = TOUCH")
            return len((await lists.ListTimelineEntries(request)).timeline_entries)

        deadline = time.monotonic() + 10
        while not await notes(b.id):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        await duplicates.MergeCustomers(rpc.MergeCustomersRequest(id=a.id, source_ids=[b.id]))
        assert (await notes(a.id), await notes(b.id)) == (1, 1)
        profiles = service.stub(ProfilesServiceStub, admin)
        page = await profiles.GetCustomerProfile(profile_rpc.GetCustomerProfileRequest(id=b.id))
        assert page.customer.id == a.id
        assert "乙的备注" in str([entry.summary_zh for entry in page.touches])
        await duplicates.UnmergeCustomer(rpc.UnmergeCustomerRequest(id=a.id, source_id=b.id))
        assert (await notes(a.id), await notes(b.id)) == (0, 1)
