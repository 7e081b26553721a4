"""gRPC of tickets: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from taproot.servicedesk.v1 import dispatch_pb2, ticket_verb_pb2
from taproot.servicedesk.v1 import ticket_entry_service_pb2 as entry_rpc
from taproot.servicedesk.v1 import ticket_pb2 as pb
from taproot.servicedesk.v1 import ticket_service_pb2 as rpc
from taproot_base.context import current_call
from taproot_base.wire import optional_uuid
from taproot_chassis.service import Runtime
from taproot_records.mapping import row_of
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.customer_refs.door import CustomerDoor
from taproot_servicedesk.dispatches.handlers import dispatch_ticket
from taproot_servicedesk.dispatches.queries import SHELF as DISPATCHES
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_servicedesk.tickets import handlers, messages, opening, queries
from taproot_servicedesk.tickets.handlers import Assign, Reply
from taproot_servicedesk.tickets.model import Ticket
from taproot_servicedesk.tickets.opening import OpenTicket
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key

BY_VERB = {
    "state": "a verb",
    "owner_id": "AssignTicket",
    "queue_id": "AssignTicket",
    "branch_id": "AssignTicket",
    "team_id": "AssignTicket",
    "satisfaction_score": "surveys",
}


def shown(message: pb.Ticket) -> pb.Ticket:
    """Customers see less of a ticket than staff."""
    return messages.for_customer(message) if current_call().principal.kind == "portal" else message


class TicketsServicer(ResourceServicer[pb.Ticket]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)
        self._zone = runtime.settings.default_time_zone
        self._customers = CustomerDoor(runtime)

    async def one(self, reader: Reader, key: str) -> pb.Ticket:
        return shown(await queries.get_ticket(reader, key))

    async def _act(
        self, request: Any, verb: Callable[[UnitOfWork], Awaitable[Ticket]], locks: tuple[int, ...] = ()
    ) -> pb.Ticket:
        async def run(work: UnitOfWork) -> pb.Ticket:
            ticket = await verb(work)
            await work.flush()
            return shown(messages.to_message(ticket))

        return await self.once(request, run, self.one, locks=locks)

    async def GetTicket(self, request: rpc.GetTicketRequest, _context: Any) -> pb.Ticket:
        return await self.get(request.id)

    async def ListTickets(self, request: rpc.ListTicketsRequest, _context: Any) -> rpc.ListTicketsResponse:
        async def query(reader: Reader) -> rpc.ListTicketsResponse:
            found, token = await queries.list_tickets(reader, request, self.lists)
            return rpc.ListTicketsResponse(tickets=map(shown, found), next_page_token=token)

        return await self.read(query)

    async def AggregateTickets(
        self, request: rpc.AggregateTicketsRequest, _context: Any
    ) -> rpc.AggregateTicketsResponse:
        return await self.aggregate(request, rpc.AggregateTicketsResponse)

    async def CreateTicket(self, request: rpc.CreateTicketRequest, _context: Any) -> pb.Ticket:
        command = OpenTicket(given(request.ticket, Ticket), request.ticket.id)
        await self._customers.admit(request.ticket.customer_id)
        return await self._act(
            request, lambda work: opening.open_ticket(command, self._zone, work), _locks([command])
        )

    async def BatchCreateTickets(
        self, request: rpc.BatchCreateTicketsRequest, _context: Any
    ) -> rpc.BatchCreateTicketsResponse:
        commands = [
            OpenTicket(given(one.ticket, Ticket), one.ticket.id, f"requests[{number}].ticket")
            for number, one in enumerate(request.requests)
        ]

        async def act(work: UnitOfWork) -> rpc.BatchCreateTicketsResponse:
            made = await opening.Opener(work, self._zone).open_all(commands)
            await work.flush()
            return rpc.BatchCreateTicketsResponse(tickets=map(messages.to_message, made))

        async def again(reader: Reader, keys: str) -> rpc.BatchCreateTicketsResponse:
            found = await queries.get_tickets(reader, keys.split(","))
            return rpc.BatchCreateTicketsResponse(tickets=found)

        return await self.once(request, act, again, locks=_locks(commands), result_id=_ids_of)

    async def UpdateTicket(self, request: rpc.UpdateTicketRequest, _context: Any) -> pb.Ticket:
        message = request.ticket
        values = changes(message, request.update_mask, Ticket, BY_VERB)
        await self._customers.admit(message.customer_id)
        key = uuid.UUID(message.id)
        return await self._act(
            request, lambda work: handlers.update_ticket(key, message.etag, values, self._zone, work)
        )

    async def DeleteTicket(self, request: rpc.DeleteTicketRequest, _context: Any) -> pb.Ticket:
        key = uuid.UUID(request.id)
        return await self._act(request, lambda work: handlers.delete_ticket(key, request.etag, work))

    async def UndeleteTicket(self, request: rpc.UndeleteTicketRequest, _context: Any) -> pb.Ticket:
        key = uuid.UUID(request.id)
        return await self._act(request, lambda work: handlers.undelete_ticket(key, work))

    async def AssignTicket(self, request: ticket_verb_pb2.AssignTicketRequest, _context: Any) -> pb.Ticket:
        target = Assign(
            owner_id=optional_uuid(request.owner_id),
            queue_id=optional_uuid(request.queue_id),
            branch_id=optional_uuid(request.branch_id),
            team_id=optional_uuid(request.team_id),
            reason=request.reason,
        )

        async def act(work: UnitOfWork) -> pb.Ticket:
            ticket, seen = await handlers.assign_ticket(uuid.UUID(request.id), request.etag, target, work)
            await work.flush()
            return messages.to_message(ticket) if seen else pb.Ticket(id=request.id, etag=ticket.etag)

        return await self.once(request, act, self.one)

    async def ReplyTicket(self, request: ticket_verb_pb2.ReplyTicketRequest, _context: Any) -> pb.Ticket:
        reply = Reply(
            request.body, request.internal, request.from_customer, request.channel, tuple(request.attachments)
        )
        key = uuid.UUID(request.id)
        return await self._act(request, lambda work: handlers.reply_ticket(key, request.etag, reply, work))

    async def WaitTicket(self, request: ticket_verb_pb2.WaitTicketRequest, _context: Any) -> pb.Ticket:
        key = uuid.UUID(request.id)
        return await self._act(
            request, lambda work: handlers.wait_ticket(key, request.etag, request.question, work)
        )

    async def ResolveTicket(self, request: ticket_verb_pb2.ResolveTicketRequest, _context: Any) -> pb.Ticket:
        key, what, why = uuid.UUID(request.id), request.resolution, request.root_cause
        return await self._act(
            request, lambda work: handlers.resolve_ticket(key, request.etag, what, why, work)
        )

    async def CloseTicket(self, request: ticket_verb_pb2.CloseTicketRequest, _context: Any) -> pb.Ticket:
        key = uuid.UUID(request.id)
        return await self._act(request, lambda work: handlers.close_ticket(key, request.etag, work))

    async def ReopenTicket(self, request: ticket_verb_pb2.ReopenTicketRequest, _context: Any) -> pb.Ticket:
        key = uuid.UUID(request.id)
        return await self._act(
            request, lambda work: handlers.reopen_ticket(key, request.etag, request.reason, work)
        )

    async def EscalateTicket(
        self, request: ticket_verb_pb2.EscalateTicketRequest, _context: Any
    ) -> pb.Ticket:
        key = uuid.UUID(request.id)
        target = Assign(optional_uuid(request.owner_id), optional_uuid(request.queue_id))
        return await self._act(
            request, lambda work: handlers.escalate_ticket(key, request.etag, request.reason, target, work)
        )

    async def MergeTicket(self, request: ticket_verb_pb2.MergeTicketRequest, _context: Any) -> pb.Ticket:
        key, sources = uuid.UUID(request.id), [uuid.UUID(source) for source in request.source_ids]
        return await self._act(request, lambda work: handlers.merge_tickets(key, request.etag, sources, work))

    async def DispatchTicket(
        self, request: ticket_verb_pb2.DispatchTicketRequest, _context: Any
    ) -> dispatch_pb2.Dispatch:
        key, station = uuid.UUID(request.id), optional_uuid(request.station_id)

        async def act(work: UnitOfWork) -> dispatch_pb2.Dispatch:
            return DISPATCHES.message(row_of(await dispatch_ticket(key, request.etag, station, work)))

        return await self.once(request, act, DISPATCHES.get)


class TicketEntriesServicer(ResourceServicer[pb.Ticket]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def ListTicketEntries(
        self, request: entry_rpc.ListTicketEntriesRequest, _context: Any
    ) -> entry_rpc.ListTicketEntriesResponse:
        found, token = await self._entries(request, public_only=False)
        return entry_rpc.ListTicketEntriesResponse(ticket_entries=found, next_page_token=token)

    async def ListTicketTimeline(
        self, request: entry_rpc.ListTicketTimelineRequest, _context: Any
    ) -> entry_rpc.ListTicketTimelineResponse:
        found, token = await self._entries(request, public_only=True)
        return entry_rpc.ListTicketTimelineResponse(ticket_entries=found, next_page_token=token)

    async def _entries(self, request: Any, *, public_only: bool) -> tuple[list[pb.TicketEntry], str]:
        async with self.database.reading() as reader:
            return await queries.list_entries(reader, request, self.lists, public_only=public_only)


def _locks(commands: list[OpenTicket]) -> tuple[int, ...]:
    return tuple(lock_key("ticket", name) for name in opening.external_ids(commands))


def _ids_of(response: rpc.BatchCreateTicketsResponse) -> str:
    return ",".join(ticket.id for ticket in response.tickets)
