"""gRPC of branches: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.identity.v1 import branch_pb2 as pb
from taproot.identity.v1 import branch_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.branches import handlers, messages, queries
from taproot_gateway.branches.handlers import TREE_LOCK, CreateBranch, MoveBranch, UpdateBranch
from taproot_gateway.branches.model import Branch
from taproot_gateway.settings import GatewaySettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields


class BranchesServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetBranch(self, request: rpc.GetBranchRequest, _context: Any) -> pb.Branch:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListBranches(self, request: rpc.ListBranchesRequest, _context: Any) -> rpc.ListBranchesResponse:
        async def query(reader: Reader) -> rpc.ListBranchesResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Branch, request)
            branches = [messages.to_message(row) for row in page.rows]
            return rpc.ListBranchesResponse(branches=branches, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateBranch(self, request: rpc.CreateBranchRequest, _context: Any) -> pb.Branch:
        message = request.branch
        messages.check_new(message)
        values = messages.to_values(message, messages.FIELDS)
        command = CreateBranch(wire.optional_uuid(message.id), uuid.UUID(message.parent_id), values)

        async def act(work: UnitOfWork) -> pb.Branch:
            return messages.to_message(await handlers.create_branch(command, work))

        return await self.once(request, act, self._read, locks=[TREE_LOCK])

    async def UpdateBranch(self, request: rpc.UpdateBranchRequest, _context: Any) -> pb.Branch:
        names = changed_fields(request.branch, request.update_mask, messages.FIELDS)
        values = messages.to_values(request.branch, names)
        command = UpdateBranch(uuid.UUID(request.branch.id), request.branch.etag, values)

        async def act(work: UnitOfWork) -> pb.Branch:
            return messages.to_message(await handlers.update_branch(command, work))

        return await self.once(request, act, self._read)

    async def MoveBranch(self, request: rpc.MoveBranchRequest, _context: Any) -> pb.Branch:
        command = MoveBranch(uuid.UUID(request.id), request.etag, uuid.UUID(request.parent_id))

        async def act(work: UnitOfWork) -> pb.Branch:
            return messages.to_message(await handlers.move_branch(command, work))

        return await self.once(request, act, self._read, locks=[TREE_LOCK])

    async def DeleteBranch(self, request: rpc.DeleteBranchRequest, _context: Any) -> pb.Branch:
        async def act(work: UnitOfWork) -> pb.Branch:
            return messages.to_message(
                await handlers.delete_branch(uuid.UUID(request.id), request.etag, work)
            )

        return await self.once(request, act, self._read, locks=[TREE_LOCK])

    async def _read(self, reader: Reader, key: str) -> pb.Branch:
        return messages.to_message(await queries.get_branch(reader, uuid.UUID(key)))
