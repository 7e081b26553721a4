"""Use cases of contacts."""

from __future__ import annotations

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import Placer
from taproot_customer.contacts import queries
from taproot_customer.contacts.model import Contact
from taproot_customer.parents import find_parent
from taproot_records.mapping import Values
from taproot_records.writing import load, moved, new_key, patched
from taproot_storage.database import UnitOfWork


async def create_contact(chosen: str, given: Values, work: UnitOfWork) -> Contact:
    parent = await find_parent(work, given["customer_id"])
    place = await Placer("contacts", work).place(given.get("owner_id") or parent.owner_id, parent.branch_id)
    key = await new_key(work, Contact, chosen)
    others = await work.scalars(queries.of_customer(parent.id))
    values: Values = {"language_code": parent.language_code} | given | parent.held
    values |= {"owner_id": place.owner_id, "primary": bool(given.get("primary")) or not others}
    contact = Contact.create(key, values, work.clock.now())
    if contact.primary:
        _demote(others, work)
    await work.add(contact)
    return contact


async def update_contact(key: str, etag: str, values: Values, work: UnitOfWork) -> Contact:
    contact = await load(work, Contact, key, etag)
    changed = patched(contact, await moved(work, "contacts", contact, values))
    contact.change(changed, work.clock.now())
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
