"""How every resource of this service is read: one record, one page, one aggregate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, Numeric, Uuid, bindparam, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot.type.v1.aggregate_pb2 import AggregateRow
from taproot_chassis.context import current_call
from taproot_chassis.database import Reader
from taproot_chassis.descriptors import sensitive_fields
from taproot_chassis.errors import NotFound
from taproot_chassis.listing.aggregate import build_aggregate
from taproot_chassis.listing.fields import Field, FieldType, Resource
from taproot_chassis.listing.lists import ListQuery
from taproot_chassis.statements import Statement
from taproot_chassis.visibility import scope_rules, visibility_arms, visible
from taproot_marketing.mapping import message_of

M = TypeVar("M", bound=Message)

_TYPES: Sequence[tuple[type, FieldType]] = (
    (Uuid, FieldType.ID),
    (DateTime, FieldType.INSTANT),
    (Date, FieldType.DATE),
    (Boolean, FieldType.BOOLEAN),
    (Integer, FieldType.INTEGER),
    (Numeric, FieldType.NUMBER),
    (Float, FieldType.NUMBER),
    (JSONB, FieldType.JSON),
)


def resource_of(
    name: str, model: Any, kind: type[Message], fields: str, order: str = "create_time desc"
) -> Resource:
    """The allow-list of a resource: the named fields, typed by their columns, masked as the contract says."""
    columns = model.__table__.c
    descriptor: Any = kind.DESCRIPTOR
    classes = {field.name: sensitivity for field, sensitivity in sensitive_fields(descriptor)}
    made = [_field(f, columns, descriptor, classes.get(f)) for f in fields.split()]
    return Resource(name, made, order, columns.id)


def _field(name: str, columns: Any, descriptor: Descriptor, sensitivity: str | None) -> Field:
    money = name.removesuffix("_amount")
    field = descriptor.fields_by_name.get(name) or descriptor.fields_by_name.get(money)
    assert field is not None, name
    column = columns[name]
    if field.enum_type is not None:
        return Field(name, column, FieldType.ENUM, sensitive_class=sensitivity, enum=_literals(field))
    repeated = isinstance(column.type, ARRAY)
    kinds = [kind for sql, kind in _TYPES if isinstance(column.type, sql)]
    return Field(
        name, column, kinds[0] if kinds else FieldType.TEXT, sensitive_class=sensitivity, repeated=repeated
    )


def _literals(field: FieldDescriptor) -> dict[str, str]:
    assert field.enum_type is not None
    names = [value.name for value in field.enum_type.values if value.number]
    prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
    short = {name: name.removeprefix(prefix) for name in names}
    return {literal: s.lower() for name, s in short.items() for literal in (name, s)}


class Shelf(Generic[M]):
    """Reads one resource. `fill` adds to the message what is not a column."""

    def __init__(
        self, resource: Resource, model: Any, kind: type[M], fill: Callable[[M, Any], None] | None = None
    ) -> None:
        self.resource = resource
        self._model = model
        self._kind = kind
        self._fill = fill
        self._scoped = model.__table__ in scope_rules()
        self._one = Statement(
            lambda: select(model.__table__).where(model.__table__.c.id == bindparam("key"), self._visible())
        )

    def _visible(self) -> ColumnElement[bool]:
        return visible(self._model) if self._scoped else true()

    def message(self, row: Any) -> M:
        message = message_of(self._kind, row)
        if self._fill is not None:
            self._fill(message, row)
        return message

    async def get(self, reader: Reader, key: str) -> M:
        row = await reader.fetch_row(self._one, key=key)
        if row is None:
            raise NotFound(self.resource.name, key)
        return self.message(row)

    async def page(self, reader: Reader, request: Any, lists: ListQuery) -> tuple[list[M], str]:
        """Messages of one page and the token of the next."""
        rows, token = await self.rows(reader, request, lists)
        return [self.message(row) for row in rows], token

    async def rows(self, reader: Reader, request: Any, lists: ListQuery) -> tuple[Sequence[Any], str]:
        call = current_call()
        arms = visibility_arms(self._model) if self._scoped else [true()]
        query = lists.build(
            self.resource,
            select(self._model.__table__),
            arms,
            request,
            principal_key=call.principal.subject,
            now=reader.clock.now(),
            masked=call.masked,
        )
        page = query.cut(await reader.fetch(query.statement))
        return page.rows, page.next_page_token

    async def aggregate(self, reader: Reader, request: Any) -> list[AggregateRow]:
        query = build_aggregate(
            self.resource,
            select(self._model.__table__),
            self._visible(),
            filter_text=request.filter,
            group_by=list(request.group_by),
            measures=list(request.measures),
            now=reader.clock.now(),
            masked=current_call().masked,
        )
        rows = query.rows(await reader.fetch(query.statement))
        return [AggregateRow(keys=row.keys, values=row.values) for row in rows]
