"""gRPC of stations: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.servicedesk.v1 import station_pb2 as pb
from taproot.servicedesk.v1 import station_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_servicedesk.stations import handlers, queries
from taproot_servicedesk.stations.model import Station
from taproot_storage.idempotency import lock_key


class StationsServicer(ResourceServicer[pb.Station]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetStation(self, request: rpc.GetStationRequest, _context: Any) -> pb.Station:
        return await self.get(request.id)

    async def ListStations(self, request: rpc.ListStationsRequest, _context: Any) -> rpc.ListStationsResponse:
        return await self.page(request, rpc.ListStationsResponse, "stations")

    async def AggregateStations(
        self, request: rpc.AggregateStationsRequest, _context: Any
    ) -> rpc.AggregateStationsResponse:
        return await self.aggregate(request, rpc.AggregateStationsResponse)

    async def CreateStation(self, request: rpc.CreateStationRequest, _context: Any) -> pb.Station:
        values = given(request.station, Station)
        return await self.change(
            request,
            lambda work: handlers.create_station(request.station.id, values, work),
            (lock_key("station", request.station.code),),
        )

    async def UpdateStation(self, request: rpc.UpdateStationRequest, _context: Any) -> pb.Station:
        message = request.station
        values = changes(message, request.update_mask, Station)
        key = uuid.UUID(message.id)
        return await self.change(
            request, lambda work: handlers.update_station(key, message.etag, values, work)
        )

    async def DeleteStation(self, request: rpc.DeleteStationRequest, _context: Any) -> pb.Station:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: handlers.delete_station(key, request.etag, work))

    async def UnflagStation(self, request: rpc.UnflagStationRequest, _context: Any) -> pb.Station:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: handlers.unflag_station(key, request.etag, work))
