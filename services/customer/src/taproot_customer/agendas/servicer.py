"""gRPC of agendas."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from taproot.customer.v1 import agenda_service_pb2 as pb
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import caller_id
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.activities.participants import contact_ids, user_ids
from taproot_customer.agendas import entries, messages, queries
from taproot_customer.agendas.entries import ACTIVITY, CARE_DATE, TASK, Entry, Window
from taproot_customer.agendas.queries import CUSTOMER, MOST, OWNER, Of
from taproot_customer.care_dates.schedule import zone_of
from taproot_customer.parents import find_parent, members_of
from taproot_customer.recurrence.windows import window_of
from taproot_customer.recurrence.zones import is_zone, zone_of_user
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader

DAYS = 62


class AgendasServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)

    async def ReadAgenda(self, request: pb.ReadAgendaRequest, _context: Any) -> pb.ReadAgendaResponse:
        since, before = window_of(request, DAYS)
        if request.time_zone and not is_zone(request.time_zone):
            raise InvalidArgument([("time_zone", "is not an IANA time zone")])

        async def query(reader: Reader) -> pb.ReadAgendaResponse:
            zone = zone_of(request.time_zone or (await zone_of_user(reader, caller_id())).key)
            found, truncated = await read(reader, await _of(reader, request), Window(since, before, zone))
            masked = current_call().masked
            names = await _names(reader, found, masked)
            lines = [messages.to_message(entry, masked, names) for entry in found]
            return pb.ReadAgendaResponse(entries=lines, truncated=truncated)

        return await self.read(query)


async def _names(reader: Reader, found: Sequence[Entry], masked: frozenset[str]) -> dict[uuid.UUID, str]:
    """Of customers, contacts and users, of those whose names the caller may see."""
    taking_part = [one for entry in found if entry.resource == ACTIVITY for one in entry.row["participants"]]
    names = await queries.names_of_users(reader, set(user_ids(taking_part)))
    if not messages.names_hidden(masked):
        names |= await queries.names(reader, {entry.row["customer_id"] for entry in found} - {None})
    if messages.may_name_contacts(masked):
        names |= await queries.names_of_contacts(reader, set(contact_ids(taking_part)))
    return names


async def _of(reader: Reader, request: pb.ReadAgendaRequest) -> Of:
    if request.customer_id:
        parent = await find_parent(reader, uuid.UUID(request.customer_id))
        return Of(CUSTOMER, await members_of(reader, parent.id))
    if request.team_id:
        return Of(OWNER, await queries.members_of_team(reader, uuid.UUID(request.team_id)))
    own = uuid.UUID(request.user_id) if request.user_id else caller_id()
    return Of(OWNER, [own] if own else [])


async def read(reader: Reader, of: Of, window: Window) -> tuple[list[Entry], bool]:
    """The lines by start, and whether some are missing."""
    sources: list[Sequence[Any]] = []
    found: list[Entry] = []
    if messages.may_show("activities.read", ACTIVITY):
        sources.append(await queries.activities(reader, of, window))
        found += entries.of_activities(filter(of.holds, sources[-1]), window)
    if messages.may_show("tasks.read", TASK):
        due, again = await queries.tasks(reader, of, window)
        zones = await queries.zones_of(reader, [row["owner_id"] for row in again if row["owner_id"]])
        found += [*entries.of_tasks(due), *entries.to_come(again, zones, window)]
        sources += [due, again]
    if messages.may_show("care_dates.read", CARE_DATE):
        sources.append(await queries.care_dates(reader, of, window))
        found += entries.of_care_dates(sources[-1], window)
    entries.mark_conflicts(found)
    return sorted(found, key=lambda each: each.start), any(len(rows) > MOST for rows in sources)
