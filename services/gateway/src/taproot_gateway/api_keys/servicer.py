"""gRPC of API keys: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.empty_pb2 import Empty

from taproot.identity.v1 import api_key_service_pb2 as rpc
from taproot_chassis.context import current_call
from taproot_chassis.database import Reader
from taproot_chassis.errors import InvalidArgument, PermissionDenied
from taproot_chassis.idempotency import lock_key
from taproot_chassis.servicer import Servicer
from taproot_gateway.api_keys import handlers, messages, queries


class ApiKeysServicer(Servicer):
    async def ListApiKeys(self, _request: rpc.ListApiKeysRequest, _context: Any) -> rpc.ListApiKeysResponse:
        user_id = _caller()

        async def query(reader: Reader) -> rpc.ListApiKeysResponse:
            rows = await queries.keys_of(reader, user_id)
            return rpc.ListApiKeysResponse(api_keys=[messages.to_message(row) for row in rows])

        return await self.read(query)

    async def CreateApiKey(self, request: rpc.CreateApiKeyRequest, _context: Any) -> rpc.CreateApiKeyResponse:
        user_id = _caller()
        if not request.api_key.display_name:
            raise InvalidArgument([("api_key.display_name", "is required")])
        expire_time = messages.expiry(request.api_key, self.database.clock.now())
        async with self.database.unit([lock_key("api_keys", user_id)]) as work:
            name = request.api_key.display_name
            row, key = await handlers.create_api_key(user_id, name, expire_time, work)
        return rpc.CreateApiKeyResponse(api_key=messages.to_message(row), key=key)

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
