"""At its limit the gateway says so at once, and stays able to say how it is."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY

from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import ResourceExhausted
from taproot_gateway.backends import _UNCOUNTED, Backends
from taproot_gateway.transcoding.contracts import Contracts


@pytest.fixture
def full(suite: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(suite.doors.backends, "_most", 0)
    return suite


async def test_over_rest_it_is_429_with_a_time_to_wait(full: Any) -> None:
    before = REGISTRY.get_sample_value("taproot_rpc_shed_total")
    async with full.admin as client:
        answer = await client.get("/v1/customers")
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["reason"] == "RESOURCE_EXHAUSTED"
    assert REGISTRY.get_sample_value("taproot_rpc_shed_total") == (before or 0) + 1


async def test_over_grpc_it_is_resource_exhausted(full: Any) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{full.doors.door.port}") as channel:
        headers = (("authorization", f"Bearer {full.admin_token}"),)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await CustomersServiceStub(channel).ListCustomers(rpc.ListCustomersRequest(), metadata=headers)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_places_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    backends, going = Backends({}, most=1), asyncio.Event()

    async def call(*_: object) -> bytes:
        await going.wait()
        raise ConnectionError

    monkeypatch.setattr(backends, "_call", call)
    first = asyncio.ensure_future(backends.call("a", "/x", b"", (), 1))
    await asyncio.sleep(0)
    with pytest.raises(ResourceExhausted):
        await backends.call("a", "/x", b"", (), 1)
    going.set()
    with pytest.raises(ConnectionError):
        await first
    backends.require_room()


def test_what_is_not_counted_exists(loaded: Contracts) -> None:
    own = {
        f"/{service.full_name}/{method.name}" for service in loaded.services() for method in service.methods
    }
    assert {path for path in _UNCOUNTED if path.startswith("/taproot")} <= own
