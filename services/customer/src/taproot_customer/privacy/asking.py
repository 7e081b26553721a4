"""Asks every service what it holds of a person; the own one without a call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot.operations.v1.personal_data_service_pb2_grpc import PersonalDataServiceStub
from taproot_base.client import Peers, as_app_error
from taproot_customer.privacy.model import LAST, SERVICES
from taproot_records.privacy.holdings import Person
from taproot_records.privacy.servicer import PersonalDataServicer

SECONDS = 120.0
ROUNDS = 5


@dataclass(frozen=True)
class Everyone:
    peers: Peers
    own: PersonalDataServicer

    async def find(self, person: Person) -> tuple[Person, list[tuple[str, pb.Obstacle]]]:
        """All by what the person is known, and what is open where. Raises Unavailable when a service is missing."""
        found, obstacles = person, list[tuple[str, pb.Obstacle]]()
        for _ in range(ROUNDS):
            found, obstacles = person, []
            for service in reversed(SERVICES):
                answer = await self.ask(
                    service, "FindPersonalData", pb.FindPersonalDataRequest(person=found.message())
                )
                found |= Person.of(answer.person)
                obstacles += [(service, one) for one in answer.obstacles]
            if found == person:
                break
            person = found
        return found, obstacles

    async def erase(self, service: str, request: pb.ErasePersonalDataRequest) -> pb.ErasePersonalDataResponse:
        answer: pb.ErasePersonalDataResponse = await self.ask(service, "ErasePersonalData", request)
        return answer

    async def ask(self, service: str, method: str, request: Any) -> Any:
        if service == LAST:
            return await getattr(self.own, method)(request, None)
        stub = PersonalDataServiceStub(self.peers.channel(service))
        return await self.peers.call(getattr(stub, method), request, as_service=True, deadline=SECONDS)

    async def collect(self, service: str, person: Person) -> AsyncIterator[pb.CollectPersonalDataResponse]:
        request = pb.CollectPersonalDataRequest(person=person.message())
        if service == LAST:
            async for one in self.own.CollectPersonalData(request, None):
                yield one
            return
        stub = PersonalDataServiceStub(self.peers.channel(service))
        metadata = self.peers.metadata(as_service=True)
        try:
            async for one in stub.CollectPersonalData(request, metadata=metadata, timeout=SECONDS):
                yield one
        except grpc.aio.AioRpcError as error:
            raise as_app_error(error) from error


def told(obstacles: Sequence[tuple[str, pb.Obstacle]]) -> list[str]:
    return [f"{one.reason} {one.id}" for _service, one in obstacles]
