"""gRPC of roles: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.identity.v1 import role_pb2 as pb
from taproot.identity.v1 import role_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.roles import handlers, messages, queries
from taproot_gateway.roles.handlers import CreateRole, UpdateRole
from taproot_gateway.roles.model import Role
from taproot_gateway.settings import GatewaySettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields


class RolesServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetRole(self, request: rpc.GetRoleRequest, _context: Any) -> pb.Role:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListRoles(self, request: rpc.ListRolesRequest, _context: Any) -> rpc.ListRolesResponse:
        async def query(reader: Reader) -> rpc.ListRolesResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Role, request)
            roles = [messages.to_message(row) for row in page.rows]
            return rpc.ListRolesResponse(roles=roles, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateRole(self, request: rpc.CreateRoleRequest, _context: Any) -> pb.Role:
        messages.check_new(request.role)
        values = messages.to_values(request.role, messages.FIELDS)
        command = CreateRole(wire.optional_uuid(request.role.id), values)

        async def act(work: UnitOfWork) -> pb.Role:
            return messages.to_message(await handlers.create_role(command, work))

        return await self.once(request, act, self._read, locks=[lock_key("role", request.role.code)])

    async def UpdateRole(self, request: rpc.UpdateRoleRequest, _context: Any) -> pb.Role:
        names = changed_fields(request.role, request.update_mask, messages.FIELDS)
        values = messages.to_values(request.role, names)
        command = UpdateRole(uuid.UUID(request.role.id), request.role.etag, values)

        async def act(work: UnitOfWork) -> pb.Role:
            return messages.to_message(await handlers.update_role(command, work))

        return await self.once(request, act, self._read)

    async def DeleteRole(self, request: rpc.DeleteRoleRequest, _context: Any) -> pb.Role:
        async def act(work: UnitOfWork) -> pb.Role:
            return messages.to_message(await handlers.delete_role(uuid.UUID(request.id), request.etag, work))

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Role:
        return messages.to_message(await queries.get_role(reader, uuid.UUID(key)))
