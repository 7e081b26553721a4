"""What a new installation starts with: the head office, the usual roles, the first administrator."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from taproot_base import telemetry
from taproot_base.context import calling
from taproot_base.ids import new_id
from taproot_chassis.service import Runtime
from taproot_gateway.branches.model import Branch
from taproot_gateway.branches.queries import at
from taproot_gateway.roles.model import Role
from taproot_gateway.roles.queries import by_code
from taproot_gateway.seed_roles import ADMIN, SeedRole, seed_roles
from taproot_gateway.sessions import store
from taproot_gateway.sessions.passwords import Hasher
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users.model import User
from taproot_gateway.users.queries import count_users
from taproot_storage.database import UnitOfWork
from taproot_storage.idempotency import lock_key

HEAD_OFFICE = "/hq/"
_LOCK = lock_key("identity", "seed")
_RANDOM_BYTES = 15


class Seed:
    """Safe to run in several processes at once and again at each start: only what is missing is made."""

    def __init__(self, runtime: Runtime[GatewaySettings], hasher: Hasher, permissions: Iterable[str]) -> None:
        self._runtime = runtime
        self._hasher = hasher
        self._permissions = frozenset(permissions)

    async def run(self) -> None:
        password = await self._password()
        digest = await self._hasher.hash(password) if password else ""
        with calling(self._runtime.system_call()):
            async with self._runtime.database.unit([_LOCK]) as work:
                head_office = await _head_office(work)
                roles = await _roles(work, seed_roles(self._permissions))
                if await count_users(work) == 0 and digest:
                    await self._administrator(work, head_office, roles[ADMIN], digest)
                    # Written before the commit: an administrator whose password nobody knows helps nobody.
                    await self._write(password)

    async def _password(self) -> str:
        """Empty when no administrator can or need be made."""
        settings = self._runtime.settings
        async with self._runtime.database.reading() as reader:
            if await count_users(reader):
                return ""
        if settings.admin_password:
            return settings.admin_password
        if settings.admin_password_file is None:
            telemetry.logger.warning(
                "no_administrator", reason="neither admin_password nor admin_password_file"
            )
            return ""
        return secrets.token_urlsafe(_RANDOM_BYTES)

    async def _write(self, password: str) -> None:
        settings = self._runtime.settings
        if settings.admin_password_file is not None and not settings.admin_password:
            await asyncio.to_thread(write_private, settings.admin_password_file, password)

    async def _administrator(self, work: UnitOfWork, branch: Branch, role: Role, digest: str) -> None:
        values = {
            "user_name": self._runtime.settings.admin_user,
            "display_name": "Administrator",
            "branch_id": branch.id,
            "branch_path": branch.path,
            "role_ids": [role.id],
            "language_code": branch.language_code,
            "time_zone": branch.time_zone,
        }
        user = User.create(new_id(), values, work.clock.now())
        await work.add(user)
        await store.put_password(work, user.id, digest, must_change=False)


def write_private(path: Path, text: str) -> None:
    """Readable by the owner only, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text + "\n")
    partial.replace(path)


async def _head_office(work: UnitOfWork) -> Branch:
    found: Branch | None = await work.scalar(at(HEAD_OFFICE))
    if found is not None:
        return found
    values = {
        "code": "hq",
        "display_name": "Head office",
        "time_zone": "Asia/Shanghai",
        "language_code": "zh-CN",
        "country_code": "CN",
        "currency_code": "CNY",
    }
    made = Branch.create(new_id(), None, values, work.clock.now())
    await work.add(made)
    return made


async def _roles(work: UnitOfWork, wanted: Iterable[SeedRole]) -> dict[str, Role]:
    """The roles are made together, once: one that an administrator deleted later stays deleted."""
    roles: dict[str, Role] = {}
    admin: Role | None = await work.scalar(by_code(ADMIN))
    if admin is not None:
        return {ADMIN: admin}
    for one in wanted:
        roles[one.code] = Role.create(new_id(), one.values(), work.clock.now())
        await work.add(roles[one.code])
    return roles
