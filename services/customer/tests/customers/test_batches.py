"""Many customers created by one request."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest_asyncio
from google.rpc import error_details_pb2

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import Kind
from taproot_testkit import Harness

ORGANIZATION, PHONE = pb.CUSTOMER_KIND_ORGANIZATION, pb.IDENTIFIER_KIND_PHONE


@pytest_asyncio.fixture(loop_scope="session")
async def seller(service: Harness) -> Any:
    return service.stub(CustomersServiceStub, await service.add_user({"customers.*": "branch"}, "/hq/e/sh/"))


def company(name: str, phone: str = "", **values: Any) -> pb.Customer:
    identifiers = [pb.Identifier(kind=PHONE, value=phone)] if phone else []
    return pb.Customer(kind=ORGANIZATION, display_name=name, identifiers=identifiers, **values)


def batch(*customers: pb.Customer, **values: Any) -> rpc.BatchCreateCustomersRequest:
    parts = [rpc.CreateCustomerRequest(customer=one) for one in customers]
    return rpc.BatchCreateCustomersRequest(requests=parts, **values)


def reasons(answer: rpc.BatchCreateCustomersResponse) -> list[str]:
    """Of each part; empty for one that was created."""
    return [_info(one.error).reason if one.HasField("error") else "" for one in answer.results]


def _info(status: Any) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return info


async def named(stub: Any, start: str) -> list[str]:
    request = rpc.ListCustomersRequest(filter=f'display_name = "{start}*"', page_size=1000)
    return sorted(one.display_name for one in (await stub.ListCustomers(request)).customers)


class TestPartial:
    async def test_each_part_is_answered_for_itself_in_the_order_asked(
        self, service: Harness, seller: Any
    ) -> None:
        known = await seller.CreateCustomer(
            rpc.CreateCustomerRequest(customer=company("Batch known", "13712340001"))
        )
        mother = str(uuid.uuid4())
        answer = await seller.BatchCreateCustomers(
            batch(
                company("Batch mother", "13712340002", id=mother),
                company("Batch daughter", parent_id=mother),
                company("Batch twin", "137 1234 0002"),
                company("Batch again", "13712340001"),
                pb.Customer(kind=ORGANIZATION),
                company("Batch same id", id=mother),
                company("Batch orphan", parent_id=str(uuid.uuid4())),
                partial=True,
            )
        )
        exists = "CUSTOMER_EXISTS"
        assert reasons(answer) == [
            "", "", exists, exists, "INVALID_ARGUMENT", "ALREADY_EXISTS", "INVALID_ARGUMENT",
        ]  # fmt: skip
        assert answer.results[1].customer.parent_id == mother
        assert _info(answer.results[2].error).metadata["customer_id"] == mother
        assert _info(answer.results[3].error).metadata["customer_id"] == known.id
        assert await named(seller, "Batch") == ["Batch daughter", "Batch known", "Batch mother"]
        events = await service.events(3, of="customer.created")
        made = {answer.results[0].customer.id, answer.results[1].customer.id}
        assert len([one for one in events if str(one.aggregate_id) in made]) == 2

    async def test_a_match_out_of_sight_is_told_by_a_token_alone(self, service: Harness, seller: Any) -> None:
        north = service.stub(
            CustomersServiceStub, await service.add_user({"customers.*": "branch"}, "/hq/w/")
        )
        hidden = pb.Customer(
            kind=ORGANIZATION, display_name="Hidden",
            identifiers=[pb.Identifier(kind=pb.IDENTIFIER_KIND_TAX_NUMBER, value="91350100M000100Y43")],
        )  # fmt: skip
        await north.CreateCustomer(rpc.CreateCustomerRequest(customer=hidden))
        answer = await seller.BatchCreateCustomers(batch(hidden, partial=True))
        assert reasons(answer) == ["CUSTOMER_EXISTS"]
        assert set(_info(answer.results[0].error).metadata) == {"access_request_token"}

    async def test_a_repeat_answers_the_same_and_makes_nothing(self, seller: Any) -> None:
        request = batch(
            company("Repeat one"), pb.Customer(kind=ORGANIZATION), partial=True, request_id="batch-again"
        )
        first = await seller.BatchCreateCustomers(request)
        again = await seller.BatchCreateCustomers(request)
        assert again.results[0] == first.results[0]
        assert again.results[1].error.code == 9  # it is not tried again
        assert await named(seller, "Repeat") == ["Repeat one"]

    async def test_parallel_batches_of_the_same_make_each_once(self, service: Harness, seller: Any) -> None:
        other = service.stub(
            CustomersServiceStub, await service.add_user({"customers.*": "branch"}, "/hq/e/sh/")
        )
        same = [company(f"Parallel {n}", f"1361234{n:04}") for n in range(40)]
        answers = await asyncio.gather(
            seller.BatchCreateCustomers(batch(*same, partial=True)),
            other.BatchCreateCustomers(batch(*reversed(same), partial=True)),
        )
        found = sorted(reason for answer in answers for reason in reasons(answer))
        assert found == [""] * 40 + ["CUSTOMER_EXISTS"] * 40
        assert len(await named(seller, "Parallel")) == 40


class TestWhole:
    async def test_one_bad_part_refuses_all_and_every_fault_has_its_path(
        self, seller: Any, failure: Any
    ) -> None:
        error = await failure(
            seller.BatchCreateCustomers(
                batch(company("Whole"), pb.Customer(kind=ORGANIZATION), company("Whole too", value_class="Z"))
            )
        )
        assert error.kind is Kind.INVALID
        assert {one.field for one in error.violations} == {
            "requests[1].customer.display_name",
            "requests[2].customer.value_class",
        }
        assert await named(seller, "Whole") == []

    async def test_one_that_exists_refuses_all(self, seller: Any, failure: Any) -> None:
        error = await failure(
            seller.BatchCreateCustomers(
                batch(company("Twice", "13512340001"), company("Twice", "13512340001"))
            )
        )
        assert error.reason == "CUSTOMER_EXISTS"
        assert await named(seller, "Twice") == []

    async def test_the_largest_batch_with_ids_of_the_caller(self, seller: Any) -> None:
        ids = [str(uuid.uuid4()) for _ in range(500)]
        answer = await seller.BatchCreateCustomers(
            batch(*(company(f"Large {number}", id=key) for number, key in enumerate(ids)))
        )
        assert [one.customer.id for one in answer.results] == ids
