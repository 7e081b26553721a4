"""The real name of somebody's operation opens nothing to anybody else, however far their roles reach."""

from __future__ import annotations

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration

from taproot.customer.v1 import export_pb2 as pb
from taproot.customer.v1 import export_service_pb2 as rpc
from taproot.customer.v1.export_service_pb2_grpc import ExportsServiceStub
from taproot.operations.v1 import operations_pb2 as operations
from taproot.operations.v1.operations_pb2_grpc import OperationsServiceStub
from taproot_base.errors import Kind

SHANGHAI, WEST = "/hq/e/sh/", "/hq/w/"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def victim(service):
    return await service.add_user({"*": "all"}, SHANGHAI)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def theirs(service, victim):
    """An export of the victim, and the name of its operation."""
    asked = rpc.CreateExportRequest(export=pb.Export(file_format=pb.EXPORT_FORMAT_CSV))
    made = await service.stub(ExportsServiceStub, victim).CreateExport(asked)
    return made.id, made.operation


CALLS = {
    "get": lambda name: ("GetOperation", operations.GetOperationRequest(name=name)),
    "wait": lambda name: (
        "WaitOperation", operations.WaitOperationRequest(name=name, timeout=Duration(seconds=1))
    ),
    "cancel": lambda name: ("CancelOperation", operations.CancelOperationRequest(name=name)),
}  # fmt: skip
STRANGERS = {"colleague": ("all", SHANGHAI), "neighbour": ("branch", SHANGHAI), "far": ("own", WEST)}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("call", CALLS)
async def test_the_operation_is_unknown_to_others(service, theirs, failure, who, call):
    scope, branch = STRANGERS[who]
    stranger = await service.add_user({"*": scope}, branch)
    method, request = CALLS[call](theirs[1])
    refused = await failure(getattr(service.stub(OperationsServiceStub, stranger), method)(request))
    assert refused.kind is Kind.NOT_FOUND


@pytest.mark.parametrize("who", STRANGERS)
async def test_nor_is_it_listed_nor_its_file_given(service, theirs, failure, who):
    scope, branch = STRANGERS[who]
    stranger = await service.add_user({"*": scope}, branch)
    listed = await service.stub(OperationsServiceStub, stranger).ListOperations(
        operations.ListOperationsRequest(page_size=1000)
    )
    assert list(listed.operations) == []
    download = rpc.DownloadExportRequest(id=theirs[0])
    refused = await failure(service.stub(ExportsServiceStub, stranger).DownloadExport(download))
    assert refused.kind in {Kind.NOT_FOUND, Kind.DENIED}


async def test_without_a_caller_there_is_nothing(service, theirs, failure):
    for method, request in (make(theirs[1]) for make in CALLS.values()):
        call = getattr(service.stub(OperationsServiceStub, None), method)(request)
        assert (await failure(call)).kind is Kind.UNAUTHENTICATED


async def test_the_owner_still_has_it(service, victim, theirs):
    mine = service.stub(OperationsServiceStub, victim)
    found = await mine.GetOperation(operations.GetOperationRequest(name=theirs[1]))
    assert (found.name, found.error.code) == (theirs[1], 0)  # nobody has cancelled it
    listed = await mine.ListOperations(operations.ListOperationsRequest())
    assert [one.name for one in listed.operations] == [theirs[1]]
