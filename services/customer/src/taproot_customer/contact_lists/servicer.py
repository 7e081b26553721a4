"""gRPC of contact lists."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from taproot.customer.v1 import contact_list_service_pb2 as pb
from taproot_base import wire
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import caller_id
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.agendas import entries
from taproot_customer.agendas import queries as agendas
from taproot_customer.agendas.entries import ACTIVITY, CARE_DATE, TASK
from taproot_customer.agendas.messages import may_show
from taproot_customer.agendas.queries import Of
from taproot_customer.care_dates.schedule import zone_of
from taproot_customer.contact_lists import messages, queries, ranking
from taproot_customer.contact_lists.queries import MOST
from taproot_customer.contact_lists.ranking import Days, Listed, Reason
from taproot_customer.facts.fields import ACTIVITIES, ORDERS
from taproot_customer.recurrence.zones import is_zone, zone_of_user
from taproot_customer.settings import CustomerSettings
from taproot_customer.suggestions import kinds
from taproot_customer.suggestions.queries import read_rules
from taproot_records.checks import Checks
from taproot_storage.database import Reader
from taproot_storage.reads import unread

_LONGEST, _SHOWN = 62, 100
_EARLIEST, _LATEST = 1900, 2200


class ContactListsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._clock = runtime.database.clock

    async def ReadContactList(self, request: pb.ReadContactListRequest, _: Any) -> pb.ReadContactListResponse:
        if request.time_zone and not is_zone(request.time_zone):
            raise InvalidArgument([("time_zone", "is not an IANA time zone")])

        async def query(reader: Reader) -> pb.ReadContactListResponse:
            zone = zone_of(request.time_zone or (await zone_of_user(reader, caller_id())).key)
            days = _days(request, self._clock.now().astimezone(zone).date(), zone)
            wanted = {messages.kind_of(number) for number in request.reasons} or set(ranking.POINTS)
            return await Lister(reader, days, wanted).read(await _of(reader, request), request.max_results)

        return await self.read(query)


def _days(request: pb.ReadContactListRequest, today: dt.date, zone: Any) -> Days:
    checks = Checks()
    first, last = today, None
    with checks:
        first = _day(request, "from_date") or today
    with checks:
        last = _day(request, "to_date")
    checks.done()
    last = last or first
    if last < first:
        raise InvalidArgument([("to_date", "must not be before from_date")])
    if (last - first).days > _LONGEST:
        raise InvalidArgument([("to_date", f"must be within {_LONGEST} days of from_date")])
    return Days(first, last, today, zone)


def _day(request: pb.ReadContactListRequest, field: str) -> dt.date | None:
    try:
        day = wire.optional_date(request, field)
    except ValueError:
        raise InvalidArgument([(field, "is not a day of the calendar")]) from None
    if day is not None and not _EARLIEST <= day.year <= _LATEST:
        raise InvalidArgument([(field, f"must be in the years {_EARLIEST} to {_LATEST}")])
    return day


async def _of(reader: Reader, request: pb.ReadContactListRequest) -> Of:
    if request.team_id:
        return Of("owner_id", await agendas.members_of_team(reader, uuid.UUID(request.team_id)))
    own = uuid.UUID(request.user_id) if request.user_id else caller_id()
    return Of("owner_id", [own] if own else [])


class Lister:
    """Reads one list: what each reason comes from, and the customers concerned."""

    def __init__(self, reader: Reader, days: Days, wanted: set[str]) -> None:
        self._reader, self._days, self._wanted = reader, days, wanted
        unseen = unread({ORDERS, ACTIVITIES}, "customers.read")
        self._orders, self._activities = ORDERS not in unseen, ACTIVITIES not in unseen
        self._financial = "financial" not in current_call().masked
        self._found: dict[uuid.UUID, list[Reason]] = defaultdict(list)
        self._truncated = False

    async def read(self, of: Of, most: int) -> pb.ReadContactListResponse:
        await self._from_records(of)
        listed = await self._from_history(of)
        if self._orders and self._financial:
            ranking.give_value_points(listed)
        found = ranking.ranked(listed)
        masked, shown = current_call().masked, self._shown()
        lines = [messages.to_message(one, self._days, masked, shown) for one in found[: most or _SHOWN]]
        return pb.ReadContactListResponse(
            entries=lines,
            total=len(found),
            truncated=self._truncated,
            from_date=wire.to_date(self._days.first),
            to_date=wire.to_date(self._days.last),
        )

    def _shown(self) -> frozenset[str]:
        readable = {"last_order_time": self._orders, "last_contact_time": self._activities}
        return frozenset(name for name, may in readable.items() if may)

    async def _from_records(self, of: Of) -> None:
        """Tasks, appointments and care dates."""
        days, window = self._days, self._days.window
        if self._asked(ranking.PROMISE) and may_show("tasks.read", TASK):
            for row in self._whole(await queries.open_tasks(self._reader, of, days)):
                self._add(row, ranking.of_task(row, days))
        if self._asked(ranking.APPOINTMENT) and may_show("activities.read", ACTIVITY):
            rows = self._whole(await agendas.activities(self._reader, of, window), agendas.MOST)
            for entry in entries.of_activities(rows, window):
                self._add(entry.row, ranking.of_appointment(entry, days))
        cared = (ranking.EXPIRING, ranking.BIRTHDAY, ranking.ANNIVERSARY)
        if self._asked(*cared) and may_show("care_dates.read", CARE_DATE):
            rows = self._whole(await agendas.care_dates(self._reader, of, window), agendas.MOST)
            for entry in entries.of_care_dates(rows, window):
                self._add(entry.row, ranking.of_care_date(entry))

    async def _from_history(self, of: Of) -> list[Listed]:
        """Orders and silence; the customers of all reasons with their figures."""
        reader, days, patience = self._reader, self._days, await self._patience()
        orders = self._orders and self._asked(ranking.REORDER, ranking.WIN_BACK)
        rows = self._whole(await queries.by_history(reader, of, days, orders=orders, patience=patience), MOST)
        for row in rows:
            if orders:
                self._add(row, ranking.of_orders(row, days), row["id"])
            if patience is not None:
                self._add(row, ranking.of_silence(row, days, patience), row["id"])
        reasons: dict[uuid.UUID, list[Reason]] = defaultdict(list)
        roots = await queries.roots(reader, set(self._found))
        for key, found in self._found.items():
            reasons[roots[key]] += found
        known = {row["id"]: row for row in rows}
        others = await queries.of_ids(reader, reasons.keys() - known.keys())
        known |= {row["id"]: row for row in others}
        return [Listed(known[key], found) for key, found in reasons.items() if key in known]

    async def _patience(self) -> int | None:
        if not self._activities or not self._asked(ranking.SILENCE):
            return None
        rule = kinds.rules_of((await read_rules(self._reader))["rules"])[kinds.SILENCE]
        return rule.days if rule.enabled else None

    def _asked(self, *names: str) -> bool:
        return not self._wanted.isdisjoint(names)

    def _add(self, row: Any, reasons: Iterator[Reason], key: uuid.UUID | None = None) -> None:
        key = key or row["customer_id"]
        found = [reason for reason in reasons if reason.kind in self._wanted]
        if key is not None and found:
            self._found[key] += found

    def _whole(self, rows: Iterable[Any], most: int = MOST) -> list[Any]:
        """The rows, and a note when there were more."""
        found = list(rows)
        self._truncated |= len(found) > most
        return found[:most]
