"""How every resource of this service is read: one record, one page, one aggregate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Boolean, Date, DateTime, Integer, Numeric, Uuid, bindparam, select, true
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
from taproot_chassis.text import query_tokens
from taproot_chassis.visibility import scope_rules, visibility_arms, visible
from taproot_servicedesk.customer_refs.members import with_members
from taproot_servicedesk.mapping import message_of

M = TypeVar("M", bound=Message)

_TYPES: Sequence[tuple[type, FieldType]] = (
    (Uuid, FieldType.ID),
    (DateTime, FieldType.INSTANT),
    (Date, FieldType.DATE),
    (Boolean, FieldType.BOOLEAN),
    (Integer, FieldType.INTEGER),
    (Numeric, FieldType.NUMBER),
    (JSONB, FieldType.JSON),
)


def resource_of(
    name: str, model: Any, kind: type[Message], fields: str, order: str = "create_time desc"
) -> Resource:
    """The allow-list of a resource: the named columns, typed by themselves, masked as the contract says."""
    columns, descriptor = model.__table__.c, kind.DESCRIPTOR
    classes = {field.name: sensitivity for field, sensitivity in sensitive_fields(descriptor)}
    made = [_field(f, columns, descriptor, classes.get(f)) for f in fields.split()]
    return Resource(name, made, order, columns.id)


def _field(name: str, columns: Any, descriptor: Any, sensitivity: str | None) -> Field:
    column, field = columns[name], descriptor.fields_by_name.get(name)
    if name == "search":
        return Field(name, column, FieldType.TEXT, repeated=True, terms=query_tokens, sensitive_class="note")
    if field is not None and field.enum_type is not None:
        return Field(
            name,
            column,
            FieldType.ENUM,
            sensitive_class=sensitivity,
            enum=_literals(field.enum_type),
            repeated=bool(field.is_repeated),
        )
    if name == "customer_id":
        return Field(name, column, FieldType.ID, sortable=False, through=with_members(column))
    repeated = isinstance(column.type, ARRAY)
    stored = column.type.item_type if repeated else column.type
    kinds = [kind for sql, kind in _TYPES if isinstance(stored, sql)]
    return Field(
        name, column, kinds[0] if kinds else FieldType.TEXT, sensitive_class=sensitivity, repeated=repeated
    )


def _groupable(resource: Resource) -> Resource:
    """For aggregates: rows are grouped by the customer they name, so their filter is by that too."""
    plain = [Field(f.name, f.column, f.type) for f in resource.fields if f.through is not None]
    return resource.with_fields(*plain)


def _literals(enum: Any) -> dict[str, str]:
    names = [value.name for value in enum.values if value.number]
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    short = {name: name.removeprefix(prefix) for name in names}
    return {literal: s.lower() for name, s in short.items() for literal in (name, s)}


class Shelf(Generic[M]):
    """Reads one resource. `fill` adds to the message what is not a column; `where` hides rows from lists."""

    def __init__(
        self,
        resource: Resource,
        model: Any,
        kind: type[M],
        fill: Callable[[M, Any], None] | None = None,
        where: ColumnElement[bool] | None = None,
    ) -> None:
        self.resource = resource
        self._grouped = _groupable(resource)
        self._model = model
        self._kind = kind
        self._fill = fill
        self._where = true() if where is None else where
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

    async def row(self, reader: Reader, key: str) -> Any:
        row = await reader.fetch_row(self._one, key=key)
        if row is None:
            raise NotFound(self.resource.name, key)
        return row

    async def get(self, reader: Reader, key: str) -> M:
        return self.message(await self.row(reader, key))

    async def page(self, reader: Reader, request: Any, lists: ListQuery) -> tuple[list[M], str]:
        call = current_call()
        arms = visibility_arms(self._model) if self._scoped else [true()]
        query = lists.build(
            self.resource,
            select(self._model.__table__).where(self._where),
            arms,
            request,
            principal_key=f"{call.principal.kind}:{call.principal.subject}",
            now=reader.clock.now(),
            masked=call.masked,
        )
        page = query.cut(await reader.fetch(query.statement))
        return [self.message(row) for row in page.rows], page.next_page_token

    async def aggregate(self, reader: Reader, request: Any) -> list[AggregateRow]:
        query = build_aggregate(
            self._grouped,
            select(self._model.__table__).where(self._where),
            self._visible(),
            filter_text=request.filter,
            group_by=list(request.group_by),
            measures=list(request.measures),
            now=reader.clock.now(),
            masked=current_call().masked,
        )
        rows = query.rows(await reader.fetch(query.statement))
        return [AggregateRow(keys=row.keys, values=row.values) for row in rows]
