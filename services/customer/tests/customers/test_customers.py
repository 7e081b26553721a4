"""Customers through their RPCs, on real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import AppError, Kind
from taproot_testkit import Harness, branch_id

PHONE = pb.IDENTIFIER_KIND_PHONE


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service) -> Harness:
    return await start_service("customer")


@pytest_asyncio.fixture(loop_scope="session")
async def seller(service: Harness):
    return service.stub(CustomersServiceStub, await service.add_user({"customers.*": "branch"}, "/hq/e/sh/"))


def person(name: str, phone: str = "", **values: object) -> pb.Customer:
    identifiers = [pb.Identifier(kind=PHONE, value=phone)] if phone else []
    return pb.Customer(kind=pb.CUSTOMER_KIND_PERSON, display_name=name, identifiers=identifiers, **values)


def create(name: str, phone: str = "", **values: str) -> rpc.CreateCustomerRequest:
    return rpc.CreateCustomerRequest(customer=person(name, phone), **values)


async def failure(call) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


class TestCreateCustomer:
    async def test_needs_a_caller_with_the_permission(self, service):
        nobody = service.stub(CustomersServiceStub, None)
        assert (await failure(nobody.CreateCustomer(create("王芳")))).kind is Kind.UNAUTHENTICATED
        reader = service.stub(CustomersServiceStub, await service.add_user({"customers.read": "all"}))
        assert (await failure(reader.CreateCustomer(create("王芳")))).kind is Kind.DENIED

    async def test_stores_and_announces_the_record(self, service, seller):
        made = await seller.CreateCustomer(create("王芳", "13812340001"))
        assert made.etag == "1"
        assert made.branch_id == branch_id("/hq/e/sh/")
        assert await seller.GetCustomer(rpc.GetCustomerRequest(id=made.id)) == made
        events = [e for e in await service.events(1, of="customer.created") if str(e.aggregate_id) == made.id]
        assert [e.decode(CustomerEvent).customer for e in events] == [made]

    async def test_lists_every_violation_at_once(self, seller):
        bad = pb.Customer(
            value_class="Z", identifiers=[pb.Identifier(kind=PHONE, value="")], merged_ids=["x"]
        )
        error = await failure(seller.CreateCustomer(rpc.CreateCustomerRequest(customer=bad)))
        fields = {violation.field for violation in error.violations}
        assert fields >= {"customer.value_class", "customer.identifiers[0].value", "customer.merged_ids"}

    async def test_a_repeat_takes_effect_once(self, service, seller):
        request = create("重复", "13812340002", request_id="again")
        first, second = await seller.CreateCustomer(request), await seller.CreateCustomer(request)
        assert first == second
        other = await failure(seller.CreateCustomer(create("别的", request_id="again")))
        assert other.reason == "IDEMPOTENCY_KEY_REUSED"

    async def test_a_key_in_use_is_refused(self, seller):
        made = await seller.CreateCustomer(create("占用"))
        request = create("另一个")
        request.customer.id = made.id
        assert (await failure(seller.CreateCustomer(request))).kind is Kind.EXISTS

    async def test_validate_only_keeps_nothing(self, seller):
        request = create("试试", "13812340003")
        request.validate_only = True
        made = await seller.CreateCustomer(request)
        assert (await failure(seller.GetCustomer(rpc.GetCustomerRequest(id=made.id)))).kind is Kind.NOT_FOUND

    async def test_parallel_creates_of_one_person_give_one_customer(self, service):
        """Also from branches that do not see each other."""
        users = [await service.add_user({"customers.*": "branch"}, path) for path in ("/hq/e/sh/", "/hq/w/")]
        stubs = [service.stub(CustomersServiceStub, users[n % 2]) for n in range(12)]
        calls = (stub.CreateCustomer(create("张伟", "13812340004")) for stub in stubs)
        results = await asyncio.gather(*calls, return_exceptions=True)
        made = [r for r in results if isinstance(r, pb.Customer)]
        assert len(made) == 1
        assert all(r.reason == "CUSTOMER_EXISTS" for r in results if isinstance(r, AppError))

    async def test_a_hidden_match_tells_nothing_but_a_token(self, service, seller):
        made = await seller.CreateCustomer(create("李娜", "13812340005"))
        stranger = service.stub(
            CustomersServiceStub, await service.add_user({"customers.*": "branch"}, "/hq/w/")
        )
        hidden = await failure(stranger.CreateCustomer(create("李娜", "13812340005")))
        seen = await failure(seller.CreateCustomer(create("李娜", "13812340005")))
        assert seen.metadata == {"customer_id": made.id}
        assert set(hidden.metadata) == {"access_request_token"}
        assert made.id not in str(hidden.metadata)


class TestGetCustomer:
    async def test_is_scoped_by_branch(self, service, seller):
        made = await seller.CreateCustomer(create("陈晨"))
        request = rpc.GetCustomerRequest(id=made.id)
        for path, scope, sees in (
            ("/hq/", "branch_and_below", True),
            ("/hq/e/", "branch_and_below", True),
            ("/hq/e/", "branch", False),
            ("/hq/e/hz/", "branch", False),
            ("/hq/w/", "branch_and_below", False),
            ("/hq/w/", "all", True),
            ("/hq/e/sh/", "own", False),
        ):
            stub = service.stub(CustomersServiceStub, await service.add_user({"customers.read": scope}, path))
            if sees:
                assert (await stub.GetCustomer(request)).id == made.id
            else:
                assert (await failure(stub.GetCustomer(request))).kind is Kind.NOT_FOUND, (path, scope)

    async def test_masked_fields_are_absent(self, service, seller):
        made = await seller.CreateCustomer(create("赵敏", "13812340006"))
        masked = await service.add_user({"customers.read": "all"}, masked=("contact", "customer.industry"))
        read = await service.stub(CustomersServiceStub, masked).GetCustomer(
            rpc.GetCustomerRequest(id=made.id)
        )
        assert read.display_name == "赵敏"
        assert [i.value for i in read.identifiers] == [""]


class TestUpdateCustomer:
    async def test_changes_only_what_the_mask_names(self, seller):
        made = await seller.CreateCustomer(create("孙丽"))
        change = pb.Customer(id=made.id, industry="银行", note="重要", etag=made.etag)
        request = rpc.UpdateCustomerRequest(customer=change)
        request.update_mask.paths.append("industry")
        changed = await seller.UpdateCustomer(request)
        assert (changed.industry, changed.note, changed.etag) == ("银行", "", "2")
        assert (await failure(seller.UpdateCustomer(request))).reason == "ETAG_MISMATCH"

    async def test_refuses_masks_that_reach_too_far(self, seller):
        made = await seller.CreateCustomer(create("周杰"))
        request = rpc.UpdateCustomerRequest(customer=pb.Customer(id=made.id))
        request.update_mask.paths.extend(["*", "nonsense", "kind"])
        assert len((await failure(seller.UpdateCustomer(request))).violations) == 3

    @pytest.mark.parametrize("by_mask", [True, False])
    async def test_passes_over_nothing_in_silence(self, seller, by_mask):
        """What another method changes, what never changes, and what the service sets."""
        made = await seller.CreateCustomer(create("郑洁"))
        values = {"owner_id": made.id, "branch_id": made.id, "kind": pb.CUSTOMER_KIND_ORGANIZATION}
        request = rpc.UpdateCustomerRequest(customer=pb.Customer(id=made.id, industry="x", **values))
        if by_mask:
            request.update_mask.paths.extend([*values, "industry"])
        error = await failure(seller.UpdateCustomer(request))
        told = {violation.field: violation.description for violation in error.violations}
        kind = "update_mask" if by_mask else "customer.kind"
        assert told.keys() == {"customer.owner_id", "customer.branch_id", kind}
        assert told["customer.owner_id"] == "is changed by AssignCustomer only"
        assert await seller.GetCustomer(rpc.GetCustomerRequest(id=made.id)) == made

    @pytest.mark.parametrize("name", ["merged_ids", "create_time"])
    async def test_refuses_what_the_service_sets(self, seller, name):
        made = await seller.CreateCustomer(create("冯程"))
        given = pb.Customer(id=made.id)
        getattr(given, name).MergeFrom([made.id] if name == "merged_ids" else made.create_time)
        body, mask = (
            rpc.UpdateCustomerRequest(customer=given),
            rpc.UpdateCustomerRequest(customer={"id": made.id}),
        )
        mask.update_mask.paths.append(name)
        for request, field in ((body, f"customer.{name}"), (mask, "update_mask")):
            error = await failure(seller.UpdateCustomer(request))
            assert field in {violation.field for violation in error.violations}

    async def test_parallel_updates_lose_nothing(self, seller):
        made = await seller.CreateCustomer(create("吴迪"))
        calls = [
            seller.UpdateCustomer(
                rpc.UpdateCustomerRequest(customer=pb.Customer(id=made.id, industry=str(n), etag="1"))
            )
            for n in range(8)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(r, pb.Customer) for r in results) == 1


class TestAssignCustomer:
    async def test_hands_over_and_answers_only_what_is_still_seen(self, service, seller):
        made = await seller.CreateCustomer(create("郑爽"))
        mover = service.stub(
            CustomersServiceStub,
            await service.add_user({"customers.assign": "all", "customers.read": "branch"}, "/hq/e/sh/"),
        )
        other = await service.add_user({"customers.read": "own"}, "/hq/w/")
        moved = await mover.AssignCustomer(
            rpc.AssignCustomerRequest(id=made.id, owner_id=other.subject, branch_id=branch_id("/hq/w/"))
        )
        assert moved == pb.Customer(id=made.id, etag="2")
        mine = service.stub(CustomersServiceStub, other)
        assert (await mine.GetCustomer(rpc.GetCustomerRequest(id=made.id))).owner_id == other.subject


class TestListCustomers:
    async def test_filters_orders_and_pages(self, service):
        user = await service.add_user({"customers.*": "own"})
        mine = service.stub(CustomersServiceStub, user)
        for name in ("万  科Ａ", "平安", "招商", "Alpha"):
            await mine.CreateCustomer(create(name))
        found = await mine.ListCustomers(rpc.ListCustomersRequest(filter='search:"万科A"'))
        assert [c.display_name for c in found.customers] == ["万  科Ａ"]
        names, token = [], ""
        while True:
            page = await mine.ListCustomers(
                rpc.ListCustomersRequest(order_by="display_name", page_size=2, page_token=token)
            )
            names += [c.display_name for c in page.customers]
            token = page.next_page_token
            if not token:
                break
        assert names == ["Alpha", "平安", "万  科Ａ", "招商"]

    async def test_a_masked_field_cannot_be_guessed(self, service):
        user = await service.add_user({"customers.read": "all"}, masked=("personal",))
        stub = service.stub(CustomersServiceStub, user)
        error = await failure(stub.ListCustomers(rpc.ListCustomersRequest(filter='display_name = "王芳"')))
        assert error.kind is Kind.INVALID

    async def test_aggregates_what_is_visible(self, service):
        user = await service.add_user({"customers.*": "own"})
        stub = service.stub(CustomersServiceStub, user)
        for n in range(3):
            await stub.CreateCustomer(
                rpc.CreateCustomerRequest(customer=person(f"n{n}", value_class="AB"[n % 2]))
            )
        answer = await stub.AggregateCustomers(
            rpc.AggregateCustomersRequest(group_by=["value_class"], measures=["count()"])
        )
        assert [(list(r.keys), list(r.values)) for r in answer.rows] == [(["A"], ["2"]), (["B"], ["1"])]


class TestDeleteCustomer:
    async def test_can_be_brought_back(self, seller):
        made = await seller.CreateCustomer(create("冯刚"))
        await seller.DeleteCustomer(rpc.DeleteCustomerRequest(id=made.id))
        again = await failure(seller.DeleteCustomer(rpc.DeleteCustomerRequest(id=made.id)))
        assert (again.reason, again.metadata["state"]) == ("WRONG_STATE", "deleted")
        back = await seller.UndeleteCustomer(rpc.UndeleteCustomerRequest(id=made.id))
        assert not back.HasField("delete_time")
