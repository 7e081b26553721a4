"""People of the demo enterprise with roles of a test's own, and the gRPC door as they use it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import httpx
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from taproot_local.api import Client, Json
from taproot_local.demo.company import OFFICE, PASSWORD

PASSING = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


async def hire(admin: Client, name: str, office: str, grants: dict[str, str], **role: Any) -> Client:
    """A new user with one role. `grants`: permission -> scope, such as `BRANCH`; `role`: what else it says."""
    code = f"{name}_{uuid.uuid4().hex[:6]}"
    pairs = [{"permission": permission, "scope": scope} for permission, scope in grants.items()]
    made = await admin.post("/v1/roles", {"code": code, "display_name": code, "grants": pairs, **role})
    body: Json = {
        "user_name": code, "display_name": code, "branch_id": OFFICE[office].id, "role_ids": [made["id"]],
    }  # fmt: skip
    user = await admin.post("/v1/users", body)
    await admin.post(f"/v1/users/{user['id']}:setPassword", {"password": PASSWORD})
    return await admin.signed_in(code, PASSWORD)


async def hang_on(caller: Client, customer_id: str, name: str, content: bytes) -> httpx.Response:
    """Upload a file as it is."""
    headers = {"authorization": f"Bearer {caller.token}", "content-type": "text/html"}
    path = f"/v1/customers/{customer_id}/attachments:upload"
    return await caller.http.post(path, params={"display_name": name}, content=content, headers=headers)


class GrpcDoor:
    """Calls methods of the contracts; a role that is on its way to the service is waited for."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address)

    async def call(self, method: MethodDescriptor, request: Message, token: str) -> tuple[str, Any]:
        """The status code and, for OK, the answer."""
        send = self._channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            type(request).SerializeToString,
            message_factory.GetMessageClass(method.output_type).FromString,
        )
        for _ in range(100):
            try:
                return "OK", await send(request, metadata=(("authorization", f"Bearer {token}"),), timeout=20)
            except grpc.aio.AioRpcError as error:
                code = error.code().name
            if code not in PASSING:
                break
            await asyncio.sleep(0.1)
        return code, None

    async def close(self) -> None:
        await self._channel.close()
