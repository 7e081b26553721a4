"""Reading and changing SCIM resources: transactions, locks and the JSON that comes of them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from taproot.identity.v1 import team_pb2, user_pb2
from taproot_base.errors import NotFound
from taproot_chassis.validation import violations_of
from taproot_gateway.roles.queries import find_roles
from taproot_gateway.scim import handlers, patches, queries, resources
from taproot_gateway.scim.documents import MOST_ROWS
from taproot_gateway.scim.errors import InvalidValue
from taproot_gateway.scim.filters import parse, path_of
from taproot_gateway.teams.queries import get_team
from taproot_gateway.users.model import STAFF, name_key
from taproot_gateway.users.queries import get_user
from taproot_storage.database import Database, Reader, UnitOfWork
from taproot_storage.idempotency import lock_key

Json = dict[str, Any]
Change = Callable[[Json], Json]
_ADMINISTRATORS = lock_key("identity", "administrators")
_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


class Directory:
    """`base`: where the endpoint is, for the addresses in answers."""

    def __init__(self, database: Database, base: str) -> None:
        self._database = database
        self._base = base

    async def search(self, kind: str, asked: Mapping[str, str]) -> Json:
        found = parse(asked["filter"]) if asked.get("filter") else None
        rows = (queries.users if kind == "Users" else queries.groups)(found)
        sort = path_of(asked["sortBy"]) if asked.get("sortBy") else ""
        descending = asked.get("sortOrder", "").lower() == "descending"
        rows = queries.ordered(rows, kind, sort, descending=descending)
        start = max(_number(asked, "startIndex", 1), 1)
        count = min(max(_number(asked, "count", 100), 0), MOST_ROWS)
        async with self._database.reading() as reader:
            page, total = await queries.page(reader, rows, start, count)
            listed = await (self._users if kind == "Users" else self._groups)(reader, page)
        answer = {"schemas": [_LIST], "totalResults": total, "startIndex": start, "itemsPerPage": len(listed)}
        return answer | {"Resources": listed}

    async def read(self, kind: str, key: str) -> Json:
        async with self._database.reading() as reader:
            return await self._one(reader, kind, _key(key, kind))

    async def create(self, kind: str, body: Json) -> Json:
        _check_contract(kind, body)
        make: Callable[[Json, UnitOfWork], Awaitable[Any]] = (
            handlers.create_user if kind == "Users" else handlers.create_group
        )
        async with self._database.unit(self._locks(kind, body)) as work:
            made = await make(body, work)
            await work.flush()
            return await self._one(work, kind, made.id)

    async def replace(self, kind: str, key: str, if_match: str, body: Json) -> Json:
        return await self._changed(kind, _key(key, kind), if_match, lambda _before: body)

    async def patch(self, kind: str, key: str, if_match: str, body: Json) -> Json:
        return await self._changed(
            kind, _key(key, kind), if_match, lambda before: patches.apply(before, body)
        )

    async def delete(self, kind: str, key: str, if_match: str) -> None:
        found = _key(key, kind)
        async with self._database.unit([_ADMINISTRATORS]) as work:
            if kind == "Users":
                await handlers.delete_user(found, if_match, work)
            else:
                await handlers.locked_team(found, work)
                await handlers.delete_group(found, if_match, await self._one(work, kind, found), work)

    async def _changed(self, kind: str, key: uuid.UUID, if_match: str, change: Change) -> Json:
        """The whole resource is made anew from what stands there, so PATCH and PUT keep the same rules."""
        async with self._database.reading() as reader:
            # Only for the lock of a new name, which has to be held before the transaction looks at anything.
            wanted = change(await self._one(reader, kind, key))
        async with self._database.unit(self._locks(kind, wanted)) as work:
            await (handlers.staff_user if kind == "Users" else handlers.locked_team)(key, work)
            before = await self._one(work, kind, key)
            body = resources.renamed(before, change(await self._one(work, kind, key)))
            _check_contract(kind, body)
            if kind == "Users":
                await handlers.replace_user(key, if_match, body, work)
            else:
                await handlers.replace_group(key, if_match, before, body, work)
            await work.flush()
            return await self._one(work, kind, key)

    async def _one(self, reader: Reader, kind: str, key: uuid.UUID) -> Json:
        row = await (get_user if kind == "Users" else get_team)(reader, key)
        if kind == "Users" and row["kind"] != STAFF:
            raise NotFound("user", key)
        return (await (self._users if kind == "Users" else self._groups)(reader, [row]))[0]

    async def _users(self, reader: Reader, rows: list[Any]) -> list[Json]:
        role_ids = sorted({key for row in rows for key in row["role_ids"]})
        roles = {role["id"]: role for role in await find_roles(reader, role_ids)}
        teams = await queries.teams_of(reader, rows)
        return [resources.user_json(row, roles, teams, self._base) for row in rows]

    async def _groups(self, reader: Reader, rows: list[Any]) -> list[Json]:
        members = await queries.members_of(reader, [row["id"] for row in rows])
        return [resources.group_json(row, members[row["id"]], self._base) for row in rows]

    def _locks(self, kind: str, body: Json) -> list[int]:
        """Those the API takes for the same changes."""
        if kind == "Groups":
            return [_ADMINISTRATORS]
        name = next((value for field, value in body.items() if field.lower() == "username"), "")
        return [_ADMINISTRATORS, lock_key("user", name_key(str(name)))]


def _check_contract(kind: str, body: Json) -> None:
    """What the API refuses is refused here."""
    if kind == "Users":
        values = resources.user_values(body)
        fields = (
            "user_name",
            "display_name",
            "email",
            "phone",
            "title",
            "language_code",
            "time_zone",
            "employee_number",
        )
        found = violations_of(user_pb2.User(**{name: values[name] for name in fields}))
    else:
        group, _ = resources.group_values(body)
        found = violations_of(team_pb2.Team(display_name=group["display_name"]))
    if found:
        raise InvalidValue("; ".join(f"{one.field}: {one.description}" for one in found)[:1000])


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise InvalidValue(f"{name} is a number") from None


def _key(text: str, kind: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(kind.removesuffix("s").lower(), text[:60]) from None
