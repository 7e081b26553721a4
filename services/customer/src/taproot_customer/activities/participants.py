"""Who takes part in an activity beside its owner."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_base.errors import AppError, InvalidArgument, Kind, Violation
from taproot_customer.contacts.model import Contact
from taproot_customer.parents import members_of
from taproot_storage.database import UnitOfWork
from taproot_storage.schema import identity_users
from taproot_storage.visibility import visible

ASKED, DECLINED = "needs_action", "declined"
_USER, _CONTACT = "user_id", "contact_id"
Participant = dict[str, Any]


class NotAParticipant(AppError):
    kind = Kind.STATE
    reason = "NOT_A_PARTICIPANT"


def user_ids(participants: Iterable[Participant]) -> list[uuid.UUID]:
    return _ids(participants, _USER)


def contact_ids(participants: Iterable[Participant]) -> list[uuid.UUID]:
    return _ids(participants, _CONTACT)


def coming(participants: Iterable[Participant]) -> list[Participant]:
    return [one for one in participants if one["response"] != DECLINED]


def people(owner_id: uuid.UUID | None, participants: Iterable[Participant]) -> set[uuid.UUID]:
    """Whose time it takes."""
    return set(user_ids(coming(participants))) | ({owner_id} if owner_id else set())


def _ids(participants: Iterable[Participant], kind: str) -> list[uuid.UUID]:
    return [uuid.UUID(one[kind]) for one in participants if one.get(kind)]


def answered(
    participants: Sequence[Participant], user_id: uuid.UUID | None, response: str
) -> list[Participant]:
    """With the answer of one user. Raises NotAParticipant."""
    if user_id is None or user_id not in user_ids(participants):
        raise NotAParticipant("you do not take part in the activity")
    mine = str(user_id)
    return [{**one, "response": response} if one.get(_USER) == mine else one for one in participants]


def asked_again(participants: Iterable[Participant]) -> list[Participant]:
    """Users said yes or no to another time; contacts are told by whoever moved it."""
    return [{**one, "response": ASKED} if one.get(_USER) else one for one in participants]


async def checked(
    given: Sequence[Participant], known: Sequence[Participant], customer_id: uuid.UUID, work: UnitOfWork
) -> list[Participant]:
    """As stored. Who takes part already may stay, whatever became of them. Raises InvalidArgument."""
    named = [_named(one) for one in given]
    before = {_named(one): one["response"] for one in known}
    new = [one for one in given if _named(one) not in before]
    found = await _users(user_ids(new), work) | await _contacts(contact_ids(new), customer_id, work)
    faults: list[Violation] = []
    for number, (kind, key) in enumerate(named):
        path = f"activity.participants[{number}].{kind}"
        if (kind, key) in named[:number]:
            faults.append(Violation(path, "takes part already"))
        elif (kind, key) not in before and (kind, uuid.UUID(key)) not in found:
            told = "is not an active user" if kind == _USER else "is not a contact of the customer"
            faults.append(Violation(path, told))
    if faults:
        raise InvalidArgument(faults)
    return [
        {**one, "response": one["response"] or before.get(name, ASKED)}
        for one, name in zip(given, named, strict=True)
    ]


def _named(one: Participant) -> tuple[str, str]:
    """UUIDs may be written in capitals."""
    kind = _USER if one.get(_USER) else _CONTACT
    return kind, str(one.get(kind, "")).lower()


_keys = bindparam("keys", type_=ARRAY(Uuid))


async def _users(keys: list[uuid.UUID], work: UnitOfWork) -> set[tuple[str, uuid.UUID]]:
    users = identity_users.c
    wanted = select(users.id).where(users.id == func.any(_keys), users.active)
    return {(_USER, row[0]) for row in await work.fetch(wanted, keys=keys)} if keys else set()


async def _contacts(
    keys: list[uuid.UUID], customer_id: uuid.UUID, work: UnitOfWork
) -> set[tuple[str, uuid.UUID]]:
    if not keys:
        return set()
    contacts = Contact.__table__.c
    wanted = select(contacts.id).where(
        contacts.id == func.any(_keys),
        contacts.customer_id == func.any(bindparam("customers", type_=ARRAY(Uuid))),
        contacts.delete_time.is_(None),
        visible(Contact),
    )
    customers = await members_of(work, customer_id)
    return {(_CONTACT, row[0]) for row in await work.fetch(wanted, keys=keys, customers=customers)}
