"""Exports between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.customer.events.v1.export_event_pb2 import ExportEvent
from taproot.customer.v1 import export_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.exports.flattening import COLUMNS
from taproot_customer.exports.model import Export
from taproot_storage.eventlog import Recorded

STATE, FORMAT = "EXPORT_STATE_", "EXPORT_FORMAT_"
_PLAIN = (
    "display_name", "filter", "order_by", "columns", "row_count", "size_bytes", "part_count", "error",
)  # fmt: skip


def to_message(row: Any) -> pb.Export:
    """From a row of the table or a mapped Export."""
    read = row.__getitem__ if not isinstance(row, Export) else lambda name: getattr(row, name)
    return pb.Export(
        id=str(read("id")),
        file_format=wire.enum_number(pb.ExportFormat, read("file_format"), FORMAT),
        state=wire.enum_number(pb.ExportState, read("state"), STATE),
        operation=f"operations/customer/{read('operation_id')}",
        end_time=wire.to_timestamp(read("end_time")),
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
    )


def to_event(found: Export, _recorded: Recorded) -> ExportEvent:
    return ExportEvent(export=to_message(found))


def to_values(message: pb.Export) -> dict[str, Any]:
    """Raises InvalidArgument with every column there is not."""
    violations = [
        Violation(f"export.columns[{number}]", f"use some of {', '.join(COLUMNS)}")
        for number, name in enumerate(message.columns)
        if name not in COLUMNS
    ]
    if message.file_format == pb.EXPORT_FORMAT_ARCHIVE:
        violations.append(Violation("export.file_format", "is made by exportPersonalData alone"))
    if violations:
        raise InvalidArgument(violations)
    return {
        "display_name": message.display_name or "customers",
        "file_format": wire.enum_name(pb.ExportFormat, message.file_format, FORMAT) or "csv",
        "filter": message.filter,
        "order_by": message.order_by,
        "columns": list(message.columns),
    }
