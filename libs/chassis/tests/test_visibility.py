"""The guard refuses statements without scope; policies from the same declarations agree with it."""

from __future__ import annotations

import random
import uuid

import asyncpg
import pytest
import pytest_asyncio
from boxes import PATHS, Box, box, user
from sqlalchemy import delete, func, insert, select, true, update

from taproot_base.access import Scope
from taproot_base.auth import Principal
from taproot_base.clock import SystemClock
from taproot_base.context import Call, calling
from taproot_base.errors import PermissionDenied, Unavailable
from taproot_storage import policies
from taproot_storage.database import Database
from taproot_storage.dialect import UnscopedStatement
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import (
    VisibilityClause,
    require_placement,
    unscoped,
    visibility_arms,
    visible,
)

T = Box.__table__
TEAM = str(uuid.uuid4())
CARELESS = VisibilityClause(T.name, true())  # passes the guard and shows everything: the policy must decide


class TestGuard:
    @pytest.mark.parametrize(
        "statement",
        [
            select(T),
            select(Box.id),
            select(func.count()).select_from(T),
            select(T.alias("other").c.id),
            select(1).where(select(T.c.id).exists()),
            update(T).values(label="x"),
            delete(T).where(T.c.label == "x"),
            insert(T).from_select(["id", "label"], select(T.c.id, T.c.label)),
            select(T.c.id).where(visible(Box)).union(select(T.c.id)),
            select(T.c.id).where(T.c.id.in_(select(T.c.party_id)), T.c.label == "x"),
        ],
    )
    def test_refuses_what_does_not_say_which_rows(self, statement):
        with pytest.raises(UnscopedStatement):
            _ = Statement(statement).text

    def test_lets_pass_what_does(self):
        for statement in (
            select(T).where(visible(Box)),
            update(T).where(unscoped(Box, "a worker")).values(label="x"),
            insert(T).values(id=uuid.uuid4(), label="x"),
        ):
            assert Statement(statement).text

    async def test_holds_for_mapped_objects_too(self, database, as_system):
        async with database.unit() as work:
            session = await work.session()
            with pytest.raises(UnscopedStatement):
                await session.get(Box, uuid.uuid4())
            with pytest.raises(UnscopedStatement):
                await session.scalars(select(Box))

    def test_a_reason_must_be_given(self):
        with pytest.raises(ValueError, match="why"):
            unscoped(Box, "")


async def fill(database: Database, owners: list[str]) -> None:
    generator = random.Random(7)
    async with database.unit() as work:
        for number in range(120):
            await work.add(
                box(
                    f"n{number}",
                    branch_path=generator.choice(PATHS),
                    owner_id=uuid.UUID(generator.choice(owners)),
                    team_id=uuid.UUID(generator.choice([TEAM, str(uuid.uuid4())])),
                    party_id=uuid.UUID(generator.choice(owners)),
                    member_ids=[uuid.UUID(one) for one in generator.sample(owners, generator.randrange(3))],
                )
            )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secured(database_url, directory):
    """The same database seen by a login that the generated policies bind."""
    await policies.apply(database_url, [T], on=True)
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE boxes FORCE ROW LEVEL SECURITY")
    found = await Database.open(database_url, clock=SystemClock())
    found.row_security = True
    yield found
    await found.close()
    await connection.execute("ALTER TABLE boxes NO FORCE ROW LEVEL SECURITY")
    await policies.apply(database_url, [T], on=False)
    await connection.close()


async def test_the_predicate_and_the_arms_show_the_same_rows(database, directory):
    callers = [
        user(directory, scope, path, teams)
        for scope in Scope
        for path in ("/hq/", "/hq/e/", "/hq/e/sh/")
        for teams in ((), (TEAM,))
    ]
    owners = [call.principal.subject for call in callers]
    callers.append(Call(Principal(str(uuid.uuid4()), "portal", party_id=owners[0]), directory))
    callers.append(Call(Principal.anonymous(), directory))
    with calling(Call(Principal.service("test"), directory)):
        await fill(database, owners)
    by_scope = [await seen_by(database, call) for call in callers]
    for call, (predicate, arms) in zip(callers, by_scope, strict=True):
        assert predicate == arms, call.principal
    assert by_scope[-1] == (set(), set())
    assert len({frozenset(predicate) for predicate, _ in by_scope}) > 8


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def parties(database, directory):
    """Callers of a record, of two merged into it and of a stranger -> the boxes each must reach."""
    root, member, old, stranger = (uuid.uuid4() for _ in range(4))
    boxes = {key: box(str(key), party_id=key) for key in (root, member, old, stranger)}
    merged = [{"member_id": key, "root_id": root, "version": 1} for key in (member, old)]
    with calling(Call(Principal.service("test"), directory)):
        async with database.unit() as work:
            await work.add(*boxes.values())
            await work.execute(insert(redirects).values(merged))
    mine = {boxes[key].id for key in (root, member, old)}
    reached = {root: mine, member: mine, old: mine, stranger: {boxes[stranger].id}}
    return [
        (Call(Principal(str(uuid.uuid4()), "portal", party_id=str(key)), directory), expected)
        for key, expected in reached.items()
    ]


async def test_a_party_reaches_what_belongs_to_its_survivor_and_members(database, parties):
    for call, expected in parties:
        assert await seen_by(database, call) == (expected, expected)


async def test_policies_let_a_party_reach_the_same(parties, secured):
    for call, expected in parties:
        with calling(call):
            async with secured.reading() as reader:
                by_policy = await reader.fetch(select(T.c.id).where(CARELESS))
        assert {row[0] for row in by_policy} == expected


async def test_policies_show_the_same_rows_as_the_predicate(database, directory, secured):
    callers = [
        user(directory, scope, path, (TEAM,)) for scope in Scope for path in ("/hq/", "/hq/e/", "/hq/w/")
    ]
    callers.append(Call(Principal.anonymous(), directory))
    for call in callers:
        with calling(call):
            async with secured.reading() as reader:
                by_policy = await reader.fetch(select(T.c.id).where(CARELESS))
                by_both = await reader.fetch(select(T.c.id).where(visible(Box)))
        assert {row[0] for row in by_policy} == {row[0] for row in by_both}, call.principal


async def test_policies_let_pass_what_is_unscoped_on_purpose(directory, secured):
    stranger = Call(Principal.anonymous(), directory)
    everything = select(T.c.id).where(unscoped(Box, "counted over all branches"))
    with calling(stranger):
        async with secured.unit() as work:
            there = len(await work.fetch(everything))
            assert there > 0
            assert await work.fetch(select(T.c.id).where(CARELESS)) == [], "a waiver is for one statement"
            assert len(await work.scalars(select(Box).where(unscoped(Box, "the same, mapped")))) == there
            assert await work.scalars(select(Box).where(CARELESS)) == []


async def test_policies_let_write_what_the_model_decides(directory, secured):
    """New rows are free, and rows read under a scope may leave it: both are the model's to decide."""
    new = box("under policies", branch_path="/hq/e/", owner_id=uuid.uuid4())
    with calling(Call(Principal.anonymous(), directory)):
        async with secured.unit() as work:
            await work.add(new)
            await work.flush()
            new.label = "changed"
        async with secured.unit() as work:
            label = select(T.c.label).where(T.c.id == new.id, unscoped(Box, "to see that it is there"))
            assert await work.fetch_value(label) == "changed"


async def test_who_tells_the_policies_nothing_sees_nothing(database_url, secured):
    assert secured.row_security
    connection = await asyncpg.connect(database_url)
    assert await connection.fetch("SELECT * FROM boxes") == []
    await connection.close()


async def seen_by(database: Database, call: Call) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    with calling(call):
        async with database.reading() as reader:
            predicate = {row[0] for row in await reader.fetch(select(T.c.id).where(visible(Box)))}
            arms: set[uuid.UUID] = set()
            for arm in visibility_arms(Box):
                arms |= {row[0] for row in await reader.fetch(select(T.c.id).where(arm))}
    return predicate, arms


class TestReach:
    def test_a_sibling_whose_code_begins_alike_is_no_child(self, directory):
        reach = directory.reach(user(directory, Scope.BRANCH_AND_BELOW, "/hq/e/").principal, "boxes.read")
        assert reach.covers_path("/hq/e/sh/")
        assert not reach.covers_path("/hq/ea/")

    def test_a_role_newer_than_known_is_unavailable_never_allowed(self, directory):
        from dataclasses import replace

        call = user(directory, Scope.ALL)
        newer = replace(call.principal, roles=(replace(call.principal.roles[0], version=9),))
        with pytest.raises(Unavailable):
            directory.reach(newer, "boxes.read")

    def test_placing_needs_reach(self, directory):
        with calling(user(directory, Scope.BRANCH, "/hq/e/", permission="boxes.create")):
            require_placement("boxes", "/hq/e/")
            with pytest.raises(PermissionDenied):
                require_placement("boxes", "/hq/w/")
