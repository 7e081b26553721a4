"""gRPC services every service has: operations, the replay of its events, and what follows a branch."""

from __future__ import annotations

import asyncio
import fnmatch
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from google.longrunning.operations_proto_pb2 import Operation
from sqlalchemy import bindparam, select

from taproot.operations.v1 import branch_move_service_pb2 as moves_pb
from taproot.operations.v1 import event_service_pb2 as events_pb
from taproot.operations.v1 import operations_pb2 as pb
from taproot_base import wire
from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_chassis import operations
from taproot_chassis.events import Event
from taproot_chassis.servicer import Servicer
from taproot_storage import moves
from taproot_storage.database import Database
from taproot_storage.reads import Lists
from taproot_storage.schema import event_log
from taproot_storage.statements import Statement

MAX_WAIT_SECONDS = 30.0
REPLAY_BATCH = 1000

_after = Statement(
    lambda: (
        select(event_log)
        .where(event_log.c.number > bindparam("after"), event_log.c.published_at.is_not(None))
        .order_by(event_log.c.number)
        .limit(REPLAY_BATCH)
    )
)


class OperationsServicer(Servicer):
    def __init__(self, database: Database, service: str, page_key: bytes) -> None:
        super().__init__(database)
        self._service = service
        self._lists = Lists(page_key)

    async def GetOperation(self, request: pb.GetOperationRequest, _context: Any) -> Operation:
        return await self.read(lambda reader: operations.get(reader, self._service, request.name))

    async def ListOperations(
        self, request: pb.ListOperationsRequest, _context: Any
    ) -> pb.ListOperationsResponse:
        return await self.read(
            lambda reader: operations.list_mine(reader, self._lists, self._service, request)
        )

    async def CancelOperation(self, request: pb.CancelOperationRequest, _context: Any) -> Operation:
        async with self.database.unit() as work:
            return await operations.cancel(work, self._service, request.name)

    async def WaitOperation(self, request: pb.WaitOperationRequest, _context: Any) -> Operation:
        asked = request.timeout.ToTimedelta().total_seconds() if request.HasField("timeout") else 10.0
        deadline = time.monotonic() + min(asked, MAX_WAIT_SECONDS)
        while True:
            operation = await self.read(lambda reader: operations.get(reader, self._service, request.name))
            if operation.done or time.monotonic() >= deadline:
                return operation
            await asyncio.sleep(0.2)


class EventsServicer(Servicer):
    def __init__(self, database: Database, service: str) -> None:
        super().__init__(database)
        self._service = service

    async def ReplayEvents(
        self, request: events_pb.ReplayEventsRequest, _context: Any
    ) -> AsyncIterator[events_pb.ReplayEventsResponse]:
        after = request.after_number
        while True:
            async with self.database.reading() as reader:
                rows = await reader.fetch(_after, after=after)
            for row in rows:
                after = row["number"]
                if any(fnmatch.fnmatchcase(row["type"], pattern) for pattern in request.types):
                    yield _replayed(self._service, row)
            if len(rows) < REPLAY_BATCH:
                return


class BranchMovesServicer(Servicer):
    def __init__(self, database: Database, service: str) -> None:
        super().__init__(database)
        self._service = service

    async def GetBranchMove(
        self, request: moves_pb.GetBranchMoveRequest, _context: Any
    ) -> moves_pb.BranchMove:
        async with self.database.reading() as reader:
            row = await moves.last(reader, uuid.UUID(request.id))
        call = current_call()
        reach = call.directory.reach(call.principal, call.permission)
        if row is None or reach is None or not reach.covers_path(row["path"]):
            raise NotFound("move of branch", request.id)
        part = moves_pb.BranchMovePart(
            service=self._service, row_count=row["row_count"], done_time=wire.to_timestamp(row["done_at"])
        )
        where = {name: row[name] for name in ("previous_path", "path", "version")}
        return moves_pb.BranchMove(id=request.id, parts=[part], done=part.HasField("done_time"), **where)


def _replayed(service: str, row: Any) -> events_pb.ReplayEventsResponse:
    event = Event.from_row(service, row)
    return events_pb.ReplayEventsResponse(
        number=row["number"],
        headers=event.headers(),
        payload=event.payload,
        occur_time=wire.to_timestamp(event.occurred_at),
    )
