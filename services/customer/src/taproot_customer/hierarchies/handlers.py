"""Who may stand above whom."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable

from taproot_base.errors import NotFound
from taproot_customer.customers.model import Customer
from taproot_customer.hierarchies import queries
from taproot_customer.hierarchies.model import MOST_LEVELS, InvalidParent
from taproot_customer.parents import find_parent
from taproot_storage.database import Reader, UnitOfWork

ORGANIZATION = "organization"


async def checked_parent(
    customer_id: uuid.UUID, kind: str, parent_id: uuid.UUID, work: UnitOfWork
) -> uuid.UUID:
    """The key of the parent, a merged one's survivor. The caller holds TREE_LOCK. Raises InvalidParent."""
    if kind != ORGANIZATION:
        raise InvalidParent("only an organisation has a parent; persons are joined by relationships")
    try:
        parent = await find_parent(work, parent_id)
    except NotFound:
        raise InvalidParent("is not a customer you see") from None
    if parent.kind != ORGANIZATION:
        raise InvalidParent("is a person")
    above = await queries.read_above(work, parent.id)
    if customer_id in above:
        raise InvalidParent("stands below this customer")
    if len(above) >= MOST_LEVELS:
        raise InvalidParent(f"a group has at most {MOST_LEVELS} levels")
    return parent.id


async def parent_outside(
    reader: Reader, candidates: Iterable[uuid.UUID], group: Collection[uuid.UUID]
) -> uuid.UUID | None:
    """The first candidate that neither is nor stands below one of the group: records about to become one."""
    for candidate in candidates:
        if not set(await queries.read_above(reader, candidate)) & set(group):
            return candidate
    return None


async def open_circle(customer: Customer, work: UnitOfWork) -> None:
    """Take the parent away from a customer that came to stand below itself when a merge was undone."""
    await work.flush()
    parent = customer.parent_id
    if parent is not None and customer.id in await queries.read_above(work, parent):
        customer.change({"parent_id": None}, work.clock.now())
