"""gRPC of teams: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.identity.v1 import team_pb2 as pb
from taproot.identity.v1 import team_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.teams import handlers, messages, queries
from taproot_gateway.teams.handlers import CreateTeam, UpdateTeam
from taproot_gateway.teams.model import Team
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields


class TeamsServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetTeam(self, request: rpc.GetTeamRequest, _context: Any) -> pb.Team:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListTeams(self, request: rpc.ListTeamsRequest, _context: Any) -> rpc.ListTeamsResponse:
        async def query(reader: Reader) -> rpc.ListTeamsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Team, request)
            teams = [messages.to_message(row) for row in page.rows]
            return rpc.ListTeamsResponse(teams=teams, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateTeam(self, request: rpc.CreateTeamRequest, _context: Any) -> pb.Team:
        messages.check_new(request.team)
        values = messages.to_values(request.team, messages.FIELDS)
        command = CreateTeam(wire.optional_uuid(request.team.id), values)

        async def act(work: UnitOfWork) -> pb.Team:
            return messages.to_message(await handlers.create_team(command, work))

        return await self.once(request, act, self._read)

    async def UpdateTeam(self, request: rpc.UpdateTeamRequest, _context: Any) -> pb.Team:
        names = changed_fields(request.team, request.update_mask, messages.FIELDS)
        values = messages.to_values(request.team, names)
        command = UpdateTeam(uuid.UUID(request.team.id), request.team.etag, values)

        async def act(work: UnitOfWork) -> pb.Team:
            return messages.to_message(await handlers.update_team(command, work))

        return await self.once(request, act, self._read)

    async def DeleteTeam(self, request: rpc.DeleteTeamRequest, _context: Any) -> pb.Team:
        async def act(work: UnitOfWork) -> pb.Team:
            return messages.to_message(await handlers.delete_team(uuid.UUID(request.id), request.etag, work))

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Team:
        return messages.to_message(await queries.get_team(reader, uuid.UUID(key)))
