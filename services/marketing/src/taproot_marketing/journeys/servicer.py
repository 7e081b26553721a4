"""gRPC of journeys and runs: parse, hand over, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.json_format import MessageToDict

from taproot.marketing.v1 import journey_pb2 as pb
from taproot.marketing.v1 import journey_run_service_pb2 as runs_rpc
from taproot.marketing.v1 import journey_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_marketing.journeys import handlers, messages, queries
from taproot_marketing.journeys.model import Journey
from taproot_marketing.journeys.queries import RUNS, SHELF
from taproot_marketing.settings import MarketingSettings
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given, new_key
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key

Verb = Callable[[str, str, UnitOfWork], Awaitable[Any]]


class JourneysServicer(ResourceServicer[pb.Journey]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetJourney(self, request: rpc.GetJourneyRequest, _context: Any) -> pb.Journey:
        return await self.get(request.id)

    async def ListJourneys(self, request: rpc.ListJourneysRequest, _context: Any) -> rpc.ListJourneysResponse:
        return await self.page(request, rpc.ListJourneysResponse, "journeys")

    async def CreateJourney(self, request: rpc.CreateJourneyRequest, _context: Any) -> pb.Journey:
        async def act(work: UnitOfWork) -> pb.Journey:
            key = await new_key(work, Journey, request.journey.id)
            return messages.to_message(
                await handlers.create_journey(key, given(request.journey, Journey), work)
            )

        return await self.once(request, act, SHELF.get, locks=_locks(request.journey.key))

    async def UpdateJourney(self, request: rpc.UpdateJourneyRequest, _context: Any) -> pb.Journey:
        journey = request.journey
        values = changes(journey, request.update_mask, Journey)

        async def act(work: UnitOfWork) -> pb.Journey:
            done = await handlers.update_journey(journey.id, journey.etag, values, work)
            return messages.to_message(done)

        return await self.once(request, act, SHELF.get, locks=_locks(journey.key))

    async def DeleteJourney(self, request: rpc.DeleteJourneyRequest, _context: Any) -> pb.Journey:
        async def again(_reader: Reader, key: str) -> pb.Journey:
            return pb.Journey(id=key)

        return await self._change(request, handlers.delete_journey, again)

    async def ActivateJourney(self, request: rpc.ActivateJourneyRequest, _context: Any) -> pb.Journey:
        return await self._change(request, handlers.activate_journey, SHELF.get)

    async def PauseJourney(self, request: rpc.PauseJourneyRequest, _context: Any) -> pb.Journey:
        return await self._change(request, handlers.pause_journey, SHELF.get)

    async def ArchiveJourney(self, request: rpc.ArchiveJourneyRequest, _context: Any) -> pb.Journey:
        return await self._change(request, handlers.archive_journey, SHELF.get)

    async def EnrolJourney(self, request: rpc.EnrolJourneyRequest, _context: Any) -> pb.JourneyRun:
        values = MessageToDict(request.context)

        async def act(work: UnitOfWork) -> pb.JourneyRun:
            key = await handlers.enrol(request.id, request.customer_id, request.business_key, values, work)
            return await queries.get_run(work, str(key))

        return await self.once(request, act, queries.get_run)

    async def GetJourneyStatistics(
        self, request: rpc.GetJourneyStatisticsRequest, _context: Any
    ) -> rpc.JourneyStatistics:
        return await self.read(lambda reader: queries.statistics(reader, request.id))

    async def _change(
        self, request: Any, verb: Verb, again: Callable[[Reader, str], Awaitable[pb.Journey]]
    ) -> pb.Journey:
        async def act(work: UnitOfWork) -> pb.Journey:
            return messages.to_message(await verb(request.id, request.etag, work))

        return await self.once(request, act, again)


class JourneyRunsServicer(ResourceServicer[pb.JourneyRun]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, RUNS)

    async def GetJourneyRun(self, request: runs_rpc.GetJourneyRunRequest, _context: Any) -> pb.JourneyRun:
        return await self.read(lambda reader: queries.get_run(reader, request.id))

    async def ListJourneyRuns(
        self, request: runs_rpc.ListJourneyRunsRequest, _context: Any
    ) -> runs_rpc.ListJourneyRunsResponse:
        return await self.page(request, runs_rpc.ListJourneyRunsResponse, "journey_runs")

    async def AggregateJourneyRuns(
        self, request: runs_rpc.AggregateJourneyRunsRequest, _context: Any
    ) -> runs_rpc.AggregateJourneyRunsResponse:
        return await self.aggregate(request, runs_rpc.AggregateJourneyRunsResponse)

    async def CancelJourneyRun(
        self, request: runs_rpc.CancelJourneyRunRequest, _context: Any
    ) -> pb.JourneyRun:
        return await self._change(request, handlers.cancel_run)

    async def RetryJourneyRun(self, request: runs_rpc.RetryJourneyRunRequest, _context: Any) -> pb.JourneyRun:
        return await self._change(request, handlers.retry_run)

    async def _change(self, request: Any, verb: Verb) -> pb.JourneyRun:
        async def act(work: UnitOfWork) -> pb.JourneyRun:
            return messages.run_message(await verb(request.id, request.etag, work))

        return await self.once(request, act, RUNS.get)


def _locks(key: str) -> list[int]:
    """Parallel writers of one key wait for each other."""
    return [lock_key("journey", key)] if key else []
