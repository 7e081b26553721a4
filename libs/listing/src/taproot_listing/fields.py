"""What a resource lets callers filter, order and aggregate: its allow-list of fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Integer, Numeric, Text, Uuid, literal
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import TypeEngine

from taproot_listing.errors import FieldRefused

MEMBER_KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class FieldType(Enum):
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    DATE = "date"
    ENUM = "enum"
    ID = "id"
    JSON = "json"


SQL_TYPES: Mapping[FieldType, TypeEngine[Any]] = {
    FieldType.TEXT: Text(),
    FieldType.NUMBER: Numeric(),
    FieldType.INTEGER: BigInteger(),
    FieldType.BOOLEAN: Boolean(),
    FieldType.INSTANT: DateTime(timezone=True),
    FieldType.DATE: Date(),
    FieldType.ENUM: Text(),
    FieldType.ID: Uuid(),
}

ORDERED = frozenset({FieldType.TEXT, FieldType.NUMBER, FieldType.INTEGER, FieldType.INSTANT, FieldType.DATE})


def fold_text(text: str) -> str:
    """The normal form of a `normalized_column`: compatibility forms and case are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def as_utc(value: datetime) -> datetime:
    """What has no zone is `infinity`, which asyncpg returns as the last instant of all."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumNames(Protocol):
    """A generated protobuf enum, seen as its value names."""

    def keys(self) -> Iterable[str]:
        """Names such as `X_STATUS_OPEN`."""


@dataclass(frozen=True)
class Member:
    """The type of one key of a JSON field. `part`: the key within, when the value is an object."""

    type: FieldType
    repeated: bool = False
    part: str = ""


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a resource.

    `nullable` is taken from the column when not given; state it for columns of outer joins.
    `sensitive_class` and the name are what masks refer to.
    `enum`: a generated protobuf enum (stored as lower-case short names) or a map of literal -> stored text.
    `repeated`: an array column, compared with `:` only.
    `normalized_column` holds `normalize(value)`; all comparisons then go there.
    `sort_column` is ordered by instead of `column`, such as a phonetic key. It may be NULL only if the field may.
    `terms` splits a literal on a repeated text field into what the row must all have (text search).
    `through` turns a condition on `column` into one on the listed row, for values kept in side tables.
    `members` are the typed keys of a JSON field; None: any key, as text.
    `permission` is needed beside that of the resource: the value sums up records of another one.
    """

    name: str
    column: ColumnElement[Any]
    type: FieldType
    sortable: bool = True
    nullable: bool | None = None
    sensitive_class: str | None = None
    enum: EnumNames | Mapping[str, str] | None = None
    repeated: bool = False
    normalized_column: ColumnElement[Any] | None = None
    normalize: Callable[[str], str] = fold_text
    sort_column: ColumnElement[Any] | None = None
    terms: Callable[[str], Sequence[str]] | None = None
    through: Callable[[ColumnElement[bool]], ColumnElement[bool]] | None = None
    members: Mapping[str, Member] | None = None
    member_of: str | None = None
    part: str = ""
    permission: str = ""

    @cached_property
    def optional(self) -> bool:
        """Whether the value may be absent."""
        return bool(getattr(self.column, "nullable", True)) if self.nullable is None else self.nullable

    @cached_property
    def compared(self) -> ColumnElement[Any]:
        return self.column if self.normalized_column is None else self.normalized_column

    @cached_property
    def enum_literals(self) -> Mapping[str, str]:
        """Upper-case literal -> stored text."""
        if self.enum is None or isinstance(self.enum, Mapping):
            return {name.upper(): stored for name, stored in (self.enum or {}).items()}
        names = list(self.enum.keys())
        prefix = next((n.removesuffix("UNSPECIFIED") for n in names if n.endswith("_UNSPECIFIED")), "")
        short = {n: n.removeprefix(prefix) for n in names if n != f"{prefix}UNSPECIFIED"}
        return {key: s.lower() for n, s in short.items() for key in (s.upper(), n.upper())}

    @property
    def valued(self) -> ColumnElement[Any]:
        """The value of the listed row itself: what is grouped and measured."""
        return self.column if self.through is None or self.sort_column is None else self.sort_column

    def require_sortable(self) -> None:
        plain = not self.repeated and self.type is not FieldType.JSON
        if not (self.sortable and plain and (self.through is None or self.sort_column is not None)):
            raise FieldRefused(f"field '{self.name}' cannot be ordered by")


def bind(kind: FieldType, value: object) -> BindParameter[Any]:
    return literal(value, SQL_TYPES[kind])


def needs(permission: str) -> str:
    """What hides, among the masks of a caller, the fields that need a permission it lacks."""
    return f"permission:{permission}"


@dataclass(frozen=True, eq=False)
class Resource:
    """The allow-list. Make it once and keep it: checked filters are cached by identity of the resource.

    `default_order` is an `order_by` text; `id_column` is unique among the rows listed and breaks all ties.
    `read_with`: the permission that reads the rows; only where fields name permissions of their own.
    """

    name: str
    fields: Sequence[Field]
    default_order: str
    id_column: ColumnElement[Any]
    read_with: str = ""

    @cached_property
    def permissions(self) -> frozenset[str]:
        """What some of its fields need beside `read_with`."""
        return frozenset(field.permission for field in self.fields if field.permission)

    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def id_field(self) -> Field:
        kind = FieldType.TEXT
        if isinstance(self.id_column.type, Uuid):
            kind = FieldType.ID
        elif isinstance(self.id_column.type, Integer):
            kind = FieldType.INTEGER
        return Field("id", self.id_column, kind, nullable=False)

    def with_fields(self, *fields: Field) -> Resource:
        """The same resource with fields added or, by name, replaced (fields defined at run time)."""
        merged = {**self._by_name, **{field.name: field for field in fields}}
        return replace(self, fields=tuple(merged.values()))

    def find(self, name: str, masked: frozenset[str]) -> Field:
        """The field of that name, `root.key` included.

        Raises:
            FieldRefused: it is unknown, or its name, path, root or class is masked, or `needs(permission)` is.
        """
        field = self._by_name.get(name) or self._member(name)
        if field is None:
            raise FieldRefused(f"unknown field '{name}'")
        parts = name.split(".")
        paths = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
        paths |= {f"{self.name}.{path}" for path in paths} | {field.sensitive_class or name}
        if field.permission and needs(field.permission) in masked:
            raise FieldRefused(f"field '{name}' needs the permission {field.permission}")
        if masked and not masked.isdisjoint(paths):
            raise FieldRefused(f"field '{name}' is masked for you")
        return field

    def _member(self, name: str) -> Field | None:
        from taproot_listing.json_members import member_field

        root, _, key = name.rpartition(".")
        field = self._by_name.get(root)
        if field is None or field.type is not FieldType.JSON or not MEMBER_KEY.fullmatch(key):
            return None
        member = Member(FieldType.TEXT) if field.members is None else field.members.get(key)
        return None if member is None else member_field(field, key, member)
