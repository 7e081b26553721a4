"""Rows that tell of records of many resources: each shows to those who may read what it tells of."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from boxes import PATHS, lines
from sqlalchemy import insert, literal, select

from taproot_base.access import AccessDirectory, Grant, Role, Scope
from taproot_base.auth import Principal, RoleRef
from taproot_base.context import Call, calling
from taproot_storage.dialect import UnscopedStatement
from taproot_storage.mixed import visible_mixed
from taproot_storage.statements import Statement

TEAMS = [str(uuid.UUID(int=number)) for number in (1, 2)]
PERMISSIONS = ("", "boxes.read", "bags.read", "secrets.read")


def caller(directory: AccessDirectory, chooser: random.Random) -> Call:
    grants = tuple(
        Grant(permission, scope)
        for permission in PERMISSIONS[1:]
        if (scope := chooser.choice([None, *Scope])) is not None
    )
    role = Role(str(uuid.UUID(int=chooser.getrandbits(128))), 1, grants)
    directory.replace([*directory.roles.values(), role], directory.branches.values())
    principal = Principal(
        str(uuid.UUID(int=chooser.getrandbits(128))), "user", (RoleRef(role.id, 1),),
        branch_path=chooser.choice(PATHS), teams=tuple(chooser.sample(TEAMS, chooser.randrange(3))),
    )  # fmt: skip
    return Call(principal, directory, permission="boxes.read")


def line(chooser: random.Random, owners: list[str]) -> dict[str, Any]:
    return {
        "id": uuid.UUID(int=chooser.getrandbits(128)),
        "permission": chooser.choice(PERMISSIONS),
        "placed": chooser.random() < 0.8,
        "owner_id": uuid.UUID(chooser.choice(owners)) if chooser.random() < 0.5 else None,
        "team_id": uuid.UUID(chooser.choice(TEAMS)) if chooser.random() < 0.5 else None,
        "branch_path": chooser.choice(PATHS),
    }


def may_see(row: dict[str, Any], call: Call, *, near: bool) -> bool:
    """The rule in words of the reach of each single permission."""
    if not row["permission"]:
        return True
    reach = call.directory.reach(call.principal, row["permission"])
    if reach is None or row["permission"] == "secrets.read":  # nobody declared that one
        return False
    return (
        reach.everything
        or not row["placed"]
        or near
        or str(row["owner_id"]) == reach.owner_id
        or str(row["team_id"]) in reach.team_ids
        or reach.covers_path(row["branch_path"])
    )


async def shown(database: Any, call: Call, *, near: bool) -> set[uuid.UUID]:
    with calling(call):
        async with database.reading() as reader:
            rows = await reader.fetch(select(lines.c.id).where(visible_mixed(lines, literal(near))))
    return {row[0] for row in rows}


@pytest.mark.parametrize("seed", range(3))
async def test_every_caller_sees_what_it_could_read_one_by_one(database, directory, seed: int):
    chooser = random.Random(seed)  # no secret
    callers = [caller(directory, chooser) for _ in range(25)]
    rows = [line(chooser, [call.principal.subject for call in callers]) for _ in range(200)]
    async with database.unit() as work:
        await work.execute_many(Statement(insert(lines).values({c.name: None for c in lines.c})), rows)
    mine = {row["id"] for row in rows}
    for call in callers:
        for near in (False, True):
            expected = {row["id"] for row in rows if may_see(row, call, near=near)}
            assert await shown(database, call, near=near) & mine == expected, (call.principal, near)


async def test_others_see_the_parents_own_rows_alone(database, directory):
    for principal in (
        Principal.anonymous(),
        Principal(str(uuid.uuid4()), "portal", party_id=str(uuid.uuid4())),
    ):
        call = Call(principal, directory)
        found = await shown(database, call, near=True)
        with calling(call):
            async with database.reading() as reader:
                own = await reader.fetch(
                    select(lines.c.id).where(lines.c.permission == "", visible_mixed(lines, literal(True)))
                )
        assert found == {row[0] for row in own}
    service = Call(Principal.service("test"), directory)
    assert len(await shown(database, service, near=False)) > len(found)


def test_the_guard_covers_such_tables():
    with pytest.raises(UnscopedStatement):
        _ = Statement(select(lines.c.id)).text
