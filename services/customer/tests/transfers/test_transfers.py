"""Many customers change hands: looked at before, done, undone."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.longrunning.operations_proto_pb2 import Operation

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import pool_pb2, pool_service_pb2, task_pb2, task_service_pb2, transfer_pb2
from taproot.customer.v1 import transfer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.pool_service_pb2_grpc import PoolsServiceStub
from taproot.customer.v1.task_service_pb2_grpc import TasksServiceStub
from taproot.customer.v1.transfer_service_pb2_grpc import TransfersServiceStub
from taproot.operations.v1 import operations_pb2
from taproot.operations.v1.operations_pb2_grpc import OperationsServiceStub
from taproot_base.errors import AppError, InvalidArgument, Kind
from taproot_base.ids import new_id
from taproot_customer.transfers import handlers
from taproot_testkit import Harness

Failure = Callable[[Awaitable[Any]], Awaitable[AppError]]
SELLER = {"customers.*": "own", "tasks.*": "own"}


class Office:
    def __init__(self, service: Harness, admin: Any) -> None:
        self.service = service
        self.customers = service.stub(CustomersServiceStub, admin)
        self.tasks = service.stub(TasksServiceStub, admin)
        self.pools = service.stub(PoolsServiceStub, admin)
        self.transfers = service.stub(TransfersServiceStub, admin)
        self.operations = service.stub(OperationsServiceStub, admin)

    async def seller(self, branch: str = "/hq/e/sh/") -> Any:
        return await self.service.add_user(SELLER, branch)

    async def done(self, operation: Operation) -> transfer_pb2.Transfer:
        deadline = time.monotonic() + 20
        request = operations_pb2.GetOperationRequest(name=operation.name)
        while not (found := await self.operations.GetOperation(request)).done:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert not found.HasField("error"), found.error
        transfer = transfer_pb2.Transfer()
        assert found.response.Unpack(transfer)
        return transfer

    async def move(self, leaver: Any, to: list[Any], **values: Any) -> transfer_pb2.Transfer:
        return await self.done(await self.transfers.TransferCustomers(request(leaver, to, **values)))

    async def undo(self, transfer: transfer_pb2.Transfer) -> transfer_pb2.Transfer:
        return await self.done(await self.transfers.UndoTransfer(rpc.UndoTransferRequest(id=transfer.id)))

    async def owners(self, ids: list[str]) -> Counter[str]:
        found = [await self.customers.GetCustomer(customers_rpc.GetCustomerRequest(id=key)) for key in ids]
        return Counter(customer.owner_id for customer in found)

    async def task(self, owner: Any, customer_id: str = "") -> str:
        task = task_pb2.Task(display_name="回访", customer_id=customer_id, owner_id=owner.subject)
        return str((await self.tasks.CreateTask(task_service_pb2.CreateTaskRequest(task=task))).id)

    async def task_owner(self, key: str) -> str:
        return str((await self.tasks.GetTask(task_service_pb2.GetTaskRequest(id=key))).owner_id)


def request(leaver: Any, to: list[Any], **values: Any) -> rpc.TransferCustomersRequest:
    targets = [target.subject for target in to]
    return rpc.TransferCustomersRequest(
        from_owner_id=leaver.subject, to_owner_ids=targets, reason="离职交接", **values
    )


@pytest.fixture
def office(service: Harness, admin: Any) -> Office:
    return Office(service, admin)


class TestTransferCustomers:
    async def test_needs_the_permissions(self, service: Harness, failure: Failure) -> None:
        key = str(new_id())
        moved = rpc.TransferCustomersRequest(from_owner_id=key, reason="x")
        reader = await service.add_user({"customers.read": "all"})
        for caller, kind in ((None, Kind.UNAUTHENTICATED), (reader, Kind.DENIED)):
            stub = service.stub(TransfersServiceStub, caller)
            for call in (
                stub.TransferCustomers(moved),
                stub.UndoTransfer(rpc.UndoTransferRequest(id=key)),
                stub.GetTransfer(rpc.GetTransferRequest(id=key)),
                stub.ListTransfers(rpc.ListTransfersRequest()),
            ):
                assert (await failure(call)).kind is kind

    async def test_a_leavers_customers_and_tasks_are_shared_out_and_come_back(
        self, office: Office, make_customer: Any
    ) -> None:
        leaver, one, other = [await office.seller() for _ in range(3)]
        ids = [(await make_customer(f"客户{n}", by=leaver)).id for n in range(7)]
        with_customer, alone = await office.task(leaver, ids[0]), await office.task(leaver)
        preview = await office.transfers.TransferCustomers(request(leaver, [one, other], validate_only=True))
        planned = transfer_pb2.Transfer()
        assert preview.done and preview.response.Unpack(planned)  # noqa: PT018  # read only when it is done
        assert (planned.id, planned.customer_count, planned.task_count) == ("", 7, 2)
        assert await office.owners(ids) == {leaver.subject: 7}

        transfer = await office.move(leaver, [one, other])
        assert transfer.state == transfer_pb2.TRANSFER_STATE_DONE
        assert (transfer.customer_count, transfer.task_count) == (7, 2)
        assert await office.owners(ids) == {one.subject: 4, other.subject: 3}
        [first] = await office.owners([ids[0]])
        assert await office.task_owner(with_customer) == first
        assert await office.task_owner(alone) in (one.subject, other.subject)
        history = pool_service_pb2.ListOwnershipChangesRequest(filter=f'transfer_id = "{transfer.id}"')
        found = (await office.pools.ListOwnershipChanges(history)).ownership_changes
        assert {(c.kind, c.reason) for c in found} == {(pool_pb2.OWNERSHIP_KIND_TRANSFERRED, "离职交接")}
        assert len(found) == 7

        elsewhere = customers_rpc.AssignCustomerRequest(id=ids[3], owner_id=leaver.subject)
        await office.customers.AssignCustomer(elsewhere)
        back = await office.undo(transfer)
        assert back.state == transfer_pb2.TRANSFER_STATE_UNDONE
        assert (back.returned_count, back.kept_count) == (8, 1)
        assert await office.owners(ids) == {leaver.subject: 7}
        assert await office.task_owner(alone) == leaver.subject

    async def test_only_what_the_filter_and_the_caller_see_moves(
        self, service: Harness, office: Office, make_customer: Any, failure: Failure
    ) -> None:
        leaver, heir = await office.seller(), await office.seller()
        east = await make_customer("东", by=leaver, region="east")
        west = await make_customer("西", by=leaver, region="west")
        transfer = await office.move(leaver, [heir], filter='region = "east"')
        assert transfer.customer_count == 1
        assert await office.owners([east.id]) == {heir.subject: 1}
        stranger = service.stub(
            TransfersServiceStub,
            await service.add_user({"customers.assign": "branch"}, "/hq/w/"),
        )
        west_heir = await office.seller("/hq/w/")
        blind = await stranger.TransferCustomers(request(leaver, [west_heir], validate_only=True))
        planned = transfer_pb2.Transfer()
        blind.response.Unpack(planned)
        assert planned.customer_count == 0
        assert await office.owners([west.id]) == {leaver.subject: 1}
        listed = await stranger.ListTransfers(rpc.ListTransfersRequest())
        assert not listed.transfers
        get = stranger.GetTransfer(rpc.GetTransferRequest(id=transfer.id))
        assert (await failure(get)).kind is Kind.NOT_FOUND
        undo = stranger.UndoTransfer(rpc.UndoTransferRequest(id=transfer.id))
        assert (await failure(undo)).kind is Kind.NOT_FOUND

    async def test_without_targets_they_go_to_the_pool(self, office: Office, make_customer: Any) -> None:
        leaver = await office.seller()
        customer = await make_customer("公海", by=leaver)
        transfer = await office.move(leaver, [])
        assert await office.owners([customer.id]) == {"": 1}
        await office.undo(transfer)
        assert await office.owners([customer.id]) == {leaver.subject: 1}

    async def test_refuses(self, office: Office, failure: Failure) -> None:
        leaver = await office.seller()
        for targets, field in (([leaver], "to_owner_ids"),):
            error = await failure(office.transfers.TransferCustomers(request(leaver, targets)))
            assert [v.field for v in error.violations] == [field]
        unknown = request(leaver, [])
        unknown.to_owner_ids.append(str(new_id()))
        error = await failure(office.transfers.TransferCustomers(unknown))
        assert [v.field for v in error.violations] == ["to_owner_ids"]
        bad = await failure(office.transfers.TransferCustomers(request(leaver, [], filter="nope = 1")))
        assert [v.field for v in bad.violations] == ["filter"]
        transfer = await office.move(leaver, [])
        await office.undo(transfer)
        again = await failure(office.transfers.UndoTransfer(rpc.UndoTransferRequest(id=transfer.id)))
        assert again.kind is Kind.STATE

    async def test_batches_share_out_evenly(
        self, office: Office, make_customer: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handlers, "BATCH", 2)
        leaver, one, other = [await office.seller() for _ in range(3)]
        ids = [(await make_customer(f"批{n}", by=leaver)).id for n in range(5)]
        transfer = await office.move(leaver, [one, other])
        assert await office.owners(ids) == {one.subject: 3, other.subject: 2}
        back = await office.undo(transfer)
        assert (back.returned_count, back.kept_count) == (5, 0)
        assert await office.owners(ids) == {leaver.subject: 5}

    async def test_what_failed_on_the_way_can_be_undone(
        self, office: Office, make_customer: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leaver, heir = await office.seller(), await office.seller()
        ids = [(await make_customer(f"半{n}", by=leaver)).id for n in range(5)]
        whole, calls = handlers.hand_over, Counter[str]()

        async def fragile(*values: Any) -> bool:
            calls["made"] += 1
            if calls["made"] == 4:
                raise InvalidArgument([("to_owner_ids", "has just left")])
            return await whole(*values)

        monkeypatch.setattr(handlers, "BATCH", 1)
        monkeypatch.setattr(handlers, "hand_over", fragile)
        started = await office.transfers.TransferCustomers(request(leaver, [heir]))
        with pytest.raises(AssertionError, match="has just left"):
            await office.done(started)
        assert await office.owners(ids) == {heir.subject: 3, leaver.subject: 2}
        listed = await office.transfers.ListTransfers(rpc.ListTransfersRequest(page_size=1))
        [transfer] = listed.transfers
        assert (transfer.state, transfer.customer_count) == (transfer_pb2.TRANSFER_STATE_DONE, 3)
        assert (await office.undo(transfer)).returned_count == 3
        assert await office.owners(ids) == {leaver.subject: 5}

    async def test_a_merged_customer_stays_where_it_is(
        self, service: Harness, admin: Any, office: Office, make_customer: Any
    ) -> None:
        from taproot.customer.v1 import duplicate_service_pb2
        from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub

        leaver, heir = await office.seller(), await office.seller()
        customer = await make_customer("并", by=leaver)
        transfer = await office.move(leaver, [heir])
        survivor: pb.Customer = await make_customer("存")
        merge = duplicate_service_pb2.MergeCustomersRequest(id=survivor.id, source_ids=[customer.id])
        await service.stub(DuplicatesServiceStub, admin).MergeCustomers(merge)
        back = await office.undo(transfer)
        assert (back.returned_count, back.kept_count) == (0, 1)
