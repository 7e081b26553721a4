"""The bulk search for duplicates, its review queue and its rules, through the RPCs."""

from __future__ import annotations

import asyncio
import time

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from sqlalchemy import select

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import duplicate_pair_pb2 as pair
from taproot.customer.v1 import duplicate_pair_service_pb2 as rpc
from taproot.customer.v1 import duplicate_service_pb2 as duplicates_rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.duplicate_pair_service_pb2_grpc import DuplicatePairsServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.operations.v1 import operations_pb2 as operations_rpc
from taproot.operations.v1.operations_pb2_grpc import OperationsServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_chassis.operations import Cancelled, Run
from taproot_customer.computing import WorkerPool
from taproot_customer.merging.model import customer_traits
from taproot_customer.review import blocks
from taproot_customer.review.searching import FIRST, DuplicateSearcher

PERSON = pb.CUSTOMER_KIND_PERSON
BORN = Date(year=1981, month=11, day=23)


@pytest.fixture
def pairs(service, admin):
    return service.stub(DuplicatePairsServiceStub, admin)


@pytest.fixture
def customers(service, admin):
    return service.stub(CustomersServiceStub, admin)


@pytest.fixture
def search(service, admin):
    async def run(by=None) -> pair.DuplicateSearch:
        caller = by or admin
        stub = service.stub(DuplicatePairsServiceStub, caller)
        started = await stub.SearchDuplicatePairs(rpc.SearchDuplicatePairsRequest())
        waiting = service.stub(OperationsServiceStub, caller)
        deadline = time.monotonic() + 30
        while not (
            found := await waiting.GetOperation(operations_rpc.GetOperationRequest(name=started.name))
        ).done:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert not found.error.message
        result = pair.DuplicateSearch()
        found.response.Unpack(result)
        return result

    return run


@pytest.fixture
def ready(service):
    """Waits until the search knows the customers."""

    async def wait(*made: pb.Customer) -> None:
        wanted = {one.id for one in made}
        deadline = time.monotonic() + 10
        while True:
            async with service.runtime.database.reading() as reader:
                rows = await reader.fetch(select(customer_traits.c.customer_id))
            if wanted <= {str(row["customer_id"]) for row in rows}:
                return
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    return wait


async def pairs_of(stub, *made: pb.Customer, state: str = "") -> list[pair.DuplicatePair]:
    """All pairs the caller sees of some customers."""
    sides = " OR ".join(f'left_id = "{one.id}" OR right_id = "{one.id}"' for one in made)
    request = rpc.ListDuplicatePairsRequest(filter=sides + (f" AND state = {state}" if state else ""))
    return list((await stub.ListDuplicatePairs(request)).duplicate_pairs)


class TestRights:
    async def test_every_method_needs_its_permission(self, service, failure):
        key = str(new_id())
        calls = (
            ("SearchDuplicatePairs", rpc.SearchDuplicatePairsRequest()),
            ("GetDuplicatePair", rpc.GetDuplicatePairRequest(id=key)),
            ("ListDuplicatePairs", rpc.ListDuplicatePairsRequest()),
            ("AcceptDuplicatePair", rpc.AcceptDuplicatePairRequest(id=key)),
            ("DismissDuplicatePair", rpc.DismissDuplicatePairRequest(id=key)),
            ("ReopenDuplicatePair", rpc.ReopenDuplicatePairRequest(id=key)),
            ("GetDuplicateRules", rpc.GetDuplicateRulesRequest()),
            ("UpdateDuplicateRules", rpc.UpdateDuplicateRulesRequest(duplicate_rules=pair.DuplicateRules())),
        )
        nobody = service.stub(DuplicatePairsServiceStub, None)
        reader = service.stub(DuplicatePairsServiceStub, await service.add_user({"customers.read": "all"}))
        for name, request in calls:
            assert (await failure(getattr(nobody, name)(request))).kind is Kind.UNAUTHENTICATED
            if name not in ("GetDuplicatePair", "ListDuplicatePairs", "GetDuplicateRules"):
                assert (await failure(getattr(reader, name)(request))).kind is Kind.DENIED

    async def test_a_pair_is_seen_by_who_sees_both(
        self, service, pairs, make_customer, search, ready, failure
    ):
        west = await service.add_user({"customers.*": "own"}, "/hq/w/")
        east = await service.add_user({"customers.*": "branch"}, "/hq/e/sh/")
        a = await make_customer("青岛海信电器股份有限公司", by=west)
        b = await make_customer("海信电器", by=east)
        c = await make_customer("青岛海信电器", by=east)
        await ready(a, b, c)
        assert (await search(by=west)).compared_count == 0
        assert await pairs_of(pairs, a) == []
        await search()
        assert len(await pairs_of(pairs, a, b, c)) == 3
        theirs = service.stub(DuplicatePairsServiceStub, east)
        [seen] = await pairs_of(theirs, a, b, c)
        assert {seen.left.id, seen.right.id} == {b.id, c.id}
        hidden = next(one for one in await pairs_of(pairs, a) if one.id != seen.id)
        for call, request in (
            (theirs.GetDuplicatePair, rpc.GetDuplicatePairRequest(id=hidden.id)),
            (theirs.AcceptDuplicatePair, rpc.AcceptDuplicatePairRequest(id=hidden.id)),
            (theirs.DismissDuplicatePair, rpc.DismissDuplicatePairRequest(id=hidden.id)),
            (theirs.ReopenDuplicatePair, rpc.ReopenDuplicatePairRequest(id=hidden.id)),
        ):
            assert (await failure(call(request))).kind is Kind.NOT_FOUND
        assert (await search(by=east)).open_count == 1
        assert len(await pairs_of(pairs, a)) == 2, "a search of some leaves alone what others see"


class TestDeciding:
    async def test_accepting_merges_and_undoing_is_remembered(
        self, service, admin, pairs, customers, make_customer, search, ready, failure
    ):
        a = await make_customer("陈 建国", kind=PERSON, birth_date=BORN)
        b = await make_customer("Chen Jianguo", kind=PERSON, birth_date=BORN)
        await ready(a, b)
        await search()
        [found] = await pairs_of(pairs, a, b)
        assert found.state == pair.DUPLICATE_PAIR_STATE_OPEN
        told = {one.field: one.outcome for one in found.evidence}
        assert told["birth date"] == "same"
        assert found.score > 0.9
        wrong = rpc.AcceptDuplicatePairRequest(id=found.id, survivor_id=str(new_id()))
        assert (await failure(pairs.AcceptDuplicatePair(wrong))).kind is Kind.INVALID
        stale = rpc.AcceptDuplicatePairRequest(id=found.id, etag="77")
        assert (await failure(pairs.AcceptDuplicatePair(stale))).kind is Kind.CONFLICT
        done = await pairs.AcceptDuplicatePair(rpc.AcceptDuplicatePairRequest(id=found.id, request_id="x1"))
        assert (done.state, done.survivor_id) == (pair.DUPLICATE_PAIR_STATE_MERGED, a.id)
        assert done.decided_by == admin.subject
        again = await pairs.AcceptDuplicatePair(rpc.AcceptDuplicatePairRequest(id=found.id, request_id="x1"))
        assert again.etag == done.etag
        assert (await customers.GetCustomer(customers_rpc.GetCustomerRequest(id=b.id))).id == a.id
        assert (
            await failure(pairs.AcceptDuplicatePair(rpc.AcceptDuplicatePairRequest(id=found.id)))
        ).kind is Kind.STATE
        duplicates = service.stub(DuplicatesServiceStub, admin)
        await duplicates.UnmergeCustomer(duplicates_rpc.UnmergeCustomerRequest(id=a.id, source_id=b.id))
        await ready(a, b)
        await search()
        [found] = await pairs_of(pairs, a, b)
        assert (found.state, found.note) == (pair.DUPLICATE_PAIR_STATE_DISMISSED, "their merge was undone")

    async def test_a_dismissal_survives_searches_and_merges(
        self, service, admin, pairs, make_customer, search, ready
    ):
        a = await make_customer("Jonathan Whitfield", kind=PERSON, birth_date=BORN)
        b = await make_customer("Jonathon Whitfield", kind=PERSON, birth_date=BORN)
        c = await make_customer("Jon Whitfeild", kind=PERSON, birth_date=BORN)
        await ready(a, b, c)
        await search()
        found = await pairs_of(pairs, a, b, c)
        assert len(found) == 3
        between = {frozenset((one.left.id, one.right.id)): one for one in found}
        no = between[frozenset((a.id, b.id))]
        gone = await pairs.DismissDuplicatePair(rpc.DismissDuplicatePairRequest(id=no.id, note="cousins"))
        assert (gone.state, gone.note) == (pair.DUPLICATE_PAIR_STATE_DISMISSED, "cousins")
        assert (await search()).dismissed_count >= 1
        assert {one.id for one in await pairs_of(pairs, a, b, state="DISMISSED")} == {no.id}
        duplicates = service.stub(DuplicatesServiceStub, admin)
        await duplicates.MergeCustomers(duplicates_rpc.MergeCustomersRequest(id=c.id, source_ids=[b.id]))
        [inherited] = [one for one in await pairs_of(pairs, a) if {one.left.id, one.right.id} == {a.id, c.id}]
        assert inherited.state == pair.DUPLICATE_PAIR_STATE_DISMISSED
        back = await pairs.ReopenDuplicatePair(rpc.ReopenDuplicatePairRequest(id=inherited.id))
        assert (back.state, back.note) == (pair.DUPLICATE_PAIR_STATE_OPEN, "")

    async def test_what_is_no_longer_alike_leaves_the_queue(
        self, pairs, customers, make_customer, search, ready
    ):
        a = await make_customer("Margarethe Oberhofer", kind=PERSON, birth_date=BORN)
        b = await make_customer("Margarete Oberhofer", kind=PERSON, birth_date=BORN)
        await ready(a, b)
        await search()
        assert len(await pairs_of(pairs, a, b)) == 1
        change = pb.Customer(
            id=b.id, display_name="Ludwig Unterberger", birth_date=Date(year=1960, month=2, day=1)
        )
        await customers.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=change))
        deadline = time.monotonic() + 10
        while await pairs_of(pairs, a, b):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
            await search()


class TestList:
    async def test_pages_filters_and_orders(self, pairs, make_customer, search, ready):
        made = [
            await make_customer(name, kind=PERSON, birth_date=BORN)
            for name in ("Hildegard Zwickelbauer", "Hildegart Zwickelbauer", "H. Zwickelbauer")
        ]
        await ready(*made)
        await search()
        whole = list((await pairs.ListDuplicatePairs(rpc.ListDuplicatePairsRequest())).duplicate_pairs)
        assert len(whole) >= 3
        assert [one.score for one in whole] == sorted((one.score for one in whole), reverse=True)
        token, paged = "", []
        while True:
            request = rpc.ListDuplicatePairsRequest(page_size=1, page_token=token)
            page = await pairs.ListDuplicatePairs(request)
            paged += page.duplicate_pairs
            if not (token := page.next_page_token):
                break
        assert [one.id for one in paged] == [one.id for one in whole]
        limit = whole[1].score
        request = rpc.ListDuplicatePairsRequest(filter=f"score >= {limit}", order_by="create_time desc")
        some = (await pairs.ListDuplicatePairs(request)).duplicate_pairs
        assert {one.id for one in some} == {one.id for one in whole if one.score >= limit}


class TestGoingOn:
    async def test_a_search_goes_on_where_it_was(self, service, admin, pairs, make_customer, ready):
        twins = [
            await make_customer(f"{name} Unverwechselbar", kind=PERSON, birth_date=BORN)
            for name in ("Adalbert", "Adalbert", "Kunigunde", "Kunigunde")
        ]
        await ready(*twins)
        pool = WorkerPool(1)
        run = Interrupted(service.runtime.database, pages=2)
        searcher = DuplicateSearcher(service.runtime.database, pool, "CN", page_keys=2)
        try:
            with service.calling(admin, "customers.merge"):
                with pytest.raises(Cancelled):
                    await searcher(run)
                async with service.runtime.database.reading() as reader:
                    position = await blocks.read_position(reader, run.id)
                assert position > FIRST
                run.left = 10_000
                result = await searcher(run)
        finally:
            pool.close()
        found = await pairs_of(pairs, *twins)
        same = [one for one in found if one.left.display_name == one.right.display_name]
        assert len(same) == 2
        assert result.open_count >= len(found)


class Interrupted(Run):
    """Is cancelled after some pages."""

    def __init__(self, database, pages: int) -> None:
        row = {"id": new_id(), "resource_id": "", "parameters": {}, "cancel_requested": False}
        super().__init__(row, database)
        self.left = pages

    def stop_if_cancelled(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("enough")


class TestRules:
    async def test_thresholds_decide_what_is_merged(
        self, pairs, customers, make_customer, search, ready, failure
    ):
        bad = pair.DuplicateRules(review_from=0.98, merge_from=0.95)
        refused = await failure(
            pairs.UpdateDuplicateRules(rpc.UpdateDuplicateRulesRequest(duplicate_rules=bad))
        )
        assert refused.kind is Kind.INVALID
        a = await make_customer("Wolfgang Achternbusch", kind=PERSON, birth_date=BORN)
        b = await make_customer("Wolfgang Achternbusch", kind=PERSON, birth_date=BORN)
        twin = await make_customer("Ottilie Achternbusch", kind=PERSON, birth_date=BORN)
        await ready(a, b, twin)
        assert (await search()).merged_count == 0
        rules = pair.DuplicateRules(merge_from=0.99)
        changed = await pairs.UpdateDuplicateRules(rpc.UpdateDuplicateRulesRequest(duplicate_rules=rules))
        assert (changed.review_from, changed.merge_from) == (0.5, 0.99)
        try:
            assert (await search()).merged_count >= 1
            [merged] = await pairs_of(pairs, a, b, state="MERGED")
            assert merged.survivor_id == a.id
            assert (await customers.GetCustomer(customers_rpc.GetCustomerRequest(id=b.id))).id == a.id
            kept = await customers.GetCustomer(customers_rpc.GetCustomerRequest(id=twin.id))
            assert kept.id == twin.id, "another given name contradicts"
        finally:
            mask = FieldMask(paths=["merge_from"])
            off = rpc.UpdateDuplicateRulesRequest(duplicate_rules=pair.DuplicateRules(), update_mask=mask)
            assert (await pairs.UpdateDuplicateRules(off)).merge_from == 0
        assert (await pairs.GetDuplicateRules(rpc.GetDuplicateRulesRequest())).merge_from == 0
