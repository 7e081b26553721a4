"""gRPC of the audit: every service serves its own events."""

from __future__ import annotations

import operator
from typing import Any

from sqlalchemy import ARRAY, Text, TypeDecorator, cast, select, type_coerce
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql.elements import ColumnElement

from taproot.operations.v1 import audit_service_pb2 as pb
from taproot_base import wire
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage import reads
from taproot_storage.database import Database
from taproot_storage.reads import Lists
from taproot_storage.schema import audit_events

_e = audit_events.c
_SAME = (
    "principal", "principal_kind", "on_behalf_of", "branch_path", "method", "permission", "resource", "record_ids",
    "outcome", "request_id", "trace_id", "fields", "filter_fields", "record_count", "client", "number",
)  # fmt: skip


class _Among(TypeDecorator[str]):
    """A list of ids that is equal to an id when it holds it: `record_id = "..."`, served by the index."""

    impl = Text
    cache_ok = True

    class comparator_factory(TypeDecorator.Comparator[str]):  # noqa: N801  # SQLAlchemy's name
        def operate(self, op: Any, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            if op is operator.eq:
                wanted = array([cast(other[0], Text)])
                return type_coerce(self.expr, ARRAY(Text)).bool_op("@>")(wanted)
            return super().operate(op, *other, **kwargs)


def _text(name: str) -> Field:
    return Field(name, _e[name], FieldType.TEXT, sortable=False)


RESOURCE = Resource(
    "audit_event",
    (
        Field("id", _e.id, FieldType.ID, sortable=False),
        Field("time", _e.time, FieldType.INSTANT),
        Field("category", _e.category, FieldType.ENUM, enum=pb.AuditCategory, sortable=False),
        Field(
            "record_id",
            type_coerce(_e.record_ids, _Among()),
            FieldType.ID,
            sortable=False,
            nullable=False,
            through=lambda condition: condition,  # a list of ids: nothing to group or measure by
        ),
        Field("fields", _e.fields, FieldType.TEXT, sortable=False, repeated=True),
        Field("filter_fields", _e.filter_fields, FieldType.TEXT, sortable=False, repeated=True),
        Field("record_count", _e.record_count, FieldType.INTEGER, sortable=False),
        *(
            _text(name)
            for name in (
                "principal", "principal_kind", "on_behalf_of", "branch_path", "method", "permission", "resource",
                "outcome", "trace_id", "request_id", "client",
            )
        ),
    ),
    "time desc",
    _e.id,
)  # fmt: skip


class AuditEventsServicer:
    def __init__(self, database: Database, service: str, page_key: bytes) -> None:
        self._database = database
        self._service = service
        self._lists = Lists(page_key)

    async def ListAuditEvents(
        self, request: pb.ListAuditEventsRequest, _context: Any
    ) -> pb.ListAuditEventsResponse:
        async with self._database.reading() as reader:
            page = await self._lists.page(reader, RESOURCE, select(audit_events), audit_events, request)
        found = [to_message(self._service, row) for row in page.rows]
        return pb.ListAuditEventsResponse(audit_events=found, next_page_token=page.next_page_token)

    async def AggregateAuditEvents(
        self, request: pb.AggregateAuditEventsRequest, _context: Any
    ) -> pb.AggregateAuditEventsResponse:
        async with self._database.reading() as reader:
            rows = await reads.aggregate(reader, RESOURCE, select(audit_events), audit_events, request)
        return pb.AggregateAuditEventsResponse(rows=rows)


def to_message(service: str, row: Any) -> pb.AuditEvent:
    return pb.AuditEvent(
        id=str(row["id"]),
        service=service,
        time=wire.to_timestamp(row["time"]),
        category=pb.AuditCategory.Value(f"AUDIT_CATEGORY_{row['category'].upper()}"),
        **{name: row[name] for name in _SAME},
    )
