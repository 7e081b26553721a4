"""gRPC of users: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.empty_pb2 import Empty

from taproot.identity.v1 import user_pb2 as pb
from taproot.identity.v1 import user_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.sessions import messages as session_messages
from taproot_gateway.sessions import store
from taproot_gateway.sessions.model import sessions
from taproot_gateway.sessions.passwords import Hasher
from taproot_gateway.sessions.policy import Policy
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import handlers, messages, queries
from taproot_gateway.users.handlers import AssignUser, CreateUser, UpdateUser
from taproot_gateway.users.model import User, name_key, names_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields

Verb = Callable[[uuid.UUID, str, UnitOfWork], Awaitable[User]]
# Taken by what could remove the last administrator: two such changes at once must not both succeed.
_ADMINISTRATORS = lock_key("identity", "administrators")


class UsersServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings], hasher: Hasher) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._hasher = hasher
        self._settings = settings = runtime.settings
        self._policy = Policy(settings.password_min_length, settings.password_breach_file)

    async def GetUser(self, request: rpc.GetUserRequest, _context: Any) -> pb.User:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListUsers(self, request: rpc.ListUsersRequest, _context: Any) -> rpc.ListUsersResponse:
        async def query(reader: Reader) -> rpc.ListUsersResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), User, request)
            users = [messages.to_message(row) for row in page.rows]
            return rpc.ListUsersResponse(users=users, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateUsers(
        self, request: rpc.AggregateUsersRequest, _context: Any
    ) -> rpc.AggregateUsersResponse:
        async def query(reader: Reader) -> rpc.AggregateUsersResponse:
            rows = await aggregate(reader, queries.RESOURCE, queries.listed(), User, request)
            return rpc.AggregateUsersResponse(rows=rows)

        return await self.read(query)

    async def CreateUser(self, request: rpc.CreateUserRequest, _context: Any) -> pb.User:
        message = request.user
        messages.check_new(message)
        values = messages.to_values(message, messages.FIELDS)
        command = CreateUser(wire.optional_uuid(message.id), values)

        async def act(work: UnitOfWork) -> pb.User:
            return messages.to_message(await handlers.create_user(command, work))

        return await self.once(request, act, self._read, locks=[_name_lock(message.user_name)])

    async def UpdateUser(self, request: rpc.UpdateUserRequest, _context: Any) -> pb.User:
        message = request.user
        names = changed_fields(message, request.update_mask, messages.FIELDS, messages.BY_VERB)
        command = UpdateUser(uuid.UUID(message.id), message.etag, messages.to_values(message, names))
        locks = [_name_lock(message.user_name)] if "user_name" in names else []

        async def act(work: UnitOfWork) -> pb.User:
            return messages.to_message(await handlers.update_user(command, work))

        return await self.once(request, act, self._read, locks=locks)

    async def AssignUser(self, request: rpc.AssignUserRequest, _context: Any) -> pb.User:
        named = list(request.assign_mask.paths) or [
            field.name for field, _ in request.ListFields() if field.name in messages.ASSIGNED
        ]
        command = AssignUser(uuid.UUID(request.id), request.etag, messages.assigned_values(request, named))

        async def act(work: UnitOfWork) -> pb.User:
            user, seen = await handlers.assign_user(command, work)
            return messages.to_message(user) if seen else pb.User(id=request.id, etag=user.etag)

        return await self.once(request, act, self._read, locks=[_ADMINISTRATORS])

    async def DeleteUser(self, request: rpc.DeleteUserRequest, _context: Any) -> pb.User:
        return await self._verb(request, handlers.delete_user)

    async def DisableUser(self, request: rpc.DisableUserRequest, _context: Any) -> pb.User:
        return await self._verb(request, handlers.disable_user)

    async def EnableUser(self, request: rpc.EnableUserRequest, _context: Any) -> pb.User:
        return await self._verb(request, handlers.enable_user)

    async def _verb(self, request: Any, verb: Verb) -> pb.User:
        async def act(work: UnitOfWork) -> pb.User:
            return messages.to_message(await verb(uuid.UUID(request.id), request.etag, work))

        return await self.once(request, act, self._read, locks=[_ADMINISTRATORS])

    async def UnlockUser(self, request: rpc.UnlockUserRequest, _context: Any) -> pb.User:
        async with self.database.unit() as work:
            return messages.to_message(await handlers.unlock_user(uuid.UUID(request.id), work))

    async def SetUserPassword(self, request: rpc.SetUserPasswordRequest, _context: Any) -> Empty:
        async with self.database.reading() as reader:
            user = await queries.get_user(reader, uuid.UUID(request.id))
        await self._policy.require(request.password, names_of(user), "password")
        digest = await self._hasher.hash(request.password)
        async with self.database.unit() as work:
            key = uuid.UUID(request.id)
            await handlers.set_password(key, digest, must_change=request.must_change, work=work)
        return Empty()

    async def RevokeUserSessions(self, request: rpc.RevokeUserSessionsRequest, _context: Any) -> Empty:
        async with self.database.unit() as work:
            await handlers.revoke_sessions(uuid.UUID(request.id), work)
        return Empty()

    async def ResetUserSecondFactor(
        self, request: rpc.ResetUserSecondFactorRequest, _context: Any
    ) -> pb.User:
        async with self.database.unit() as work:
            return messages.to_message(await handlers.reset_second_factor(uuid.UUID(request.id), work))

    async def ListUserSessions(
        self, request: rpc.ListUserSessionsRequest, _context: Any
    ) -> rpc.ListUserSessionsResponse:
        idle = self._settings.session_idle_minutes

        async def query(reader: Reader) -> rpc.ListUserSessionsResponse:
            user = await queries.get_user(reader, uuid.UUID(request.user_id))
            rows = store.open_sessions(reader, user["id"], idle)
            page = await self._lists.page(reader, store.RESOURCE, rows, sessions, request)
            found = [session_messages.to_message(row, idle) for row in page.rows]
            return rpc.ListUserSessionsResponse(sessions=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def _read(self, reader: Reader, key: str) -> pb.User:
        return messages.to_message(await queries.get_user(reader, uuid.UUID(key)))


def _name_lock(user_name: str) -> int:
    return lock_key("user", name_key(user_name))
