"""A contract with every kind of field, and the table that stores it."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
)
from google.type import date_pb2
from sqlalchemy import Numeric
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from taproot.type.v1 import money_pb2
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import ModelBase, new_metadata

PACKAGE = "taproot.records.test.v1"
_TYPE = descriptor_pb2.FieldDescriptorProto.Type
_MESSAGES = {
    kind.DESCRIPTOR.name: kind.DESCRIPTOR
    for kind in (
        timestamp_pb2.Timestamp,
        duration_pb2.Duration,
        struct_pb2.Struct,
        date_pb2.Date,
        money_pb2.Money,
    )
}
PARTS = "label:string kind:Kind day:Date pause:Duration nested:Part weights:int32* flag:bool? limit:int32|goal count:int32|goal"
JOB = (
    "id:string etag:string name:string note:string state:Kind owner_id:string share:string done:bool rank:int32?"
    " labels:string* watcher_ids:string* kinds:Kind* day:Date at:Timestamp price:Money custom:Struct answers:Struct"
    " main:Part parts:Part*"
)


def _add_field(message: Any, text: str, number: int) -> None:
    name, _, kind = text.partition(":")
    kind, _, oneof = kind.partition("|")
    many, optional = kind.endswith("*"), kind.endswith("?")
    kind = kind.rstrip("*?")
    field = message.field.add(name=name, number=number, label=3 if many else 1)
    if kind in _MESSAGES:
        field.type, field.type_name = _TYPE.TYPE_MESSAGE, f".{_MESSAGES[kind].full_name}"
    elif kind == "Part":
        field.type, field.type_name = _TYPE.TYPE_MESSAGE, f".{PACKAGE}.Part"
    elif kind == "Kind":
        field.type, field.type_name = _TYPE.TYPE_ENUM, f".{PACKAGE}.Kind"
    else:
        field.type = getattr(_TYPE, f"TYPE_{kind.upper()}")
    if oneof or optional:
        field.oneof_index = _oneof(message, oneof or f"_{name}")
        field.proto3_optional = optional
    if name in ("id", "etag"):
        field.options.Extensions[field_behavior_pb2.field_behavior].append(field_behavior_pb2.IDENTIFIER)


def _oneof(message: Any, name: str) -> int:
    known = [oneof.name for oneof in message.oneof_decl]
    if name not in known:
        message.oneof_decl.add(name=name)
        known.append(name)
    return known.index(name)


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="taproot/records/test/v1/job.proto", package=PACKAGE)
    file.syntax = "proto3"
    file.dependency.extend(sorted({kind.file.name for kind in _MESSAGES.values()}))
    kinds = file.enum_type.add(name="Kind")
    for number, name in enumerate(("KIND_UNSPECIFIED", "KIND_SHORT", "KIND_VERY_LONG")):
        kinds.value.add(name=name, number=number)
    for name, fields in (("Part", PARTS), ("Job", JOB)):
        message = file.message_type.add(name=name)
        # Synthetic oneofs of optional fields come after the real ones.
        for number, text in sorted(enumerate(fields.split(), 1), key=lambda item: item[1].endswith("?")):
            _add_field(message, text, number)
    return file


_pool = descriptor_pool.Default()
_pool.AddSerializedFile(_file().SerializeToString())
JobMessage: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.Job"))
Kind: Any = _pool.FindEnumTypeByName(f"{PACKAGE}.Kind")


class Base(ModelBase, DeclarativeBase):
    metadata = new_metadata()


class Job(Aggregate, Base):
    __tablename__ = "jobs"
    aggregate_type = "job"

    name: Mapped[str] = mapped_column(default="")
    note: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="short")
    owner_id: Mapped[uuid.UUID | None]
    share: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    done: Mapped[bool] = mapped_column(default=False)
    rank: Mapped[int] = mapped_column(default=100)
    labels: Mapped[list[str]] = mapped_column(default=list)
    watcher_ids: Mapped[list[uuid.UUID]] = mapped_column(default=list)
    kinds: Mapped[list[str]] = mapped_column(default=list)
    day: Mapped[date | None]
    at: Mapped[datetime | None]
    price_amount: Mapped[Decimal | None] = mapped_column(Numeric(24, 6))
    price_currency: Mapped[str | None]
    custom: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    main: Mapped[dict[str, Any]] = mapped_column(default=dict)
    parts: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    search: Mapped[list[str]] = mapped_column(default=list)
