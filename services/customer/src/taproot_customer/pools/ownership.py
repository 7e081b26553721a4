"""The one way a customer changes hands, so that its history is whole."""

from __future__ import annotations

import uuid

from taproot_base.context import current_call
from taproot_base.ids import new_id
from taproot_chassis.placement import Place
from taproot_customer.customers.model import Customer
from taproot_customer.pools import queries
from taproot_storage.database import UnitOfWork


async def hand_over(
    customer: Customer,
    place: Place,
    kind: str,
    work: UnitOfWork,
    reason: str = "",
    transfer_id: uuid.UUID | None = None,
) -> bool:
    """False when it is there already. Whatever was claimed ends with its owner."""
    before = (customer.owner_id, customer.branch_id)
    if before == (place.owner_id, place.branch_id):
        return False
    now = work.clock.now()
    customer.assign(place.owner_id, place.branch_id, place.branch_path, kind, now)
    if before[0] != place.owner_id:
        await queries.end_claim(work, customer.id)
    change = {
        "id": new_id(),
        "customer_id": customer.id,
        "kind": kind,
        "from_owner_id": before[0],
        "to_owner_id": place.owner_id,
        "from_branch_id": before[1],
        "to_branch_id": place.branch_id,
        "reason": reason,
        "actor": current_call().principal.subject,
        "create_time": now,
        "transfer_id": transfer_id,
    }
    await queries.add_change(work, change)
    return True
