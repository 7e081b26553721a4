"""How a resource is read: one record, one page, one aggregate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Numeric, Uuid, bindparam, select, true
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
        reference_field(columns[f]) if f in references else _field(f, columns[f], descriptor, classes.get(f))
        for f in fields.split()
    ]
    return Resource(name, made, order, columns.id)


def _field(name: str, column: Any, descriptor: Any, sensitivity: str | None) -> Field:
    if name == "search":
        return Field(name, column, FieldType.TEXT, repeated=True, terms=query_tokens, sensitive_class="note")
    field = descriptor.fields_by_name.get(name)
    repeated = isinstance(column.type, ARRAY)
    enum = field.enum_type if field is not None else None
    return Field(
        name,
        column,
        FieldType.ENUM if enum is not None else _type_of(column.type.item_type if repeated else column.type),
        sensitive_class=sensitivity,
        enum=literals(enum) if enum is not None else None,
        repeated=repeated,
    )


def _type_of(stored: Any) -> FieldType:
    return next((kind for sql, kind in _TYPES if isinstance(stored, sql)), FieldType.TEXT)


class Shelf(Generic[M]):
    """Reads one resource. `fill` adds to the message what is not a column; `where` hides rows from lists."""

    def __init__(
        self,
        resource: Resource,
        model: Any,
        kind: type[M],
        fill: Callable[[M, Any], None] | None = None,
        where: Condition | None = None,
    ) -> None:
        self.resource = resource
        self._model = model
        self._kind = kind
        self._fill = fill
        self._where = true() if where is None else where
        self._one = Statement(
            lambda: select(model.__table__).where(model.__table__.c.id == bindparam("key"), self._visible())
        )

    def _visible(self) -> Condition:
        return visible(self._model) if is_scoped(self._model) else true()

    def _listed(self) -> Any:
        return select(self._model.__table__).where(self._where)

    def message(self, row: Any) -> M:
        message = message_of(self._kind, row)
        if self._fill is not None:
            self._fill(message, row)
        return message

    async def row(self, reader: Reader, key: str) -> Any:
        row = await reader.fetch_row(self._one, key=key)
        if row is None:
            raise NotFound(self.resource.name, key)
        return row

    async def get(self, reader: Reader, key: str) -> M:
        return self.message(await self.row(reader, key))

    async def rows(self, reader: Reader, request: Any, lists: Lists) -> tuple[Sequence[Any], str]:
        """Rows of one page and the token of the next."""
        page = await lists.page(reader, self.resource, self._listed(), self._model, request)
        return page.rows, page.next_page_token

    async def page(self, reader: Reader, request: Any, lists: Lists) -> tuple[list[M], str]:
        """Messages of one page and the token of the next."""
        rows, token = await self.rows(reader, request, lists)
        return [self.message(row) for row in rows], token

    async def aggregate(self, reader: Reader, request: Any) -> list[AggregateRow]:
        return await reads.aggregate(reader, self.resource, self._listed(), self._model, request)
