"""gRPC of exporting and erasing one person: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from google.longrunning.operations_proto_pb2 import Operation

from taproot.customer.v1 import privacy_pb2 as pb
from taproot.customer.v1 import privacy_service_pb2 as rpc
from taproot.operations.v1 import personal_data_service_pb2 as held
from taproot_base.errors import NotFound
from taproot_base.ids import new_id
from taproot_chassis import operations
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.privacy import handlers, messages, queries
from taproot_customer.privacy.asking import Everyone, told
from taproot_customer.privacy.model import SERVICES, Erasure, ErasureRefused
from taproot_customer.reading import listed, read_one
from taproot_customer.settings import CustomerSettings
from taproot_records.privacy.holdings import Person
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists


class PrivacyServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings], everyone: Everyone) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._everyone = everyone

    async def GetErasure(self, request: rpc.GetErasureRequest, _context: Any) -> pb.Erasure:
        async def query(reader: Reader) -> pb.Erasure:
            return messages.to_message(await read_one(reader, Erasure, uuid.UUID(request.id)))

        return await self.read(query)

    async def ListErasures(self, request: rpc.ListErasuresRequest, _context: Any) -> rpc.ListErasuresResponse:
        async def query(reader: Reader) -> rpc.ListErasuresResponse:
            page = await self._lists.page(reader, queries.RESOURCE, listed(Erasure), Erasure, request)
            found = [messages.to_message(row) for row in page.rows]
            return rpc.ListErasuresResponse(erasures=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def ExportPersonalData(self, request: rpc.ExportPersonalDataRequest, _context: Any) -> Operation:
        async def begin(work: UnitOfWork) -> uuid.UUID:
            return (await handlers.request_archive(uuid.UUID(request.id), work)).operation_id

        return await self._begin(request, begin)

    async def EraseCustomer(self, request: rpc.EraseCustomerRequest, _context: Any) -> Operation:
        key = uuid.UUID(request.id)
        if request.validate_only or not request.force:
            obstacles, person = await self._open(key)
            if request.validate_only:
                return await self._preview(person, obstacles)
            if obstacles:
                raise ErasureRefused(told(obstacles))

        async def begin(work: UnitOfWork) -> uuid.UUID:
            command = handlers.EraseCustomer(key, request.reason, request.force)
            return (await handlers.request_erasure(command, work)).operation_id

        return await self._begin(request, begin)

    async def _open(self, key: uuid.UUID) -> tuple[list[tuple[str, held.Obstacle]], Person]:
        """What is open, asked before any transaction. Nothing of one who is gone: a repeat finds its operation."""
        async with self.database.reading() as reader:
            try:
                row = await queries.survivor(reader, key)
            except NotFound:
                return [], Person()
            busy = await queries.running(reader, row["id"])
        if busy:
            return [], Person()
        person, obstacles = await self._everyone.find(Person(frozenset([row["id"]])))
        return obstacles, person

    async def _preview(self, person: Person, obstacles: list[tuple[str, held.Obstacle]]) -> Operation:
        if not person.keys:
            raise NotFound("customer", "")
        preview = pb.ErasurePreview(
            obstacles=[
                pb.ErasureObstacle(service=service, reason=one.reason, resource=one.resource, id=one.id)
                for service, one in obstacles
            ]
        )
        request = held.ErasePersonalDataRequest(
            erasure_id=str(new_id()), person=person.message(), validate_only=True
        )
        for service in SERVICES:
            preview.parts.append(messages.to_part(service, await self._everyone.erase(service, request)))
        done = Operation(done=True)
        done.response.Pack(preview)
        return done

    async def _begin(self, request: Any, begin: Callable[[UnitOfWork], Awaitable[uuid.UUID]]) -> Operation:
        async def act(work: UnitOfWork) -> Operation:
            key = await begin(work)
            await work.flush()
            return await operations.get(work, "customer", f"operations/customer/{key}")

        async def again(reader: Reader, name: str) -> Operation:
            return await operations.get(reader, "customer", name)

        return await self.once(request, act, again, result_id=lambda operation: operation.name)
