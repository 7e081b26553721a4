"""gRPC of second factors: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.empty_pb2 import Empty

from taproot.identity.v1 import second_factor_service_pb2 as pb
from taproot_base import wire
from taproot_base.context import current_call
from taproot_base.errors import PermissionDenied
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.second_factors import queries
from taproot_gateway.second_factors.handlers import SecondFactors, is_required
from taproot_gateway.sessions import store
from taproot_gateway.sessions.handlers import SignIns
from taproot_gateway.sessions.servicer import caller_of, session_of
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_storage.database import Reader


class SecondFactorsServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings], factors: SecondFactors, sign_ins: SignIns) -> None:
        super().__init__(runtime.database)
        self._factors = factors
        self._sign_ins = sign_ins

    async def GetSecondFactor(self, _request: pb.GetSecondFactorRequest, _context: Any) -> pb.SecondFactor:
        user_id = caller_of()

        async def query(reader: Reader) -> pb.SecondFactor:
            user = await users.own_record(reader, user_id)
            factor = await queries.find_factor(reader, user_id)
            confirmed = factor["confirm_time"] if factor is not None else None
            return pb.SecondFactor(
                enabled=confirmed is not None,
                confirm_time=wire.to_timestamp(confirmed),
                recovery_codes_left=await queries.count_recovery_codes(reader, user_id),
                required=await is_required(reader, user["role_ids"]),
            )

        return await self.read(query)

    async def EnrolSecondFactor(
        self, request: pb.EnrolSecondFactorRequest, context: Any
    ) -> pb.EnrolSecondFactorResponse:
        user_id, _ = _signed_in(context)
        async with self.database.reading() as reader:
            credential = await store.find_credential(reader, user_id)
        if credential is not None:
            await self._sign_ins.verify_own_password(user_id, credential, request.current_password)
        secret, uri = await self._factors.enrol(user_id)
        return pb.EnrolSecondFactorResponse(secret=secret, uri=uri)

    async def ConfirmSecondFactor(
        self, request: pb.ConfirmSecondFactorRequest, context: Any
    ) -> pb.RecoveryCodes:
        user_id, session_id = _signed_in(context)
        return pb.RecoveryCodes(codes=await self._factors.confirm(user_id, session_id, request.code))

    async def RenewRecoveryCodes(
        self, request: pb.RenewRecoveryCodesRequest, context: Any
    ) -> pb.RecoveryCodes:
        user_id, _ = _signed_in(context)
        return pb.RecoveryCodes(codes=await self._factors.renew_recovery_codes(user_id, request.code))

    async def RemoveSecondFactor(self, request: pb.RemoveSecondFactorRequest, context: Any) -> Empty:
        user_id, _ = _signed_in(context)
        await self._factors.remove(user_id, request.code)
        return Empty()


def _signed_in(context: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """A key in a program's settings must not be enough to change how its owner signs in."""
    user_id, session_id = caller_of(), session_of(context)
    current_call().check_undoomed()
    if session_id is None:
        raise PermissionDenied("this needs a session; an API key is not enough")
    return user_id, session_id
