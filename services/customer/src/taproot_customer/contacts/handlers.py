"""Use cases of contacts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer
from taproot_customer.contacts import queries
from taproot_customer.contacts.model import Contact
from taproot_customer.parents import find_parent
from taproot_customer.reading import load_one
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import merge_patch


@dataclass(frozen=True)
class CreateContact:
    id: uuid.UUID | None
    customer_id: uuid.UUID
    values: Mapping[str, Any]
    owner_id: uuid.UUID | None = None


@dataclass(frozen=True)
class UpdateContact:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


async def create_contact(command: CreateContact, work: UnitOfWork) -> Contact:
    parent = await find_parent(work, command.customer_id)
    place = await Placer("contacts", work).place(command.owner_id or parent.owner_id, parent.branch_id)
    others = await work.scalars(queries.of_customer(parent.id))
    values = {
        "language_code": parent.language_code,
        **command.values,
        "customer_id": parent.id,
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
    }
    values["primary"] = bool(values.get("primary")) or not others
    contact = Contact.create(command.id or new_id(), values, work.clock.now())
    if contact.primary:
        _demote(others, work)
    await work.add(contact)
    return contact


async def update_contact(command: UpdateContact, work: UnitOfWork) -> Contact:
    contact: Contact = await load_one(work, Contact, command.id, command.etag)
    values = dict(command.values)
    if "custom" in values:
        values["custom"] = merge_patch(contact.custom, values["custom"])
    contact.change(values, work.clock.now())
    if not contact.display_name:
        raise InvalidArgument([("contact.display_name", "a contact needs a name")])
    if values.get("primary"):
        others = await work.scalars(queries.of_customer(contact.customer_id))
        _demote([other for other in others if other.id != contact.id], work)
    return contact


def _demote(others: list[Contact], work: UnitOfWork) -> None:
    """There is one person to talk to first."""
    for other in others:
        other.change({"primary": False}, work.clock.now())


async def delete_contact(key: uuid.UUID, etag: str, work: UnitOfWork) -> Contact:
    contact: Contact = await load_one(work, Contact, key, etag)
    contact.delete(work.clock.now())
    return contact


async def undelete_contact(key: uuid.UUID, work: UnitOfWork) -> Contact:
    contact: Contact = await load_one(work, Contact, key)
    contact.undelete(work.clock.now())
    return contact
