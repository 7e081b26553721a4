"""gRPC of API keys: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.empty_pb2 import Empty

from taproot.identity.v1 import api_key_service_pb2 as rpc
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, PermissionDenied
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.api_keys import handlers, messages, queries
from taproot_gateway.api_keys.model import api_keys
from taproot_gateway.settings import GatewaySettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists


class ApiKeysServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def ListApiKeys(self, request: rpc.ListApiKeysRequest, _context: Any) -> rpc.ListApiKeysResponse:
        rows = queries.listed(_caller())

        async def query(reader: Reader) -> rpc.ListApiKeysResponse:
            page = await self._lists.page(reader, queries.RESOURCE, rows, api_keys, request)
            found = [messages.to_message(row) for row in page.rows]
            return rpc.ListApiKeysResponse(api_keys=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateApiKey(self, request: rpc.CreateApiKeyRequest, _context: Any) -> rpc.CreateApiKeyResponse:
        user_id, name = _caller(), request.api_key.display_name
        if not name:
            raise InvalidArgument([("api_key.display_name", "is required")])
        scope = messages.scope_of(request.api_key)
        expire_time = messages.expiry(request.api_key, self.database.clock.now())

        async def act(work: UnitOfWork) -> rpc.CreateApiKeyResponse:
            row, key = await handlers.create_api_key(user_id, name, scope, expire_time, work)
            return rpc.CreateApiKeyResponse(api_key=messages.to_message(row), key=key)

        async def again(reader: Reader, key: str) -> rpc.CreateApiKeyResponse:
            row = await queries.get_key(reader, user_id, uuid.UUID(key))
            return rpc.CreateApiKeyResponse(api_key=messages.to_message(row))

        locks = [lock_key("api_keys", user_id)]
        return await self.once(request, act, again, locks=locks, result_id=lambda made: made.api_key.id)

    async def DeleteApiKey(self, request: rpc.DeleteApiKeyRequest, _context: Any) -> Empty:
        user_id = _caller()
        async with self.database.unit() as work:
            await handlers.delete_api_key(user_id, uuid.UUID(request.id), work)
        return Empty()


def _caller() -> uuid.UUID:
    principal = current_call().principal
    if principal.kind != "user":
        raise PermissionDenied("only staff has API keys")
    return uuid.UUID(principal.subject)
