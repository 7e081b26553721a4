"""Reads of agendas: each source by an index of its owner or its customer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Uuid, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

from taproot_customer.activities.model import CANCELLED, PLANNED, Activity
from taproot_customer.activities.participants import people
from taproot_customer.agendas.entries import LONGEST, Window
from taproot_customer.care_dates.model import ACTIVE, ONCE, YEARLY, CareDate, month_day
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.model import Customer
from taproot_customer.tasks.model import OPEN, Task
from taproot_storage.database import Reader
from taproot_storage.schema import identity_users
from taproot_storage.visibility import visible

MOST = 2000
OWNER, CUSTOMER = "owner_id", "customer_id"
_LEAP, _BEFORE_LEAP = 229, 228
_activity, _task, _care = Activity.__table__.c, Task.__table__.c, CareDate.__table__.c
Rows = Sequence[Any]


class Of:
    """Whose: what these users own, or what there is with these customers."""

    def __init__(self, column: str, keys: Sequence[uuid.UUID]) -> None:
        self._column, self._keys = column, list(keys)

    def __call__(self, table: Any) -> ColumnElement[bool]:
        keys = bindparam(None, self._keys, type_=ARRAY(Uuid))
        found: ColumnElement[bool] = table[self._column] == func.any(keys)
        asks_users = self._column == OWNER and "participant_user_ids" in table
        return or_(found, table.participant_user_ids.overlap(keys)) if asks_users else found

    def holds(self, row: Any) -> bool:
        """Whether an activity is in it: who declined has nothing to do with it any more."""
        if self._column != OWNER:
            return True
        return not people(row["owner_id"], row["participants"]).isdisjoint(self._keys)


async def members_of_team(reader: Reader, team_id: uuid.UUID) -> list[uuid.UUID]:
    users = identity_users.c
    statement = select(users.id).where(users.team_ids.contains([team_id]), users.active)
    return [row[0] for row in await reader.fetch(statement)]


async def zones_of(reader: Reader, users: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    keys = bindparam(None, list(users), type_=ARRAY(Uuid))
    statement = select(identity_users.c.id, identity_users.c.time_zone).where(
        identity_users.c.id == func.any(keys)
    )
    return {row[0]: row[1] for row in await reader.fetch(statement)}


async def activities(reader: Reader, of: Of, window: Window) -> Rows:
    columns = (
        "id", "kind", "display_name", "state", "start_time", "time_spent", "repeats", "customer_id", "owner_id",
        "update_time", "participants",
    )  # fmt: skip
    begun = and_(_activity.start_time >= window.since - LONGEST, _activity.start_time < window.before)
    lasting = or_(_activity.series_end_time.is_(None), _activity.series_end_time >= window.since)
    once = and_(_activity.repeats.is_(None), begun, _activity.state != CANCELLED)
    again = and_(_activity.repeats.is_not(None), _activity.state == PLANNED, lasting)
    found: list[Any] = []
    for which in (once, again):
        statement = select(*(_activity[name] for name in columns)).where(
            of(_activity), which, _activity.delete_time.is_(None), visible(Activity)
        )
        found += await reader.fetch(statement.order_by(_activity.start_time).limit(MOST + 1))
    return found


async def tasks(reader: Reader, of: Of, window: Window) -> tuple[Rows, Rows]:
    """Those due in the window, and those that will be due again."""
    columns = (
        "id", "display_name", "state", "due_time", "recurrence", "recurrence_rule", "time_zone", "series_start",
        "occurrence_time", "customer_id", "owner_id", "update_time",
    )  # fmt: skip
    due = and_(_task.due_time >= window.since, _task.due_time < window.before)
    again = and_(_task.state == OPEN, _task.series_start.is_not(None), _task.occurrence_time < window.before)
    rows = []
    for which in (due, again):
        statement = select(*(_task[name] for name in columns)).where(
            of(_task), which, _task.delete_time.is_(None), visible(Task)
        )
        rows.append(await reader.fetch(statement.order_by(_task.due_time).limit(MOST + 1)))
    return rows[0], rows[1]


async def care_dates(reader: Reader, of: Of, window: Window) -> Rows:
    columns = (
        "id", "kind", "display_name", "state", "date", "recurrence", "customer_id", "owner_id", "update_time",
    )  # fmt: skip
    days = window.days()
    yearly = {month_day(day) for day in days}
    yearly |= {_LEAP} if _BEFORE_LEAP in yearly else set()
    once = and_(_care.recurrence == ONCE, _care.date >= days[0], _care.date <= days[-1])
    again = and_(_care.recurrence == YEARLY, _care.month_day.in_(sorted(yearly)))
    found: list[Any] = []
    for which in (once, again):
        statement = select(*(_care[name] for name in columns)).where(
            of(_care), which, _care.state == ACTIVE, _care.delete_time.is_(None), visible(CareDate)
        )
        found += await reader.fetch(statement.order_by(_care.date).limit(MOST + 1))
    return found


async def names_of_users(reader: Reader, users: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    columns = identity_users.c
    wanted = select(columns.id, columns.display_name).where(
        columns.id == func.any(bindparam(None, list(users), type_=ARRAY(Uuid)))
    )
    return {row[0]: row[1] for row in await reader.fetch(wanted)} if users else {}


async def names_of_contacts(reader: Reader, contacts: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of contacts, of those that the caller may see."""
    columns = Contact.__table__.c
    wanted = select(columns.id, columns.display_name).where(
        columns.id == func.any(bindparam(None, list(contacts), type_=ARRAY(Uuid))), visible(Contact)
    )
    return {row[0]: row[1] for row in await reader.fetch(wanted)} if contacts else {}


async def names(reader: Reader, customers: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of customers, of those that the caller may see."""
    columns = Customer.__table__.c
    statement = select(columns.id, columns.display_name).where(
        columns.id == func.any(bindparam(None, list(customers), type_=ARRAY(Uuid))),
        visible(Customer, by_key=True),
    )
    return {row[0]: row[1] for row in await reader.fetch(statement)} if customers else {}
