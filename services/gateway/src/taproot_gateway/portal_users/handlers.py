"""Use cases of portal users."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import caller_branch
from taproot_gateway.branches.queries import find_branches
from taproot_gateway.mails.queue import INVITATION, queue_mail
from taproot_gateway.portal_users.model import PortalUserExists
from taproot_gateway.sessions import store
from taproot_gateway.users import queries as users
from taproot_gateway.users.model import ACTIVE, PORTAL, User, name_key
from taproot_storage.database import UnitOfWork


@dataclass(frozen=True)
class InvitePortalUser:
    """`branch_id`: where the customer is at home; else the caller's own branch."""

    customer_id: uuid.UUID
    branch_id: uuid.UUID | None
    email: str
    display_name: str
    language_code: str


async def invite_portal_user(command: InvitePortalUser, work: UnitOfWork) -> uuid.UUID:
    """The caller holds the advisory lock of the name, and has seen the customer. Raises PortalUserExists."""
    known = await users.find_by_name(work, name_key(command.email))
    if known is None:
        key = await _make(command, work)
    elif (known["kind"], known["customer_id"], known["state"]) == (PORTAL, command.customer_id, ACTIVE):
        key = known["id"]
        if await store.find_credential(work, key) is not None:
            raise PortalUserExists
    else:
        raise PortalUserExists
    await queue_mail(work, INVITATION, user_id=key)
    return key


async def _make(command: InvitePortalUser, work: UnitOfWork) -> uuid.UUID:
    wanted = [key for key in (command.branch_id, caller_branch()) if key is not None]
    found = {row["id"]: row for row in await find_branches(work, wanted)}
    branch = next((found[key] for key in wanted if key in found and not found[key]["closed"]), None)
    if branch is None:
        raise InvalidArgument([("customer_id", "belongs to no open branch")])
    values = {
        "user_name": command.email,
        "display_name": command.display_name,
        "email": command.email,
        "kind": PORTAL,
        "customer_id": command.customer_id,
        "branch_id": branch["id"],
        "branch_path": branch["path"],
        "language_code": command.language_code or branch["language_code"],
        "time_zone": branch["time_zone"],
    }
    user = User.create(new_id(), values, work.clock.now())
    await work.add(user)
    await work.flush()
    return user.id
