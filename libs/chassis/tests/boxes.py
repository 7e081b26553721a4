"""A tiny service of our own: boxes, with events whose payload is a protobuf StringValue."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import asyncpg
from google.protobuf.wrappers_pb2 import StringValue
from sqlalchemy import Boolean, Column, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from taproot_base.access import AccessDirectory, Grant, Role, Scope
from taproot_base.auth import Principal, RoleRef
from taproot_base.clock import SystemClock
from taproot_base.context import Call
from taproot_storage import partitions, schema
from taproot_storage.database import Database
from taproot_storage.eventlog import Aggregate
from taproot_storage.mixed import scope_mixed_table
from taproot_storage.model import ModelBase, new_metadata
from taproot_storage.visibility import scope_table

PATHS = ("/hq/", "/hq/e/", "/hq/e/sh/", "/hq/e/hz/", "/hq/ea/", "/hq/w/")


class Base(ModelBase, DeclarativeBase):
    metadata = new_metadata()


class Box(Aggregate, Base):
    __tablename__ = "boxes"
    aggregate_type: ClassVar[str] = "box"

    label: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    team_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    party_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    member_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)

    __table_args__ = (Index("ix_boxes_branch", "branch_path", "create_time", "id"),)


scope_table(Box, "boxes.read", team="team_id", party="party_id", members="member_ids")

# Lines that tell of boxes and of other things.
lines = Table(
    "lines",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("permission", Text, nullable=False),
    Column("placed", Boolean, nullable=False),
    Column("owner_id", Uuid),
    Column("team_id", Uuid),
    Column("branch_path", Text, nullable=False),
)
scope_mixed_table(lines, frozenset({"boxes.read", "bags.read"}))


def encode(box: Box, _recorded: Any) -> StringValue:
    return StringValue(value=box.label)


async def create_schema(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(schema.metadata.create_all)
        await connection.run_sync(Base.metadata.create_all)
        for table in partitions.MONTHLY:
            for statement in partitions.initial_sql(table, SystemClock().now()):
                await connection.exec_driver_sql(statement)
    await engine.dispose()


def user(
    directory: AccessDirectory,
    scope: Scope,
    branch: str = "/hq/e/",
    teams: tuple[str, ...] = (),
    permission: str = "boxes.*",
) -> Call:
    """A call by a user with one role."""
    role = Role(str(uuid.uuid4()), 1, (Grant(permission, scope),))
    directory.replace([*directory.roles.values(), role], directory.branches.values())
    principal = Principal(str(uuid.uuid4()), "user", (RoleRef(role.id, 1),), branch_path=branch, teams=teams)
    return Call(principal, directory, permission="boxes.read")


def box(label: str = "box", **values: Any) -> Box:
    now = SystemClock().now()
    made = Box(id=uuid.uuid4(), label=label, branch_path="/hq/e/sh/", create_time=now)
    made.set_all(values)
    made.record("made", now)
    return made


async def plain(database: Database, sql: str, *arguments: Any) -> list[Any]:
    """A statement past the unit of work, to see what is really there."""
    connection = await asyncpg.connect(database.direct_url)
    try:
        found: list[Any] = await connection.fetch(sql, *arguments)
        return found
    finally:
        await connection.close()
