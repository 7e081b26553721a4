"""What a service knows of another's records: a projection that follows merges, the same in every service.

A record names the records merged into it in its own state, so whatever order the events of different records
arrive in, the same redirects come out of them.
"""

from __future__ import annotations

import uuid
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Index, Uuid, any_, bindparam, delete, func, literal_column, select, true
from sqlalchemy import type_coerce as seen_as
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator

from taproot_chassis.projections import put_newer
from taproot_listing.fields import Field, FieldType
from taproot_records.mapping import Values
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.redirects import keys_of, root_of
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import is_scoped, unscoped

E = TypeVar("E")


class Referenced:
    """Columns of every projection of foreign records. `member_ids`: all records merged into this one."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    member_ids: Mapped[list[uuid.UUID]]
    deleted: Mapped[bool] = mapped_column(default=False)


def members_index(table_name: str) -> Index:
    """Finds who names a record as its member; of the few records that have any."""
    return Index(
        f"ix_{table_name}_member_ids",
        "member_ids",
        postgresql_using="gin",
        postgresql_where=_has_members(literal_column("member_ids", ARRAY(Uuid()))),
    )


def _has_members(column: Any) -> Any:
    return func.cardinality(column) > literal_column("0")


class References(Generic[E]):
    """Keeps and reads one projection; `model` has the columns of `Referenced`."""

    def __init__(self, model: type[E]) -> None:
        self._model: Any = model
        self._put = put_newer(model)
        key = bindparam("key", type_=Uuid())
        self._forget = Statement(lambda: _forgotten(key))
        self._redirect = Statement(self._redirects)
        self._one = Statement(
            lambda: select(self._table).where(self._table.c.id == root_of(key), self._any_branch())
        )
        self._version = Statement(
            lambda: select(self._table.c.version).where(self._table.c.id == key, self._any_branch())
        )
        self._keys = Statement(lambda: select(keys_of(key)))

    @property
    def _table(self) -> Any:
        return self._model.__table__

    @property
    def tables(self) -> tuple[Any, ...]:
        """What a rebuild of the projection empties."""
        return (self._table, redirects)

    def _any_branch(self) -> ColumnElement[bool]:
        reason = "a record may refer to a foreign one of any branch"
        return unscoped(self._model, reason) if is_scoped(self._model) else true()

    def _redirects(self) -> Any:
        """Who answers for the records asked: of all that name one as member, the one that names most."""
        ref = self._table.c
        asked = func.unnest(bindparam("members", type_=ARRAY(Uuid()))).table_valued("id", name="asked")
        member = asked.render_derived().c.id
        rows = (
            select(member, ref.id, ref.version)
            .where(
                ref.member_ids.op("@>")(func.array_append(literal_column("'{}'::uuid[]"), member)),
                _has_members(ref.member_ids),
                self._any_branch(),
            )
            .ext(distinct_on(member))
            .order_by(member, func.cardinality(ref.member_ids).desc(), ref.id)
        )
        return insert(redirects).from_select(["member_id", "root_id", "version"], rows)

    async def follow(self, work: UnitOfWork, values: Values) -> bool:
        """Store the state of a record and who answers for its members now. False: a newer one is known."""
        if not await work.execute(self._put, **values):
            return False
        members = values["member_ids"]
        if members or values["version"] > 1:  # a first version has had no members before
            gone = await work.fetch(self._forget, key=values["id"], members=members)
            affected = {row["member_id"] for row in gone} | set(members)
            if affected:
                await work.execute(self._redirect, members=list(affected))
        return True

    async def find(self, reader: Reader, key: uuid.UUID) -> Any:
        """Row of a record, of its survivor when it was merged; None when it is not known (yet)."""
        return await reader.fetch_row(self._one, key=key)

    async def version(self, reader: Reader, key: uuid.UUID) -> int | None:
        """How new the state known of this very record is; None when it is not known."""
        found: int | None = await reader.fetch_value(self._version, key=key)
        return found

    async def keys(self, reader: Reader, key: uuid.UUID) -> list[uuid.UUID]:
        """All keys under which records of this one may stand, the survivor's first."""
        found: list[uuid.UUID] = await reader.fetch_value(self._keys, key=key)
        return found


def _forgotten(root: Any) -> Any:
    members = any_(bindparam("members", type_=ARRAY(Uuid())))
    gone = (redirects.c.root_id == root) | (redirects.c.member_id == members)
    return delete(redirects).where(gone).returning(redirects.c.member_id)


class _SameRecord(TypeDecorator.Comparator[Any]):
    """Equal to a record means equal to any key of it."""

    def __eq__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]  # an expression, as everywhere in SQLAlchemy
        return seen_as(self.expr, Uuid()) == any_(keys_of(other))

    def is_distinct_from(self, other: Any) -> ColumnElement[bool]:
        differs: ColumnElement[bool] = (self == other).is_not(true())
        return differs

    __hash__ = TypeDecorator.Comparator.__hash__


class _ForeignKey(TypeDecorator[Any]):
    impl = Uuid
    cache_ok = True
    comparator_factory = _SameRecord


def reference_field(column: Any) -> Field:
    """The field of a foreign record's id: conditions on it hold for all keys of that record."""
    return Field(column.key, column, FieldType.ID, normalized_column=seen_as(column, _ForeignKey()))
