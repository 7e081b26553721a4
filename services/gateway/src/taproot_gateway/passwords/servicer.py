"""gRPC of passwords: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from google.protobuf.empty_pb2 import Empty

from taproot.identity.v1 import password_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.passwords.handlers import Resets
from taproot_gateway.sessions.passwords import Hasher
from taproot_gateway.settings import GatewaySettings


class PasswordsServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings], hasher: Hasher) -> None:
        super().__init__(runtime.database)
        self._resets = Resets(runtime.database, hasher, runtime.settings)

    async def RequestPasswordReset(self, request: rpc.RequestPasswordResetRequest, context: Any) -> Empty:
        await self._resets.request(request.login, _address(context))
        return Empty()

    async def ResetPassword(self, request: rpc.ResetPasswordRequest, context: Any) -> Empty:
        await self._resets.reset(request.token, request.new_password, _address(context))
        return Empty()


def _address(context: Any) -> str:
    return str(dict(context.invocation_metadata()).get("x-client-address", ""))
