"""gRPC of duplicates: finding, merging, undoing."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import duplicate_service_pb2 as rpc
from taproot.customer.v1.duplicate_pair_pb2 import DuplicateEvidence
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.customers import messages
from taproot_customer.customers import queries as customers
from taproot_customer.hierarchies.model import TREE_LOCK
from taproot_customer.merging import handlers, queries
from taproot_customer.merging.handlers import MergeCustomers, UnmergeCustomer
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork

_COMPARED = ("kind", "display_name", "given_name", "family_name", "birth_date", "identifiers", "addresses")
_NOBODY = uuid.UUID(int=0)


class DuplicatesServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._region = runtime.settings.default_region

    async def FindDuplicateCustomers(
        self, request: rpc.FindDuplicateCustomersRequest, _context: Any
    ) -> rpc.FindDuplicateCustomersResponse:
        async def query(reader: Reader) -> rpc.FindDuplicateCustomersResponse:
            key = uuid.UUID(request.customer.id) if request.customer.id else _NOBODY
            stored = len(request.customer.ListFields()) == 1 and key != _NOBODY
            values: Any = (
                await customers.get_customer(reader, key)
                if stored
                else messages.to_values(request.customer, _COMPARED)
            )
            size = min(request.page_size or 10, 100)
            found = await handlers.find_duplicates(values, key, size, self._region, reader)
            return rpc.FindDuplicateCustomersResponse(candidates=[_candidate(each) for each in found])

        return await self.read(query)

    async def MergeCustomers(self, request: rpc.MergeCustomersRequest, _context: Any) -> pb.Customer:
        sources = [uuid.UUID(key) for key in request.source_ids]
        choices = dict(request.field_sources)
        command = MergeCustomers(uuid.UUID(request.id), sources, choices, request.etag, self._region)

        async def act(work: UnitOfWork) -> pb.Customer:
            return messages.to_message(await handlers.merge_customers(command, work))

        return await self.once(request, act, self._read)

    async def UnmergeCustomer(self, request: rpc.UnmergeCustomerRequest, _context: Any) -> pb.Customer:
        command = UnmergeCustomer(uuid.UUID(request.id), uuid.UUID(request.source_id), self._region)
        async with self.database.reading() as reader:
            locks = customers.locks_of(await queries.journalled_keys(reader, command.source_id))

        async def act(work: UnitOfWork) -> pb.Customer:
            return messages.to_message(await handlers.unmerge_customer(command, work))

        return await self.once(request, act, self._read, locks=[*locks, TREE_LOCK])

    async def _read(self, reader: Reader, key: str) -> pb.Customer:
        return messages.to_message(await customers.get_customer(reader, uuid.UUID(key)))


def _candidate(found: handlers.Candidate) -> rpc.DuplicateCandidate:
    match = found.match
    return rpc.DuplicateCandidate(
        customer=messages.to_message(found.row),
        score=round(match.score, 4),
        reasons=match.reasons,
        evidence=[
            DuplicateEvidence(field=one.field, outcome=one.outcome, weight=round(one.weight, 2))
            for one in match.evidence
        ],
    )
