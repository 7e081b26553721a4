"""An answer given once more is read again under the rights of the moment, and to nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest_asyncio

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import Kind

SHANGHAI, WEST = "/hq/e/sh/", "/hq/w/"


@pytest_asyncio.fixture(loop_scope="session")
async def seller(service):
    return await service.add_user({"customers.*": "branch"}, SHANGHAI)


def request(key: str) -> rpc.CreateCustomerRequest:
    phone = pb.Identifier(kind=pb.IDENTIFIER_KIND_PHONE, value="+86 138 0000 7788")
    customer = pb.Customer(
        kind=pb.CUSTOMER_KIND_PERSON, display_name="何静", note="secret", identifiers=[phone]
    )
    return rpc.CreateCustomerRequest(customer=customer, request_id=key)


async def test_a_role_that_lost_fields_since_gets_none_of_them(service, seller):
    made = await service.stub(CustomersServiceStub, seller).CreateCustomer(request("masked-since"))
    assert made.identifiers
    other = await service.add_user({"customers.*": "branch"}, SHANGHAI, masked=("contact", "note"))
    today = replace(seller, roles=other.roles)
    again = await service.stub(CustomersServiceStub, today).CreateCustomer(request("masked-since"))
    assert again.id == made.id
    assert (again.note, "7788" in str(again)) == ("", False)


async def test_a_caller_who_lost_the_permission_gets_nothing(service, seller, failure):
    asked = request("denied-since")
    del asked.customer.identifiers[:]
    await service.stub(CustomersServiceStub, seller).CreateCustomer(asked)
    other = await service.add_user({"customers.read": "branch"}, SHANGHAI)
    today = service.stub(CustomersServiceStub, replace(seller, roles=other.roles))
    assert (await failure(today.CreateCustomer(asked))).kind is Kind.DENIED


async def test_a_record_that_left_the_callers_scope_is_not_told_again(service, seller, admin, failure):
    stub = service.stub(CustomersServiceStub, seller)
    asked = request("moved-since")
    del asked.customer.identifiers[:]
    made = await stub.CreateCustomer(asked)
    far = await service.add_user({"customers.*": "branch"}, WEST)
    move = rpc.AssignCustomerRequest(id=made.id, owner_id=far.subject, branch_id=far.branch_id)
    await service.stub(CustomersServiceStub, admin).AssignCustomer(move)
    assert (await failure(stub.CreateCustomer(asked))).kind is Kind.NOT_FOUND


async def test_the_key_of_somebody_else_is_a_key_of_ones_own(service, seller, failure):
    asked = request("same-key")
    del asked.customer.identifiers[:]
    mine = await service.stub(CustomersServiceStub, seller).CreateCustomer(asked)
    stranger = service.stub(CustomersServiceStub, await service.add_user({"customers.*": "branch"}, WEST))
    theirs = await stranger.CreateCustomer(asked)
    assert theirs.id != mine.id
    unknown = rpc.GetCustomerRequest(id=mine.id)
    assert (await failure(stranger.GetCustomer(unknown))).kind is Kind.NOT_FOUND
