"""gRPC of transfers: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from google.longrunning.operations_proto_pb2 import Operation

from taproot.customer.v1 import transfer_pb2 as pb
from taproot.customer.v1 import transfer_service_pb2 as rpc
from taproot_base.errors import NotFound
from taproot_chassis import operations
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.settings import CustomerSettings
from taproot_customer.transfers import handlers, messages, queries
from taproot_customer.transfers.model import Transfer
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists

SERVICE = "customer"


class TransfersServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def TransferCustomers(self, request: rpc.TransferCustomersRequest, _context: Any) -> Operation:
        command = messages.to_command(request)

        async def act(work: UnitOfWork) -> Operation:
            planned = await handlers.preview_transfer(command, work)
            if request.validate_only:
                return messages.to_preview(planned)
            return await _started(work, await handlers.start_transfer(planned, work))

        return await self._operate(request, act)

    async def UndoTransfer(self, request: rpc.UndoTransferRequest, _context: Any) -> Operation:
        async def act(work: UnitOfWork) -> Operation:
            return await _started(work, await handlers.start_undo(request.id, request.etag, work))

        return await self._operate(request, act)

    async def GetTransfer(self, request: rpc.GetTransferRequest, _context: Any) -> pb.Transfer:
        async def query(reader: Reader) -> pb.Transfer:
            row = await reader.fetch_row(queries.one(uuid.UUID(request.id)))
            if row is None:
                raise NotFound("transfer", request.id)
            return queries.SHELF.message(row)

        return await self.read(query)

    async def ListTransfers(
        self, request: rpc.ListTransfersRequest, _context: Any
    ) -> rpc.ListTransfersResponse:
        async def query(reader: Reader) -> rpc.ListTransfersResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Transfer, request)
            found = [queries.SHELF.message(row) for row in page.rows]
            return rpc.ListTransfersResponse(transfers=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def _operate(self, request: Any, act: Callable[[UnitOfWork], Awaitable[Operation]]) -> Operation:
        async def again(reader: Reader, name: str) -> Operation:
            return await operations.get(reader, SERVICE, name)

        return await self.once(request, act, again, result_id=lambda operation: str(operation.name))


async def _started(work: UnitOfWork, key: uuid.UUID) -> Operation:
    return await operations.get(work, SERVICE, f"operations/{SERVICE}/{key}")
