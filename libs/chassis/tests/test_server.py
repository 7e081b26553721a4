"""A running service: who may call what, bad input, drain, replay and rebuild."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from boxes import Box, box, create_schema, encode, plain
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from taproot.operations.v1 import event_service_pb2 as events_pb
from taproot.operations.v1 import operations_pb2 as pb
from taproot.operations.v1.event_service_pb2_grpc import EventsServiceStub
from taproot.operations.v1.operations_pb2_grpc import OperationsServiceStub
from taproot_base.auth import Principal, RoleRef, TokenMinter
from taproot_base.descriptors import NoAccessRule, method_rules
from taproot_base.errors import AppError, Kind
from taproot_base.settings import Settings
from taproot_chassis import operations
from taproot_chassis.server import MethodNotServed, bind
from taproot_chassis.service import Definition, Parts
from taproot_local.api import eventually
from taproot_testkit import Harness


async def _endless(_run: operations.Run) -> Box:
    await asyncio.Event().wait()
    raise AssertionError


DEFINITION = Definition(
    "sales",
    Settings,
    {Box: encode},
    lambda _runtime: Parts(servicers={}, operations={"endless": _endless}),
    Path("/nowhere"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(postgres, nats_url, keys):
    made = postgres.create_database("chassis")
    await create_schema(made.owner_url)
    settings = Settings(
        database_url=made.owner_url,
        nats_url=nats_url,
        keys_dir=keys / "sales",
        drain_seconds=0.1,
        max_in_flight=5,
    )
    async with Harness(DEFINITION, settings, keys / "gateway") as harness:
        yield harness


async def failure(call) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


class TestWhoMayCall:
    async def test_nobody_without_a_token(self, service):
        stub = service.stub(OperationsServiceStub, None)
        assert (await failure(stub.ListOperations(pb.ListOperationsRequest()))).kind is Kind.UNAUTHENTICATED

    async def test_users_do_not_reach_internal_methods(self, service):
        channel = grpc.aio.insecure_channel(service.address)
        call = EventsServiceStub(channel).ReplayEvents(
            events_pb.ReplayEventsRequest(types=["*"]), metadata=service.metadata(await service.admin())
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        await channel.close()

    async def test_an_unknown_role_version_is_unavailable(self, service):
        stranger = Principal(str(uuid.uuid4()), "user", (RoleRef(str(uuid.uuid4()), 1),))
        stub = service.stub(OperationsServiceStub, stranger)
        assert (await failure(stub.ListOperations(pb.ListOperationsRequest()))).kind is Kind.UNAVAILABLE

    def test_a_method_without_a_rule_does_not_start(self):
        with pytest.raises(NoAccessRule):
            method_rules("google.longrunning.Operations")

    def test_a_method_nobody_implements_does_not_start(self):
        with pytest.raises(MethodNotServed, match="GetOperation"):
            bind(None, "taproot.operations.v1.OperationsService", object())


class TestRequests:
    async def test_bad_input_lists_every_violation(self, service):
        stub = service.stub(OperationsServiceStub, await service.admin())
        error = await failure(stub.GetOperation(pb.GetOperationRequest()))
        assert [v.field for v in error.violations] == ["name"]

    async def test_what_the_contract_and_the_handler_find_comes_in_one_answer(self, service):
        stub = service.stub(OperationsServiceStub, await service.admin())
        request = pb.ListOperationsRequest(page_size=-1, filter="colour = 1", order_by="shape")
        error = await failure(stub.ListOperations(request))
        assert {v.field for v in error.violations} == {"page_size", "filter", "order_by"}

    async def test_a_deadline_is_kept(self, service):
        admin = await service.admin()
        with service.calling(admin):
            async with service.runtime.database.unit() as work:
                key = await operations.start(work, "endless", "", {})
        stub = service.stub(OperationsServiceStub, admin)
        request = pb.WaitOperationRequest(name=f"operations/sales/{key}", timeout=Duration(seconds=20))
        error = await failure(stub.WaitOperation(request, 0.3))
        assert error.kind is Kind.DEADLINE

        async def counted() -> float | None:
            labels = {
                "method": "/taproot.operations.v1.OperationsService/WaitOperation",
                "code": "DEADLINE_EXCEEDED",
            }
            return REGISTRY.get_sample_value("taproot_rpc_seconds_count", labels)

        assert await eventually(counted, 10, "What was cut off to count as a failure") == 1

    async def test_beyond_its_limit_it_sheds(self, service):
        admin = await service.admin()
        with service.calling(admin):
            async with service.runtime.database.unit() as work:
                key = await operations.start(work, "endless", "", {})
        stub = service.stub(OperationsServiceStub, admin)
        request = pb.WaitOperationRequest(name=f"operations/sales/{key}", timeout=Duration(seconds=1))
        answers = await asyncio.gather(
            *(stub.WaitOperation(request) for _ in range(9)), return_exceptions=True
        )
        shed = [a for a in answers if isinstance(a, AppError)]
        assert [a.kind for a in shed] == [Kind.EXHAUSTED] * 4

    async def test_health_and_reflection_are_open(self, service):
        channel = grpc.aio.insecure_channel(service.address)
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await channel.close()


async def test_replay_gives_the_whole_history_to_services(service, keys):
    with service.system_call():
        made = box("history")
        made.record("moved", service.runtime.clock.now())
        async with service.runtime.database.unit() as work:
            await work.add(made)
    await service.events(2, of="box.*")
    await asyncio.sleep(0.3)
    channel = grpc.aio.insecure_channel(service.address)
    token = TokenMinter.load(keys / "customer" / "customer.pem", "service:customer").mint(
        Principal.service("customer")
    )
    call = EventsServiceStub(channel).ReplayEvents(
        events_pb.ReplayEventsRequest(types=["box.*"]), metadata=(("authorization", f"Bearer {token}"),)
    )
    answers = [answer async for answer in call]
    await channel.close()
    versions = [a.headers["ce-version"] for a in answers if a.headers["ce-subject"] == str(made.id)]
    assert versions == ["1", "2"]
    assert await plain(service.runtime.database, "SELECT 1 FROM event_log WHERE published_at IS NULL") == []
