"""gRPC of consents: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import consent_pb2 as pb
from taproot.customer.v1 import consent_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_customer.consents import handlers, messages, queries
from taproot_customer.consents.model import Consent
from taproot_customer.parents import find_parent, members_of
from taproot_customer.settings import CustomerSettings
from taproot_records.serving import ResourceServicer
from taproot_records.writing import given
from taproot_storage.database import Reader


class ConsentsServicer(ResourceServicer[pb.Consent]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetConsent(self, request: rpc.GetConsentRequest, _context: Any) -> pb.Consent:
        return await self.get(request.id)

    async def ListConsents(self, request: rpc.ListConsentsRequest, _context: Any) -> rpc.ListConsentsResponse:
        return await self.page(request, rpc.ListConsentsResponse, "consents")

    async def AggregateConsents(
        self, request: rpc.AggregateConsentsRequest, _context: Any
    ) -> rpc.AggregateConsentsResponse:
        return await self.aggregate(request, rpc.AggregateConsentsResponse)

    async def CreateConsent(self, request: rpc.CreateConsentRequest, _context: Any) -> pb.Consent:
        messages.check_new(request.consent)
        values = given(request.consent, Consent)
        return await self.change(
            request, lambda work: handlers.create_consent(request.consent.id, values, work)
        )

    async def GetConsentStates(
        self, request: rpc.GetConsentStatesRequest, _context: Any
    ) -> rpc.GetConsentStatesResponse:
        async def query(reader: Reader) -> rpc.GetConsentStatesResponse:
            parent = await find_parent(reader, uuid.UUID(request.customer_id))
            rows = await queries.read_states(reader, await members_of(reader, parent.id))
            now = reader.clock.now()
            return rpc.GetConsentStatesResponse(states=[messages.to_state(row, now) for row in rows])

        return await self.read(query)

    async def CheckConsents(
        self, request: rpc.CheckConsentsRequest, _context: Any
    ) -> rpc.CheckConsentsResponse:
        ids = [uuid.UUID(key) for key in request.customer_ids]
        channel = messages.channel_of(request.channel)

        async def query(reader: Reader) -> rpc.CheckConsentsResponse:
            allowed = await queries.read_allowed(reader, ids, request.purpose, channel, reader.clock.now())
            return rpc.CheckConsentsResponse(allowed_customer_ids=[str(key) for key in allowed])

        return await self.read(query)
