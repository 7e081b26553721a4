"""Which user an account at the provider is: found by its link, tied by a configured claim, or made."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from taproot.identity.v1 import user_pb2 as pb
from taproot_base import telemetry
from taproot_chassis.validation import violations_of
from taproot_gateway.branches.queries import at
from taproot_gateway.oidc import queries
from taproot_gateway.oidc.model import OidcNoUser
from taproot_gateway.revocations import announce
from taproot_gateway.roles.queries import by_code
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_gateway.users.handlers import CreateUser, create_user
from taproot_gateway.users.model import ACTIVE, STAFF, User, name_key
from taproot_storage.database import UnitOfWork
from taproot_storage.idempotency import lock_key


@dataclass(frozen=True)
class Account:
    issuer: str
    subject: str
    user_name: str = ""
    display_name: str = ""
    email: str = ""
    """Only when the provider has verified it."""
    groups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, claims: Mapping[str, Any], settings: GatewaySettings) -> Account:
        groups = claims.get(settings.oidc_groups_claim)
        verified = claims.get("email_verified") is True
        return cls(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            user_name=_text(claims.get(settings.oidc_user_claim)),
            display_name=_text(claims.get("name"))[:200],
            email=_text(claims.get("email")) if verified else "",
            groups=frozenset(map(str, groups)) if isinstance(groups, list) else frozenset(),
        )

    @property
    def lock(self) -> int:
        return lock_key("oidc", self.issuer, self.subject)


async def user_of(account: Account, settings: GatewaySettings, work: UnitOfWork) -> User:
    """The active user of an account. The caller holds `account.lock`. Raises OidcNoUser."""
    known = await queries.linked_user(work, account.issuer, account.subject)
    if known is None:
        known = await _tied(account, settings, work)
    if known is None and settings.oidc_provision:
        known = await _made(account, settings, work)
    user: User | None = await work.scalar(users.for_change(known)) if known is not None else None
    if user is None or user.state != ACTIVE or user.kind != STAFF:
        telemetry.logger.warning("oidc_no_user", linked=known is not None)
        raise OidcNoUser
    await _give_roles(user, account.groups, settings, work)
    return user


async def _tied(account: Account, settings: GatewaySettings, work: UnitOfWork) -> uuid.UUID | None:
    """A user who was here before the provider was; once tied to one account, to no other."""
    found: list[Any] = []
    if settings.oidc_link == "user_name" and account.user_name:
        named = await users.find_by_name(work, name_key(account.user_name))
        found = [named] if named is not None else []
    elif settings.oidc_link == "email" and account.email:
        found = await users.find_by_email(work, account.email, 2)
    if len(found) != 1 or await queries.is_linked(work, account.issuer, found[0]["id"]):
        return None
    key: uuid.UUID = found[0]["id"]
    await queries.link(work, account.issuer, account.subject, key)
    return key


async def _made(account: Account, settings: GatewaySettings, work: UnitOfWork) -> uuid.UUID | None:
    branch = await work.scalar(at(settings.oidc_branch))
    taken = await users.find_by_name(work, name_key(account.user_name))
    fitting = _fits_contract(account)
    if branch is None or not fitting or taken is not None:
        found = {"branch": branch is not None, "name_taken": taken is not None, "fitting": fitting}
        telemetry.logger.warning("oidc_not_provisioned", **found)
        return None
    values = {
        "user_name": account.user_name,
        "display_name": account.display_name,
        "email": account.email,
        "branch_id": branch.id,
        "language_code": branch.language_code,
        "time_zone": branch.time_zone,
    }
    user = await create_user(CreateUser(None, values), work)
    await work.flush()
    await queries.link(work, account.issuer, account.subject, user.id)
    return user.id


async def _give_roles(user: User, groups: Iterable[str], settings: GatewaySettings, work: UnitOfWork) -> None:
    """Roles that groups stand for come and go with the groups; other roles are left alone."""
    mapping = settings.group_roles
    if not mapping:
        return
    roles = {code: await work.scalar(by_code(code)) for code in sorted(set(mapping.values()))}
    managed = {role.id for role in roles.values() if role is not None}
    wanted = {roles[mapping[group]].id for group in groups if mapping.get(group) and roles[mapping[group]]}
    if not await users.other_administrators(work, user.id):
        wanted |= managed & set(user.role_ids)  # never the last administrator's
    role_ids = [key for key in user.role_ids if key not in managed] + sorted(wanted)
    if set(role_ids) != set(user.role_ids):
        user.assign({"role_ids": role_ids}, work.clock.now())
        await announce(work, user.id)


def _fits_contract(account: Account) -> bool:
    named = pb.User(user_name=account.user_name, display_name=account.display_name, email=account.email)
    return bool(account.user_name) and not violations_of(named)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
