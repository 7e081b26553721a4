"""Definitions and customers with values of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from taproot.customer.v1 import custom_field_pb2 as pb
from taproot.customer.v1 import custom_field_service_pb2 as rpc
from taproot.customer.v1 import customer_pb2, customer_service_pb2
from taproot.customer.v1.custom_field_service_pb2_grpc import CustomFieldsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub

Define = Callable[..., Awaitable[pb.CustomField]]


def struct(values: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(values)
    return made


@pytest.fixture
def fields(service, admin):
    return service.stub(CustomFieldsServiceStub, admin)


@pytest.fixture
def customers(service, admin):
    return service.stub(CustomersServiceStub, admin)


@pytest.fixture
def define(fields) -> Define:
    async def make(key: str, kind: str, resource: str = "customer", **values: Any) -> pb.CustomField:
        number = pb.CustomFieldType.Value(f"CUSTOM_FIELD_TYPE_{kind.upper()}")
        options = [pb.CustomFieldOption(key=one) for one in values.pop("options", [])]
        field = pb.CustomField(resource_type=resource, key=key, type=number, options=options, **values)
        return await fields.CreateCustomField(rpc.CreateCustomFieldRequest(custom_field=field))

    return make


@pytest.fixture
def named(customers):
    """Makes a customer with custom values."""

    async def make(name: str = "海尔集团", stub: Any = None, **custom: Any) -> customer_pb2.Customer:
        customer = customer_pb2.Customer(
            kind=customer_pb2.CUSTOMER_KIND_ORGANIZATION, display_name=name, custom=struct(custom)
        )
        request = customer_service_pb2.CreateCustomerRequest(customer=customer)
        return await (stub or customers).CreateCustomer(request)

    return make


@pytest.fixture
def names(customers):
    """Names of the customers a filter lets pass, in order."""

    async def found(text: str, order: str = "display_name", stub: Any = None) -> list[str]:
        request = customer_service_pb2.ListCustomersRequest(filter=text, order_by=order)
        page = await (stub or customers).ListCustomers(request)
        return [one.display_name for one in page.customers]

    return found
