"""gRPC of consents: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import consent_pb2 as pb
from taproot.customer.v1 import consent_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.consents import handlers, messages, queries
from taproot_customer.consents.handlers import CreateConsent
from taproot_customer.consents.model import Consent
from taproot_customer.parents import find_parent, members_of
from taproot_customer.reading import listed, read_one
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate


class ConsentsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetConsent(self, request: rpc.GetConsentRequest, _context: Any) -> pb.Consent:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListConsents(self, request: rpc.ListConsentsRequest, _context: Any) -> rpc.ListConsentsResponse:
        async def query(reader: Reader) -> rpc.ListConsentsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, listed(Consent), Consent, request)
            consents = [messages.to_message(row) for row in page.rows]
            return rpc.ListConsentsResponse(consents=consents, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateConsents(
        self, request: rpc.AggregateConsentsRequest, _context: Any
    ) -> rpc.AggregateConsentsResponse:
        async def query(reader: Reader) -> rpc.AggregateConsentsResponse:
            rows = await aggregate(reader, queries.RESOURCE, listed(Consent), Consent, request)
            return rpc.AggregateConsentsResponse(rows=rows)

        return await self.read(query)

    async def CreateConsent(self, request: rpc.CreateConsentRequest, _context: Any) -> pb.Consent:
        message = request.consent
        messages.check_new(message)
        present = {field.name for field, _ in message.ListFields()}
        values = messages.to_values(message, [name for name in messages.FIELDS if name in present])
        command = CreateConsent(wire.optional_uuid(message.id), uuid.UUID(message.customer_id), values)

        async def act(work: UnitOfWork) -> pb.Consent:
            return messages.to_message(await handlers.create_consent(command, work))

        return await self.once(request, act, self._read)

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

    async def _read(self, reader: Reader, key: str) -> pb.Consent:
        return messages.to_message(await read_one(reader, Consent, uuid.UUID(key)))
