"""gRPC clients through the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from taproot.customer.v1 import customer_pb2
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.identity.v1 import session_service_pb2 as sessions
from taproot.identity.v1.session_service_pb2_grpc import SessionsServiceStub
from taproot.operations.v1 import event_service_pb2, operations_pb2
from taproot.operations.v1.event_service_pb2_grpc import EventsServiceStub
from taproot.operations.v1.operations_pb2_grpc import OperationsServiceStub
from taproot_gateway.transcoding.contracts import Contracts

PASSWORD = "correct-horse-7"
CODE = grpc.StatusCode


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def channel(suite: Any) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{suite.doors.door.port}") as opened:
        yield opened


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


class TestCalls:
    async def test_without_a_caller_nothing_is_answered(self, channel: Any) -> None:
        error = await failure(CustomersServiceStub(channel).ListCustomers(rpc.ListCustomersRequest()))
        assert error.code() is CODE.UNAUTHENTICATED

    async def test_signing_in_and_calling(self, suite: Any, channel: Any) -> None:
        login = sessions.LoginRequest(user_name="admin", password=PASSWORD)
        token = (await SessionsServiceStub(channel).Login(login)).token
        customers = CustomersServiceStub(channel)
        wanted = customer_pb2.Customer(kind=customer_pb2.CUSTOMER_KIND_PERSON, display_name="门")
        made = await customers.CreateCustomer(
            rpc.CreateCustomerRequest(customer=wanted), metadata=bearer(token)
        )
        read = await customers.GetCustomer(rpc.GetCustomerRequest(id=made.id), metadata=bearer(token))
        assert read == made
        async with suite.admin as client:  # both doors lead to the same record
            assert (await client.get(f"/v1/customers/{made.id}")).json()["display_name"] == "门"

    async def test_the_details_of_errors_pass_through(self, suite: Any, channel: Any) -> None:
        bad = rpc.CreateCustomerRequest(customer=customer_pb2.Customer(value_class="Z"))
        error = await failure(
            CustomersServiceStub(channel).CreateCustomer(bad, metadata=bearer(suite.admin_token))
        )
        assert error.code() is CODE.INVALID_ARGUMENT
        trailing = dict(error.trailing_metadata() or ())
        status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
        assert any(detail.Is(error_details_pb2.BadRequest.DESCRIPTOR) for detail in status.details)

    async def test_a_client_cannot_speak_for_another_session(self, suite: Any, channel: Any) -> None:
        _, victim = await suite.user("door-victim")
        _, thief = await suite.user("door-thief")
        stub = SessionsServiceStub(channel)
        theirs = await stub.GetCurrentSession(sessions.GetCurrentSessionRequest(), metadata=bearer(victim))
        forged = (*bearer(thief), ("x-session-id", theirs.session.id))
        await stub.RevokeSession(sessions.RevokeSessionRequest(id="current"), metadata=forged)
        again = await stub.GetCurrentSession(sessions.GetCurrentSessionRequest(), metadata=bearer(victim))
        assert again.session.id == theirs.session.id

    async def test_what_is_internal_is_not_there(self, suite: Any, channel: Any) -> None:
        call = EventsServiceStub(channel).ReplayEvents(
            event_service_pb2.ReplayEventsRequest(), metadata=bearer(suite.admin_token)
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in call:
                pass
        assert caught.value.code() is CODE.UNIMPLEMENTED

    async def test_a_service_that_is_down_is_unavailable(self, suite: Any, channel: Any) -> None:
        request = operations_pb2.GetOperationRequest(name="operations/marketing/x")
        error = await failure(
            OperationsServiceStub(channel).GetOperation(request, metadata=bearer(suite.admin_token))
        )
        assert error.code() is CODE.UNAVAILABLE

    async def test_operations_are_routed_by_name(self, suite: Any, channel: Any) -> None:
        name = "operations/customer/0190b6a0-0000-7000-8000-000000000001"
        request = operations_pb2.GetOperationRequest(name=name)
        error = await failure(
            OperationsServiceStub(channel).GetOperation(request, metadata=bearer(suite.admin_token))
        )
        assert error.code() is CODE.NOT_FOUND


class TestReflection:
    async def test_a_client_sees_the_services_of_all(self, channel: Any, loaded: Contracts) -> None:
        names = await self._list(channel)
        assert names >= {"taproot.customer.v1.CustomersService", "taproot.identity.v1.UsersService"}
        packages = {name.split(".")[1] for name in names if name.startswith("taproot.")}
        assert packages == {service.full_name.split(".")[1] for service in loaded.services()}
        assert "taproot.operations.v1.EventsService" not in names

    async def test_a_client_reads_the_shape_of_a_method(self, channel: Any) -> None:
        wanted = reflection_pb2.ServerReflectionRequest(
            file_containing_symbol="taproot.customer.v1.CustomersService"
        )
        answer = await self._ask(channel, wanted)
        assert answer.file_descriptor_response.file_descriptor_proto

    async def _list(self, channel: Any) -> set[str]:
        answer = await self._ask(channel, reflection_pb2.ServerReflectionRequest(list_services=""))
        return {service.name for service in answer.list_services_response.service}

    async def _ask(self, channel: Any, request: Any) -> Any:
        async def requests() -> AsyncIterator[Any]:
            yield request

        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        async for answer in stub.ServerReflectionInfo(requests()):
            return answer
        raise AssertionError

    async def test_the_newer_version_answers_too(self, channel: Any) -> None:
        call = channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )

        async def requests() -> AsyncIterator[Any]:
            yield reflection_pb2.ServerReflectionRequest(list_services="")

        found = [answer async for answer in call(requests())]
        assert found[0].list_services_response.service


async def test_health(channel: Any) -> None:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
