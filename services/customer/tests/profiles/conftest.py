"""Shared by the tests of the profile: read it, and tell it what happened elsewhere."""

from __future__ import annotations

import pytest

from taproot.customer.v1 import profile_pb2 as pb
from taproot.customer.v1 import profile_service_pb2 as rpc
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub


@pytest.fixture
def profile(service, admin):
    stub = service.stub(ProfilesServiceStub, admin)

    async def read(customer_id: str, expiry_days: int = 0) -> pb.CustomerProfile:
        request = rpc.GetCustomerProfileRequest(id=customer_id, expiry_days=expiry_days)
        return await stub.GetCustomerProfile(request)

    return read


@pytest.fixture
def tell(service):
    async def deliver(customer_id, source, event_type, message, key, version=1):
        event = service.event(event_type, message, key, version=version, source=source, party_id=customer_id)
        await service.deliver(event, "profile")
        return event

    return deliver
