"""gRPC of the review queue: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from google.longrunning.operations_proto_pb2 import Operation

from taproot.customer.v1 import duplicate_pair_pb2 as pb
from taproot.customer.v1 import duplicate_pair_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis import operations
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.review import handlers, messages, queries
from taproot_customer.review.model import DuplicatePair
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields

SERVICE = "customer"


class DuplicatePairsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._region = runtime.settings.default_region

    async def SearchDuplicatePairs(
        self, request: rpc.SearchDuplicatePairsRequest, _context: Any
    ) -> Operation:
        async def act(work: UnitOfWork) -> Operation:
            started = await handlers.start_search(work)
            return await operations.get(work, SERVICE, f"operations/{SERVICE}/{started}")

        async def again(reader: Reader, name: str) -> Operation:
            return await operations.get(reader, SERVICE, name)

        return await self.once(request, act, again, result_id=lambda operation: str(operation.name))

    async def GetDuplicatePair(self, request: rpc.GetDuplicatePairRequest, _context: Any) -> pb.DuplicatePair:
        return await self.read(lambda reader: _read(reader, request.id))

    async def ListDuplicatePairs(
        self, request: rpc.ListDuplicatePairsRequest, _context: Any
    ) -> rpc.ListDuplicatePairsResponse:
        async def query(reader: Reader) -> rpc.ListDuplicatePairsResponse:
            rows = queries.listed()
            page = await self._lists.page(reader, queries.RESOURCE, rows, DuplicatePair, request)
            sides = await queries.customers_of(reader, page.rows)
            pairs = [messages.to_message(row, sides) for row in page.rows]
            return rpc.ListDuplicatePairsResponse(duplicate_pairs=pairs, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AcceptDuplicatePair(
        self, request: rpc.AcceptDuplicatePairRequest, _context: Any
    ) -> pb.DuplicatePair:
        command = handlers.AcceptPair(
            uuid.UUID(request.id),
            self._region,
            request.etag,
            wire.optional_uuid(request.survivor_id),
            dict(request.field_sources),
        )
        return await self._decide(request, lambda work: handlers.accept_pair(command, work))

    async def DismissDuplicatePair(
        self, request: rpc.DismissDuplicatePairRequest, _context: Any
    ) -> pb.DuplicatePair:
        key = uuid.UUID(request.id)
        return await self._decide(
            request, lambda work: handlers.dismiss_pair(key, request.etag, request.note, work)
        )

    async def ReopenDuplicatePair(
        self, request: rpc.ReopenDuplicatePairRequest, _context: Any
    ) -> pb.DuplicatePair:
        key = uuid.UUID(request.id)
        return await self._decide(request, lambda work: handlers.reopen_pair(key, request.etag, work))

    async def _decide(
        self, request: Any, decide: Callable[[UnitOfWork], Awaitable[DuplicatePair]]
    ) -> pb.DuplicatePair:
        async def act(work: UnitOfWork) -> pb.DuplicatePair:
            await decide(work)
            await work.flush()
            return await _read(work, request.id)

        return await self.once(request, act, _read)

    async def GetDuplicateRules(
        self, _request: rpc.GetDuplicateRulesRequest, _context: Any
    ) -> pb.DuplicateRules:
        return await self.read(_rules)

    async def UpdateDuplicateRules(
        self, request: rpc.UpdateDuplicateRulesRequest, _context: Any
    ) -> pb.DuplicateRules:
        wanted = request.duplicate_rules
        values = messages.rules_values(wanted, changed_fields(wanted, request.update_mask, messages.RULES))

        async def act(work: UnitOfWork) -> pb.DuplicateRules:
            return messages.rules_message(await handlers.update_rules(values, wanted.etag, work))

        async def again(reader: Reader, _key: str) -> pb.DuplicateRules:
            return await _rules(reader)

        return await self.once(request, act, again, result_id=lambda _response: "rules")


async def _read(reader: Reader, key: str) -> pb.DuplicatePair:
    row = await queries.get_pair(reader, uuid.UUID(key))
    return messages.to_message(row, await queries.customers_of(reader, [row]))


async def _rules(reader: Reader) -> pb.DuplicateRules:
    return messages.rules_message(await queries.read_rules(reader))
