"""How a resource is read: one record, one page, one aggregate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Numeric, Select, Uuid, bindparam, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot.type.v1.aggregate_pb2 import AggregateRow
from taproot_base.descriptors import sensitive_fields
from taproot_base.errors import NotFound
from taproot_base.text import query_tokens
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.mapping import literals, message_of
from taproot_records.references import reference_field
from taproot_storage import reads
from taproot_storage.database import Reader
from taproot_storage.reads import Lists
from taproot_storage.statements import Statement
from taproot_storage.visibility import is_scoped, visible

M = TypeVar("M", bound=Message)
Condition = ColumnElement[bool]

_TYPES: Sequence[tuple[type, FieldType]] = (
    (Uuid, FieldType.ID),
    (DateTime, FieldType.INSTANT),
    (Date, FieldType.DATE),
    (Boolean, FieldType.BOOLEAN),
    (Integer, FieldType.INTEGER),
    (Float, FieldType.NUMBER),
    (Numeric, FieldType.NUMBER),
    (JSONB, FieldType.JSON),
)


def resource_of(
    name: str,
    model: Any,
    kind: type[Message],
    fields: str,
    order: str = "create_time desc",
    references: Collection[str] = (),
) -> Resource:
    """The allow-list of a resource: the named columns, typed by themselves, masked as the contract says.

    `references`: ids of foreign records; a condition on one holds for all that were merged with it.
    """
    columns, descriptor = model.__table__.c, kind.DESCRIPTOR
    classes = {field.name: sensitivity for field, sensitivity in sensitive_fields(descriptor)}
    made = [
        reference_field(columns[f]) if f in references else _field(f, columns, descriptor, classes)
        for f in fields.split()
    ]
    return Resource(name, made, order, columns.id)


def _field(name: str, columns: Any, descriptor: Any, classes: Mapping[str, str]) -> Field:
    column = columns[name]
    if name == "search":  # of what is named, and what is told, of a party
        kind = "note" if classes else None
        return Field(name, column, FieldType.TEXT, repeated=True, terms=query_tokens, sensitive_class=kind)
    field = descriptor.fields_by_name.get(name)
    repeated = isinstance(column.type, ARRAY)
    enum = field.enum_type if field is not None else None
    return Field(
        name,
        column,
        FieldType.ENUM if enum is not None else _type_of(column.type.item_type if repeated else column.type),
        sensitive_class=classes.get(name),
        enum=literals(enum) if enum is not None else None,
        repeated=repeated,
        sort_column=columns.get("sort_key") if name == "display_name" else None,
    )


def _type_of(stored: Any) -> FieldType:
    return next((kind for sql, kind in _TYPES if isinstance(stored, sql)), FieldType.TEXT)


class Shelf(Generic[M]):
    """Reads one resource.

    `fill` adds to the message what is not a column; `where` hides rows from lists. `live` hides rows from lists
    and single reads: those in the recycle bin, which only a repeated request still answers with.
    `rows` selects more than the columns of the table.
    """

    def __init__(
        self,
        resource: Resource,
        model: Any,
        kind: type[M],
        fill: Callable[[M, Any], None] | None = None,
        where: Condition | None = None,
        *,
        live: Condition | None = None,
        rows: Select[Any] | None = None,
    ) -> None:
        self.resource = resource
        self._model = model
        self._kind = kind
        self._fill = fill
        self._rows = select(model.__table__) if rows is None else rows
        self.has_bin = live is not None
        self._live = true() if live is None else live
        self._listed = self._rows.where(self._live, true() if where is None else where)
        self._any = Statement(self._by_key)
        self._one = Statement(lambda: self._by_key().where(self._live))

    def _by_key(self) -> Select[Any]:
        scope = visible(self._model) if is_scoped(self._model) else true()
        return self._rows.where(self._model.__table__.c.id == bindparam("key"), scope)

    def message(self, row: Any) -> M:
        message = message_of(self._kind, row)
        if self._fill is not None:
            self._fill(message, row)
        return message

    async def messages(self, _reader: Reader, rows: Sequence[Any]) -> list[M]:
        """For records with parts in other tables: to be overridden."""
        return [self.message(row) for row in rows]

    async def row(self, reader: Reader, key: str, *, deleted: bool = False) -> Any:
        """`deleted`: from the recycle bin too."""
        row = await reader.fetch_row(self._any if deleted else self._one, key=key)
        if row is None:
            raise NotFound(self.resource.name, key)
        return row

    async def get(self, reader: Reader, key: str, *, deleted: bool = False) -> M:
        return (await self.messages(reader, [await self.row(reader, key, deleted=deleted)]))[0]

    async def rows(self, reader: Reader, request: Any, lists: Lists) -> tuple[Sequence[Any], str]:
        """Rows of one page and the token of the next."""
        page = await lists.page(reader, self.resource, self._listed, self._model, request)
        return page.rows, page.next_page_token

    async def page(self, reader: Reader, request: Any, lists: Lists) -> tuple[list[M], str]:
        """Messages of one page and the token of the next."""
        rows, token = await self.rows(reader, request, lists)
        return await self.messages(reader, rows), token

    async def aggregate(self, reader: Reader, request: Any) -> list[AggregateRow]:
        return await reads.aggregate(reader, self.resource, self._listed, self._model, request)
